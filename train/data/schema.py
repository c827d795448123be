"""Records read back from JSON by the types of their fields: what does not fit is named."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections.abc import Mapping
from typing import Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from train.errors import UserError

T = TypeVar("T")
NOT_ZERO = ("unit", "units")  # fields that others are divided by
SHOWN = 40  # characters of what was found


def read_record(kind: type[T], plain: object, where: str, *, further: bool = False) -> T:
    """A dataclass as `dataclasses.asdict` and JSON leave it: lists in place of tuples.

    Fields that are absent take their defaults. Raises UserError, naming `where` and the field, of
    what is absent without one, has another type, or is not known, unless `further` ones may come.
    """
    if not isinstance(plain, dict):
        raise _unfit(where, "an object with named fields", plain)
    known = _fields(kind)
    if not further and (unknown := plain.keys() - known.keys()):
        raise UserError(f"{where}: has no field {min(unknown)[:SHOWN]!r}")
    values = {}
    for name, (annotation, is_needed) in known.items():
        if name in plain:
            values[name] = _read(annotation, plain[name], f"{where}: {name}")
            if name in NOT_ZERO and 0 in _as_tuple(values[name]):
                raise UserError(f"{where}: {name}: expected a number that is not zero, got 0")
        elif is_needed:
            raise UserError(f"{where}: lacks the field {name!r}")
    return kind(**values)


@functools.cache
def _fields(kind: type) -> dict[str, tuple[object, bool]]:
    """{field: its type, whether it must be given}."""
    hints = get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        has_none = field.default is field.default_factory is dataclasses.MISSING
        found[field.name] = hints[field.name], has_none
    return found


def _read(annotation: object, plain: object, where: str) -> object:
    """What JSON has as a value of this type."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(annotation), plain, where)
    if origin is Literal:
        if plain in get_args(annotation) and isinstance(plain, str):
            return plain
        raise _unfit(where, " or ".join(map(repr, get_args(annotation))), plain)
    if origin is tuple:
        return _read_tuple(get_args(annotation), plain, where)
    if origin in (dict, Mapping):
        if not isinstance(plain, dict):
            raise _unfit(where, "an object", plain)
        of = get_args(annotation)[1]
        return {name: _read(of, value, f"{where}.{name[:SHOWN]}") for name, value in plain.items()}
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return read_record(annotation, plain, where)
    return _read_leaf(annotation, plain, where)


def _read_union(annotations: tuple[object, ...], plain: object, where: str) -> object:
    """A value, or None."""
    if plain is None and type(None) in annotations:
        return None
    (annotation,) = [each for each in annotations if each is not type(None)]
    return _read(annotation, plain, where)


def _read_tuple(annotations: tuple[object, ...], plain: object, where: str) -> tuple[object, ...]:
    """A list of values of one type, of any length."""
    if not isinstance(plain, list | tuple):
        raise _unfit(where, "a list", plain)
    of = annotations[0]
    if of is str and all(type(value) is str for value in plain):  # vocabularies are long
        if where.endswith(("vocabulary", "classes")) and len(set(plain)) < len(plain):
            raise _unfit(where, "texts that differ", plain)
        return tuple(plain)
    return tuple(_read(of, value, f"{where}[{i}]") for i, value in enumerate(plain))


def _read_leaf(annotation: object, plain: object, where: str) -> object:
    """A text, a number or a truth."""
    if annotation is float:
        if type(plain) not in (int, float) or not _is_finite(plain):
            raise _unfit(where, "a finite number", plain)
        return plain
    words = {int: "a whole number", str: "a text", bool: "true or false"}
    if not isinstance(annotation, type) or type(plain) is not annotation:
        raise _unfit(where, words.get(annotation, str(annotation)), plain)
    return plain


def _is_finite(plain: object) -> bool:
    try:
        return isinstance(plain, int | float) and math.isfinite(plain)
    except OverflowError:  # a whole number beyond all floats
        return False


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _unfit(where: str, expected: str, plain: object) -> UserError:
    shown = repr(plain)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    return UserError(f"{where}: expected {expected}, got {shown}")
