"""All fields of a config in words: what each holds, and its default."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import get_type_hints

from train.config import fields, values
from train.config.options import Config, Group

WIDTH = 110
NAME_WIDTH = 25  # of the column of names, its indentation included


def describe_fields() -> str:
    """The fields of every group, a line each, for a command's --help."""
    lines = ["", "Fields of the config, set in its file or with --config.FIELD=VALUE [default]:"]
    for path, group in _groups():
        lines += ["", f"{path} ({type(group).__name__})"]
        for leaf in fields.walk(group, path):
            if leaf.group is group:
                lines += _describe(leaf)
    return "\n".join(lines)


def _groups() -> Iterator[tuple[str, Group]]:
    """The config and the groups in it, of every kind that they may be of, with their paths."""
    yield "config", Config()
    for name, annotation in get_type_hints(Config).items():
        for kind in fields.group_kinds(annotation):
            yield f"config.{name}", kind()


def _describe(leaf: fields.Leaf) -> list[str]:
    """The lines of one field."""
    expected = values.describe(leaf.annotation, leaf.limits)
    return textwrap.wrap(
        f"{expected} [{values.to_text(leaf.value)}]",
        WIDTH,
        initial_indent=f"  {leaf.name}".ljust(NAME_WIDTH),
        subsequent_indent=" " * NAME_WIDTH,
    )
