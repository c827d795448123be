"""Numbers of things in a line for the user."""

from __future__ import annotations


def counted(n: int, one: str, many: str) -> str:
    """`1 row is` or `1,234 rows are`, for `one` "row is" and `many` "rows are"."""
    return f"{n:,} {one if n == 1 else many}"
