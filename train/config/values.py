"""What the annotation of an option admits: text is read by it, values are checked against it.

Annotations are int, float, bool, str, None, Literal, tuple[x, ...], dict[str, x] and unions.
"""

from __future__ import annotations

import ast
import math
import re
import types
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, TypeGuard, Union, get_args, get_origin

from train.config.bounded import Limits
from train.config.imported import Imported

Annotation: TypeAlias = object  # a type, a Literal, or a union of them
OptionValue: TypeAlias = "Scalar | tuple[OptionValue, ...] | Mapping[str, OptionValue]"
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"  # as JSON has it
Scalar: TypeAlias = bool | int | float | str | None

# In a union the strictest member reads a text first: "3" is an integer before it is a number.
_READING_ORDER = (types.NoneType, Literal, bool, int, float, dict, tuple, Imported, str)
_SHOWN = 80  # characters of a value in a message
_MAX_FLOAT = math.nextafter(math.inf, 0)
_NOT_QUOTED = re.compile(r"[^\s,()\[\]'\"]+")


def members(annotation: Annotation) -> tuple[Annotation, ...]:
    """The members of a union; any other annotation alone."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def parse(text: str, annotation: Annotation) -> OptionValue:
    """The value that a text on a command line stands for, by the annotation of its option.

    Several names or numbers are separated by commas, in brackets or not: "64,64", "(64, 64)",
    "tags,intent". A name that holds a comma stands in quotes: '("price, net", "age")'. Raises
    ValueError where the annotation admits no such value.
    """
    in_order = sorted(members(annotation), key=lambda m: _READING_ORDER.index(get_origin(m) or m))
    for member in in_order:
        try:
            value = _parse_member(text, member)
        except ValueError:
            continue
        if isinstance(value, tuple) and str in members(annotation) and value == (text,):
            return text  # one name, where one may stand alone
        return value
    raise ValueError(text)


def _parse_member(text: str, member: Annotation) -> OptionValue:
    if member is str:
        return text
    text = text.strip()
    origin = get_origin(member)
    if origin is Literal and text in get_args(member):
        return text
    if member is types.NoneType and text.lower() == "none":
        return None
    if member is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if member is int:
        return int(text)
    if member is float and math.isfinite(float(text)):
        return float(text)
    if member is Imported:
        return Imported.parse(text)
    if origin is tuple:
        return tuple(parse(item, get_args(member)[0]) for item in _items(text))
    if origin is dict:
        return _parse_table(text, member)
    raise ValueError(text)


def _parse_table(text: str, annotation: Annotation) -> dict[str, OptionValue]:
    table = _python_value(text)
    if not isinstance(table, dict) or not admits(table, annotation):
        raise ValueError(text)
    return {
        name: float(value) if isinstance(value, int) else value for name, value in table.items()
    }


def _items(text: str) -> list[str]:
    """The texts between the commas; quoted names where all are quoted."""
    quoted = _python_value(text)
    names = [quoted] if isinstance(quoted, str) else quoted
    if names and isinstance(names, tuple | list) and all(isinstance(name, str) for name in names):
        return list(names)
    if text[:1] + text[-1:] in ("()", "[]"):
        text = text[1:-1]
    items = [item.strip() for item in text.split(",")]
    if items[-1] == "":
        items.pop()
    if "" in items:
        raise ValueError(text)
    return items


def _python_value(text: str) -> object:
    """What a Python literal stands for; None for any other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def to_text(value: object) -> str:
    """A value as a command line writes it; the text of a default is read back as the default."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple) and all(_needs_no_quotes(item) for item in value):
        return ",".join(value)
    return str(value)


def in_words(chosen: Mapping[str, object]) -> str:
    """Fields and their values as a message names them: "optim.l2=0.1, net.hidden=(8,)"."""
    return ", ".join(f"{path}={to_text(value)}" for path, value in chosen.items())


def _needs_no_quotes(item: object) -> bool:
    return isinstance(item, str) and _NOT_QUOTED.fullmatch(item) is not None


def admits(value: object, annotation: Annotation) -> bool:
    """Whether a value is of the annotated type: an int is a float, a bool and infinity are not."""
    return any(_admits_member(value, member) for member in members(annotation))


def _admits_member(value: object, member: Annotation) -> bool:
    origin = get_origin(member)
    if origin is Literal:
        return isinstance(value, str) and value in get_args(member)
    if origin is tuple:
        return isinstance(value, tuple) and all(admits(item, get_args(member)[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            isinstance(name, str) and admits(item, get_args(member)[1])
            for name, item in value.items()
        )
    if member is float:
        return is_number(value) and abs(value) <= _MAX_FLOAT
    assert isinstance(member, type)
    return isinstance(value, member) and (member is bool or not isinstance(value, bool))


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(value: object) -> Iterator[int | float]:
    """The numbers in an option's value: itself, or those of its tuple or dict."""
    if isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, int | float))
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif is_number(value):
        yield value


def within(value: object, limits: Limits) -> bool:
    """Whether all numbers of a value keep the limits of its field."""
    low, high, above, below = (limits.get(name) for name in ("low", "high", "above", "below"))
    return all(
        (low is None or number >= low)
        and (high is None or number <= high)
        and (above is None or number > above)
        and (below is None or number < below)
        for number in numbers(value)
    )


def to_plain(value: object, annotation: Annotation) -> Plain:
    """A value as JSON has it: tuples become lists, an int in a field of floats its float."""
    kinds = members(annotation)
    if isinstance(value, Imported):
        return {Imported.KEY: str(value)}
    if isinstance(value, tuple):
        return [to_plain(item, type(item)) for item in value]
    if isinstance(value, dict):
        table = next(kind for kind in kinds if get_origin(kind) is dict)
        return {name: to_plain(item, get_args(table)[1]) for name, item in value.items()}
    if float in kinds and int not in kinds and isinstance(value, int):
        return float(value)
    assert value is None or isinstance(value, bool | int | float | str)
    return value


def from_plain(value: Plain) -> OptionValue:
    """The value that `to_plain` wrote."""
    if isinstance(value, dict):
        if value.keys() == {Imported.KEY}:
            return Imported.parse(str(value[Imported.KEY]))
        return {name: from_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(from_plain(item) for item in value)
    return value


_LIMIT_WORDS = {"low": "at least", "high": "at most", "above": "above", "below": "below"}
_TYPE_WORDS: dict[Annotation, str] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    Imported: "an import path such as my_module.name",
    types.NoneType: "none",
    tuple[int, ...]: "integers such as (64, 64)",
    tuple[float, ...]: "numbers such as (0.1, 0.5)",
    tuple[str, ...]: "names such as a,b",
    dict[str, float]: 'numbers by name such as {"a": 0.5}',
}


def describe(annotation: Annotation, limits: Limits | None = None) -> str:
    """What is expected, in words: "an integer, at least 1, or auto"."""
    kinds = members(annotation)
    given = [(name, limit) for name, limit in (limits or {}).items() if limit is not None]
    bounds = " and ".join(f"{_LIMIT_WORDS[name]} {limit}" for name, limit in given)
    words = []
    for kind in kinds:
        if kind is int and float in kinds:
            continue  # "a number" says it
        word = _describe_member(kind)
        numeric = kind in (int, float) or get_origin(kind) in (tuple, dict)
        words.append(f"{word}, {bounds}" if numeric and bounds else word)
    return (", or " if bounds else " or ").join(words)


def _describe_member(member: Annotation) -> str:
    if member in _TYPE_WORDS:
        return _TYPE_WORDS[member]
    if get_origin(member) is dict:
        return 'values by field such as {"optim.learning_rate": (0.001, 0.003)}'
    # A mark or a blank is seen in quotes only.
    names = [name if name[-1:].isalnum() else repr(name) for name in get_args(member)]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def choices(annotation: Annotation) -> list[str]:
    """The names that an annotation spells out: those of its Literals."""
    found: list[str] = []
    for kind in members(annotation):
        if get_origin(kind) is Literal:
            found += get_args(kind)
    return found


def shorten(value: object) -> str:
    """A value as Python writes it, cut to a length that leaves a message readable."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
