"""Functions of the cells of a column, found once for each column however often they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar


class Column(Protocol):
    """A column that keeps what is known of its cells."""

    @property
    def cache(self) -> dict[object, Any]:
        """What each `CachedOnColumn` gave."""
        ...


C = TypeVar("C", bound=Column)
T = TypeVar("T")


class CachedOnColumn(Generic[C, T]):
    """A function of a column's cells alone, whatever the column is read by.

    Nobody may change what it gives, for the next who asks gets the same.
    """

    def __init__(self, find: Callable[[C], T]):
        self._find = find
        self.__doc__ = find.__doc__

    def __call__(self, column: C) -> T:
        if self not in column.cache:
            column.cache[self] = self._find(column)
        return column.cache[self]

    def tell(self, column: C, value: T) -> None:
        """Keeps what is known of a column in another way."""
        column.cache[self] = value
