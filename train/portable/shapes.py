"""Shapes of a traced program whose number of rows is open: its sizes are numbers, or k rows + c."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from train.errors import UserError
from train.portable.graph import Graph

ROWS = "rows"  # what the open size is called, in a traced program and in the graph
Size: TypeAlias = object  # an int, or jax' expression of the open size

LINEAR = re.compile(rf"(?:(\d+)\*)?{ROWS}(?: ([+-]) (\d+))?")


class Linear(NamedTuple):
    """factor * rows + offset."""

    factor: int
    offset: int


def linear(size: Size) -> Linear:
    """A size of a traced program. UserError for one that is not linear in the rows."""
    if isinstance(size, int):
        return Linear(0, size)
    match = LINEAR.fullmatch(str(size))
    if match is None:
        raise UserError(f"export: a size of {size} has no place in a graph with open rows")
    offset = int(match[3] or 0)
    return Linear(int(match[1] or 1), -offset if match[2] == "-" else offset)


def is_open(size: Size) -> bool:
    """Whether a size depends on the rows."""
    return not isinstance(size, int)


class Sizes:
    """The open size as a tensor of a graph, from which shapes are made."""

    def __init__(self, rows: str):
        self.rows = rows  # int64 [1]

    def tensor(self, graph: Graph, size: Size) -> str:
        """A size as int64 [1]."""
        factor, offset = linear(size)
        if not factor:
            return graph.integers([offset])
        found = self.rows
        if factor != 1:
            found = graph.add("Mul", found, graph.integers([factor]))
        return graph.add("Add", found, graph.integers([offset])) if offset else found

    def shape(self, graph: Graph, shape: Sequence[Size]) -> str:
        """A shape as int64 [d]."""
        if not any(map(is_open, shape)):
            return graph.integers([linear(size).offset for size in shape])
        return graph.add("Concat", *(self.tensor(graph, size) for size in shape), axis=0)

    def reshape(self, graph: Graph, name: str, shape: Sequence[Size]) -> str:
        """A tensor in another shape."""
        n_open = sum(map(is_open, shape))
        if n_open > 1 or 0 in shape:
            return graph.add("Reshape", name, self.shape(graph, shape), allowzero=1)
        plain = [-1 if is_open(size) else linear(size).offset for size in shape]
        return graph.add("Reshape", name, graph.integers(plain))
