"""The fields of a config: where they stand, and whether each holds what its type and limits admit.

A field is named by its path from the whole: config.net.hidden.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_type_hints

from train.config import values
from train.config.options import Config
from train.errors import UserError


class Leaf(NamedTuple):
    """A field that is no group of fields: where it stands, and what it may hold."""

    path: str
    group: Any
    field: dataclasses.Field
    annotation: Any

    @property
    def value(self) -> Any:
        return getattr(self.group, self.field.name)


def walk(group: Any, path: str = "config") -> Iterator[Leaf]:
    """The fields of a config, or of one group of it, in order. Raises UserError where a group is of
    no known kind.
    """
    hints = get_type_hints(type(group))
    for field in dataclasses.fields(group):
        leaf = Leaf(f"{path}.{field.name}", group, field, hints[field.name])
        kinds = group_kinds(leaf.annotation)
        if not kinds:
            yield leaf
        elif type(leaf.value) in kinds:
            yield from walk(leaf.value, leaf.path)
        else:
            names = " or ".join(f"train.config.{kind.__name__}" for kind in kinds)
            raise UserError(f"{leaf.path}: expected {names}, got {values.shorten(leaf.value)}")


def group_kinds(annotation: Any) -> tuple[type, ...]:
    """The dataclasses that an annotation admits: those of a group of fields, none for a plain
    field.
    """
    return tuple(
        kind
        for kind in values.members(annotation)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    )


def unknown_field(path: str, config: Config) -> str:
    """The message for a path that is no field: the nearest one, and the fields that stand where it
    was sought.
    """
    kinds = {leaf.path.rpartition(".")[0]: type(leaf.group).__name__ for leaf in walk(config)}
    paths = [leaf.path for leaf in walk(config)]
    inside = [known for known in paths if known.startswith(f"{path}.")]
    if inside:
        return f"{path}: a group of fields; set one of them, such as {inside[0]}"
    group, _, name = path.rpartition(".")
    while group not in kinds:
        group = group.rpartition(".")[0]
    below = [known.removeprefix(f"{group}.") for known in paths if known.startswith(f"{group}.")]
    siblings = {field.split(".")[0]: f"{group}.{field.split('.')[0]}" for field in below}
    elsewhere = {known.rpartition(".")[2]: known for known in paths}
    same_name = [known for known in paths if known.endswith(f".{name}")]
    found = difflib.get_close_matches(path, same_name, n=1, cutoff=0.0)
    for names in siblings, elsewhere:
        found = found or [names[close] for close in difflib.get_close_matches(name, names, n=1)]
    hint = f"; did you mean {found[0]}?" if found else ""
    return f"{path}: no such field{hint} (fields of {kinds[group]}: {', '.join(siblings)})"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The end of a message: "; did you mean NAME?", or nothing where no known name is near."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def mismatch(leaf: Leaf, value: Any) -> str:
    """The message for a value, or a text, that a field does not admit."""
    hint = ""
    if isinstance(value, list):
        hint = f"; write {values.shorten(tuple(value))}"
    elif isinstance(value, str):
        hint = did_you_mean(value, values.choices(leaf.annotation))
    expected = values.describe(leaf.annotation, leaf.field.metadata)
    return f"{leaf.path}: expected {expected}, got {values.shorten(value)}{hint}"


def check_fields(config: Config) -> None:
    """Raise UserError unless every field, taken alone, holds what its type and limits admit."""
    if type(config) is not Config:
        raise UserError(f"config: expected a train.config.Config, got {values.shorten(config)}")
    leaves = list(walk(config))
    for path, group in {leaf.path.rpartition(".")[0]: leaf.group for leaf in leaves}.items():
        for name in sorted(
            vars(group).keys() - {field.name for field in dataclasses.fields(group)}
        ):
            raise UserError(unknown_field(f"{path}.{name}", config))
    for leaf in leaves:
        if not (
            values.admits(leaf.value, leaf.annotation)
            and values.within(leaf.value, leaf.field.metadata)
        ):
            raise UserError(mismatch(leaf, leaf.value))
