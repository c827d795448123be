"""Quotes behind a backslash, as Spark and MySQL write them in text files."""

from __future__ import annotations

import re

ESCAPED = re.compile(rb'(?<!\\)((?:\\\\)*)\\"')


def doubled(data: bytes) -> bytes:
    """Text with "" in place of each quote behind a backslash."""
    return ESCAPED.sub(rb'\1""', data)
