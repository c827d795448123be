"""The fields of a config: where they stand, and whether each holds what its type admits.

A field is named by its path from the whole: config.net.hidden.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, get_args, get_type_hints

from train.config import values
from train.config.bounded import Limits
from train.config.options import Config, Group
from train.config.own_net import Own
from train.config.values import Annotation
from train.errors import UserError

KINDS: dict[str, type[Group]] = {kind.__name__: kind for kind in get_args(Group)}


class Leaf(NamedTuple):
    """A field that is no group of fields: where it stands, and what it may hold."""

    path: str
    group: Group
    name: str
    annotation: Annotation
    limits: Limits

    @property
    def value(self) -> object:
        """What the field holds."""
        return getattr(self.group, self.name)

    def admits(self, value: object) -> bool:
        """Whether the field's type and its limits admit a value."""
        return values.admits(value, self.annotation) and values.within(value, self.limits)


def walk(group: Group, path: str = "config") -> Iterator[Leaf]:
    """The fields of a config, or of one group of it, in order.

    Raises UserError where a group is of no known kind.
    """
    hints = get_type_hints(type(group))
    for field in dataclasses.fields(group):
        annotation = hints[field.name]
        kinds = group_kinds(annotation)
        inner = f"{path}.{field.name}"
        value = getattr(group, field.name)
        if not kinds:
            yield Leaf(inner, group, field.name, annotation, field.metadata)
        elif type(value) in kinds or (Own in kinds and isinstance(value, Own)):
            yield from walk(value, inner)
        else:
            names = " or ".join(f"train.config.{kind.__name__}" for kind in kinds)
            raise UserError(f"{inner}: expected {names}, got {values.shorten(value)}")


def leaves_of(config: Config) -> dict[str, Leaf]:
    """{path: field} of a whole config."""
    return {leaf.path: leaf for leaf in walk(config)}


def group_kinds(annotation: Annotation) -> tuple[type[Group], ...]:
    """The groups of fields that an annotation admits; none for a plain field."""
    members = values.members(annotation)
    return tuple(kind for kind in KINDS.values() if kind in members)


def kinds_of(name: str) -> tuple[type[Group], ...]:
    """The kinds that a group of a config may be of; none where there is one kind, or no group."""
    kinds = group_kinds(get_type_hints(Config).get(name))
    return kinds if len(kinds) > 1 else ()


def unknown_field(path: str, config: Config) -> str:
    """The message for a path that is no field: the nearest one, and those that stand beside it."""
    leaves = leaves_of(config)
    inside = [known for known in leaves if known.startswith(f"{path}.")]
    if inside:
        return f"{path}: a group of fields; set one of them, such as {inside[0]}"
    kinds = {known.rpartition(".")[0]: type(leaf.group) for known, leaf in leaves.items()}
    group, _, name = path.rpartition(".")
    while group not in kinds:
        group = group.rpartition(".")[0]
    siblings = _children(group, leaves)
    found = _nearest(path, name, siblings, leaves)
    hint = f"; did you mean {found}?" if found else ""
    others = kinds_of(group.removeprefix("config."))
    having = [kind.__name__ for kind in others if name in get_type_hints(kind)]
    if having:
        hint = f"; {' and '.join(having)} have it" if len(having) > 1 else f"; {having[0]} has it"
        hint += f": --{group}={having[0]}"
    fields = ", ".join(siblings)
    return f"{path}: no such field{hint} (fields of {kinds[group].__name__}: {fields})"


def _children(group: str, paths: Iterable[str]) -> dict[str, str]:
    """{name: path} of the fields and groups that stand directly in a group."""
    found = {}
    for path in paths:
        if path.startswith(f"{group}."):
            name = path.removeprefix(f"{group}.").split(".")[0]
            found[name] = f"{group}.{name}"
    return found


def _nearest(path: str, name: str, siblings: Mapping[str, str], paths: Iterable[str]) -> str | None:
    """The field that was probably meant: of the same name, beside it, or anywhere."""
    same_name = [known for known in paths if known.endswith(f".{name}")]
    if same_name:
        return difflib.get_close_matches(path, same_name, n=1, cutoff=0.0)[0]
    elsewhere = {known.rpartition(".")[2]: known for known in paths}
    # A field of another group is meant only if its name is nearly the one given.
    for named, cutoff in ((siblings, 0.6), (elsewhere, 0.7)):
        for close in difflib.get_close_matches(name, named, n=1, cutoff=cutoff):
            return named[close]
    return None


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The end of a message: "; did you mean NAME?", or nothing where no known name is near."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def mismatch(leaf: Leaf, value: object) -> str:
    """The message for a value, or a text, that a field does not admit."""
    hint = ""
    if isinstance(value, list):
        hint = f"; write {values.shorten(tuple(value))}"
    elif isinstance(value, str):
        hint = did_you_mean(value, values.choices(leaf.annotation))
    expected = values.describe(leaf.annotation, leaf.limits)
    return f"{leaf.path}: expected {expected}, got {values.shorten(value)}{hint}"


def check_fields(config: object) -> None:
    """Raises UserError unless every field, taken alone, holds what its type and limits admit."""
    if not isinstance(config, Config) or type(config) is not Config:
        hint = "; train.config.load reads one" if isinstance(config, str) else ""
        given = values.shorten(config)
        raise UserError(f"config: expected a train.config.Config, got {given}{hint}")
    leaves = list(walk(config))
    groups = {leaf.path.rpartition(".")[0]: leaf.group for leaf in leaves}
    for path, group in groups.items():
        declared = {field.name for field in dataclasses.fields(group)}
        for name in sorted(vars(group).keys() - declared):
            raise UserError(unknown_field(f"{path}.{name}", config))
    for leaf in leaves:
        if not leaf.admits(leaf.value):
            raise UserError(mismatch(leaf, leaf.value))
