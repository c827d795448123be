"""What any kind of data offers whose training rows stay on the disk: `Streamed`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from train.data.dataset import Batch, Dataset, Head
from train.data.files.row_groups import Files, Piece, RowGroup, read_pieces


@dataclass(frozen=True, eq=False)
class RowStream(ABC):
    """Training rows on the disk: where they are, which rows these are, and how they are encoded.

    `columns` are read of the files. `counts` are the training rows of each of `files.groups`, and
    `weight_sum` what all of them count for together, equally unless `is_weighted`. `shares` of all
    rows validate and test (see `part_of`). A chunk has `chunk_rows` rows at most, in the shapes and
    types of `template`, which has no row.
    """

    files: Files
    columns: tuple[str, ...]
    counts: tuple[int, ...]
    shares: Mapping[str, float]
    weight_sum: float
    is_weighted: bool
    chunk_rows: int
    template: Batch[np.ndarray]

    @property
    def n_rows(self) -> int:
        """Training rows of an epoch."""
        return sum(self.counts)

    def pieces(self, group: RowGroup) -> Iterator[Piece]:
        """The rows of a group in order, some at a time. Raises UserError."""
        return read_pieces(group, self.columns)

    @abstractmethod
    def training_rows(self, piece: Piece) -> np.ndarray:
        """The places in a piece of the rows that train, ascending. Raises UserError."""

    @abstractmethod
    def encode(self, piece: Piece, places: np.ndarray) -> Batch[np.ndarray]:
        """The rows at these places of a piece, in the shapes of the template. Raises UserError."""

    def batches(self, piece: Piece, places: np.ndarray) -> Iterator[Batch[np.ndarray]]:
        """The rows at these places of a piece, in their order, some at a time. Raises UserError."""
        yield self.encode(piece, places)

    def numbers(self, piece: Piece, places: np.ndarray) -> np.ndarray:
        """The numbers, over all files, of the rows at these places of a piece."""
        return piece.first + places

    @abstractmethod
    def class_masses(self, head: Head) -> np.ndarray:
        """The weight of the training rows of each class [k]."""


@runtime_checkable
class Streamed(Protocol):
    """A `Dataset` whose training rows are read as it trains; those of its pool are a sample."""

    @property
    def stream(self) -> RowStream:
        """Where all of its training rows are."""
        ...


def stream_of(dataset: Dataset) -> RowStream | None:
    """Where the training rows of a data set are; None if they are all in its pool."""
    return dataset.stream if isinstance(dataset, Streamed) else None
