"""What the annotation of an option admits: text is read by it, a value is checked against it, words
are made of it.

Knows the annotations of `train.config.options`: int, float, bool, str, None, Literal, tuple[x,
...], dict[str, x] and unions of them. Imports nothing heavy.
"""

from __future__ import annotations

import ast
import math
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

# In a union the strictest member reads a text first: "3" is an integer before it is a number or a
# name.
_READING_ORDER = (types.NoneType, Literal, bool, int, float, dict, tuple, str)


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; any other annotation alone."""
    return (
        get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType)
        else (annotation,)
    )


def parse(text: str, annotation: Any) -> Any:
    """The value that `text` writes, as on a command line. Raises ValueError where the annotation
    admits no such value.

    Several names or numbers are separated by commas, in brackets or not: "64,64", "(64, 64)",
    "tags,intent". A name that holds a comma stands in quotes: '("price, net", "age")'.
    """
    for member in sorted(
        members(annotation), key=lambda member: _READING_ORDER.index(get_origin(member) or member)
    ):
        try:
            value = _parse_member(text, member)
        except ValueError:
            continue
        one_name = get_origin(member) is tuple and len(value) == 1 and str in members(annotation)
        return text if one_name and text == value[0] else value
    raise ValueError(text)


def _parse_member(text: str, member: Any) -> Any:
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
    if origin is tuple:
        return tuple(_parse_member(item, get_args(member)[0]) for item in _items(text))
    if origin is dict and admits(table := _python_value(text), member):
        return {
            key: float(value) if isinstance(value, int) else value for key, value in table.items()
        }
    raise ValueError(text)


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


def _python_value(text: str) -> Any:
    """What a Python literal stands for; None for any other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def to_text(value: Any) -> str:
    """A value as it is written on a command line; a default's text is read back as the default."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    plain = re.compile(r"[^\s,()\[\]'\"]+")
    if isinstance(value, tuple) and all(
        isinstance(name, str) and plain.fullmatch(name) for name in value
    ):
        return ",".join(value)
    return str(value)


def admits(value: Any, annotation: Any) -> bool:
    """Whether a value is of the annotated type. A bool is no number, an int is a float, and
    infinities are neither.
    """
    return any(_admits_member(value, member) for member in members(annotation))


def _admits_member(value: Any, member: Any) -> bool:
    origin = get_origin(member)
    if origin is Literal:
        return isinstance(value, str) and value in get_args(member)
    if origin is tuple:
        return isinstance(value, tuple) and all(admits(item, get_args(member)[0]) for item in value)
    if origin is dict:
        kind = get_args(member)[1]
        return isinstance(value, dict) and all(
            isinstance(k, str) and admits(v, kind) for k, v in value.items()
        )
    if member is float:
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= _LARGEST
        )
    return isinstance(value, member) and (member is bool or not isinstance(value, bool))


_LARGEST = math.nextafter(math.inf, 0)


def numbers(value: Any) -> Iterator[int | float]:
    """The numbers in an option's value: itself, or those of its tuple or dict."""
    if isinstance(value, tuple):
        yield from (item for item in value if isinstance(item, int | float))
    elif isinstance(value, dict):
        yield from (number for item in value.values() for number in numbers(item))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def within(value: Any, limits: Mapping[str, float | None]) -> bool:
    """Whether all numbers of a value keep the limits that `options.bounded` gave its field."""
    low, high, above, below = (limits.get(name) for name in ("low", "high", "above", "below"))
    return all(
        (low is None or number >= low)
        and (high is None or number <= high)
        and (above is None or number > above)
        and (below is None or number < below)
        for number in numbers(value)
    )


def to_plain(value: Any, annotation: Any) -> Any:
    """A value as JSON has it: tuples become lists; an int in a field of floats becomes the float it
    stands for.
    """
    kinds = members(annotation)
    if isinstance(value, tuple):
        return [to_plain(item, type(item)) for item in value]
    if isinstance(value, dict):
        kind = next(get_args(member)[1] for member in kinds if get_origin(member) is dict)
        return {key: to_plain(item, kind) for key, item in value.items()}
    if float in kinds and int not in kinds and isinstance(value, int):
        return float(value)
    return value


def from_plain(value: Any) -> Any:
    """The value that `to_plain` wrote."""
    if isinstance(value, dict):
        return {key: from_plain(item) for key, item in value.items()}
    return tuple(from_plain(item) for item in value) if isinstance(value, list) else value


def describe(annotation: Any, limits: Mapping[str, float | None] | None = None) -> str:
    """What is expected, in words: "an integer, at least 1, or auto"."""
    kinds = [
        kind for kind in members(annotation) if not (kind is int and float in members(annotation))
    ]
    names = {"low": "at least", "high": "at most", "above": "above", "below": "below"}
    bounds = " and ".join(
        f"{names[name]} {limit}" for name, limit in (limits or {}).items() if limit is not None
    )
    words = []
    for kind in kinds:
        numeric = kind in (int, float) or get_origin(kind) in (tuple, dict)
        words.append(
            f"{_describe_member(kind)}, {bounds}" if numeric and bounds else _describe_member(kind)
        )
    return (", or " if bounds else " or ").join(words)


_WORDS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    types.NoneType: "none",
    tuple[int, ...]: "integers such as (64, 64)",
    tuple[float, ...]: "numbers such as (0.1, 0.5)",
    tuple[str, ...]: "names such as a,b",
    dict[str, float]: 'numbers by name such as {"a": 0.5}',
}


def _describe_member(member: Any) -> str:
    if member in _WORDS:
        return _WORDS[member]
    names = get_args(member)
    if get_origin(member) is dict:
        return 'values by field such as {"optim.learning_rate": (0.001, 0.003)}'
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def choices(annotation: Any) -> list[str]:
    """The names that an annotation spells out: those of its Literals."""
    return [
        name
        for kind in members(annotation)
        if get_origin(kind) is Literal
        for name in get_args(kind)
    ]


def shorten(value: Any, length: int = 80) -> str:
    """A value as Python writes it, cut to a length that leaves a message readable."""
    text = repr(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."
