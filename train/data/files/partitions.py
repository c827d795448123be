"""Columns that the folders of a file are named after, as a=1 (Hive's partitions)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import unquote

import pyarrow as pa

from train.errors import UserError

KEY = re.compile(r"([^=]+)=(.*)")
NO_KEY = "__HIVE_DEFAULT_PARTITION__"
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
# Columns that have one value for a whole file.
Keys: TypeAlias = tuple[tuple[str, int | str | None], ...]


def keys_of(root: str, paths: Sequence[str]) -> list[Keys]:
    """The columns that the folders between a root and each file stand for.

    They are whole numbers where all values of a column are.
    """
    texts: list[dict[str, str | None]] = []
    for path in paths:
        own: dict[str, str | None] = {}
        for part in os.path.dirname(os.path.relpath(path, root)).split(os.sep):
            if (match := KEY.fullmatch(part)) is not None:
                value = unquote(match[2])
                own[unquote(match[1])] = None if value == NO_KEY else value
        texts.append(own)
    if any(own.keys() != texts[0].keys() for own in texts):
        raise UserError(f"{root}: its folders name other columns in some places than in others")
    whole = set()
    for name in texts[0]:
        values = [own[name] for own in texts if own[name] is not None]
        if all(INTEGER.fullmatch(str(value)) for value in values):
            whole.add(name)
    keys = []
    for own in texts:
        typed: list[tuple[str, int | str | None]] = []
        for name, value in own.items():
            typed.append((name, int(value) if name in whole and value is not None else value))
        keys.append(tuple(typed))
    return keys


def key_type(values: Sequence[int | str | None]) -> pa.DataType:
    """The type of a column of these values."""
    return pa.int64() if any(isinstance(value, int) for value in values) else pa.string()


def repeated(value: int | str | None, n: int) -> pa.Array:
    """A column of a file's `n` rows, which all have one value."""
    return pa.nulls(n) if value is None else pa.array([value] * n, key_type([value]))
