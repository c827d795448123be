"""Whether a result.json from a disk is one that a run wrote: each field there, and of its type."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import (
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from train.errors import UserError
from train.report.result import PopulationResult, Result


def checked_result(content: object, path: Path) -> Result:
    """What a file holds, as a record of it. Raises UserError that names the field."""
    several = isinstance(content, dict) and content.get("members") not in (0, 1)
    wrong = _wrong(content, PopulationResult if several else Result, "")
    if wrong is not None:
        raise UserError(f"{path}: {wrong}; it is not what a run wrote")
    return cast(Result, content)


def _wrong(value: object, kind: object, place: str) -> str | None:
    """What is not as its type says, and where; None where all is."""
    origin = get_origin(kind) or kind
    inner = get_args(kind)
    if kind is object:
        return None
    if origin in (NotRequired, Required):
        return _wrong(value, inner[0], place)
    if origin in (Union, types.UnionType):
        found = [_wrong(value, each, place) for each in inner]
        return None if None in found else found[0]
    if is_typeddict(kind):
        return _wrong_record(value, kind, place)
    if origin in (Mapping, dict):
        if not isinstance(value, dict):
            return f"{place} is no object"
        return _first(_wrong(item, inner[1], f"{place}.{name}") for name, item in value.items())
    if origin in (Sequence, list):
        if not isinstance(value, list):
            return f"{place} is no list"
        return _first(_wrong(item, inner[0], f"{place}[{i}]") for i, item in enumerate(value))
    numbers = {int: (int,), float: (int, float)}
    if origin in numbers and isinstance(value, bool):
        return f"{place} is no number"
    is_one = isinstance(value, numbers.get(origin, origin))
    return None if is_one else f"{place} is not of its type"


def _wrong_record(value: object, kind: object, place: str) -> str | None:
    if not isinstance(value, dict):
        return f"{place or 'it'} is no object"
    for name, hint in get_type_hints(kind, include_extras=True).items():
        inner = f"{place}.{name}".lstrip(".")
        if name in value:
            wrong = _wrong(value[name], hint, inner)
            if wrong is not None:
                return wrong
        elif get_origin(hint) is not NotRequired:
            return f"{inner} is missing"
    return None


def _first(found: Iterable[str | None]) -> str | None:
    return next((wrong for wrong in found if wrong is not None), None)
