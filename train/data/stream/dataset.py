"""A table that does not fit in memory, on the host. f number inputs, o outputs, k classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import RawColumn
from train.data.dataset import Batch, Head, HostArrays, Options
from train.data.files.row_groups import Piece
from train.data.stream.exact import exact_target
from train.data.stream.online_statistics import Labels, Moments
from train.data.stream.parts import training_rows
from train.data.stream.rows import RowStream
from train.data.table.dataset import TableDataset
from train.data.table.encode_column import encode_target
from train.data.table.encoded_file import encode_rows
from train.data.table.encoder import TableEncoder

if TYPE_CHECKING:
    from nets.base import Statistics


@dataclass(frozen=True, eq=False)
class TableStream(RowStream):
    """The training rows of a table, and what one pass over all of them found.

    `moments` of the number columns and `labels` of the others are of all training rows.
    """

    encoder: TableEncoder
    options: Table
    moments: Mapping[str, Moments]
    labels: Mapping[str, Labels]

    def training_rows(self, piece: Piece) -> np.ndarray:
        """The places in a piece of the rows that train, ascending. Raises UserError."""
        return training_rows(piece, self.options, self.shares)

    def encode(self, piece: Piece, places: np.ndarray) -> Batch[np.ndarray]:
        """The rows at these places of a piece. Raises UserError."""
        batch = encode_rows(self.encoder, piece.table, self.options, piece.where)
        return TableDataset.take(batch, places)

    def class_counts(self, head: Head) -> np.ndarray:
        """Training rows of each class [k]."""
        return self._by_class(head, self.labels[head.columns[0]].counts).astype(int)

    def class_masses(self, head: Head) -> np.ndarray:
        """The weight of the training rows of each class [k]."""
        return self._by_class(head, self.labels[head.columns[0]].weights)

    def _by_class(self, head: Head, found: Mapping[str, float]) -> np.ndarray:
        """What was found of each label, added up by class [k]; one may have several names."""
        column = next(each for each in self.encoder.targets if each.name == head.columns[0])
        labels = pa.chunked_array([pa.array(list(found), pa.string())])
        codes = encode_target(column, RawColumn(column.name, "", labels, (), None))
        value_n = np.array(list(found.values()), float)
        is_seen = codes < len(head.classes)
        return np.bincount(codes[is_seen], value_n[is_seen], len(head.classes))

    def exact(self, fitted: Statistics, scaling: str) -> Statistics:
        """The statistics of a sample, with what one pass found exactly in place of its own.

        These are means, deviations, limits, rates, and which categories were seen.
        """
        inputs = {name: array.copy() for name, array in fitted["inputs"].items()}
        self._correct_inputs(inputs, scaling)
        targets = {}
        for head in self.encoder.heads:
            if head.name in fitted["targets"]:
                counts_k = None if head.kind == "regression" else self.class_counts(head)
                targets[head.name] = exact_target(
                    fitted["targets"][head.name], head, self.encoder, self.moments, counts_k
                )
        return {"inputs": inputs, "targets": targets}

    def _correct_inputs(self, inputs: HostArrays, scaling: str) -> None:
        """Writes means, deviations and seen categories of all rows over those of the sample."""
        places = self.encoder.places()
        for column in self.encoder.columns:
            key, (place, *_) = places[column.name]
            moments = self.moments.get(column.name)
            if key == "codes":
                inputs["seen"][place, : len(column.vocabulary) + 1] = 1
                inputs["seen"][place, 0] = column.missing
            elif column.kind == "number" and moments is not None and scaling == "standard":
                whole = moments.scaled(column.shift, column.unit)
                inputs["center"][place] = whole["center"]
                inputs["scale"][place] = whole["scale"]


@dataclass(frozen=True, eq=False)
class StreamDataset(TableDataset):
    """A table whose training rows are read from disk; those of the pool are a sample of them."""

    stream: TableStream = field(kw_only=True)

    @property
    def n_train(self) -> int:
        """Training rows of an epoch, all of them."""
        return self.stream.n_rows

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these rows of the sample, and exactly what one pass over all found."""
        resolved = options or self.options
        assert isinstance(resolved, Table)
        return self.stream.exact(super().statistics(rows, resolved), resolved.scaling)

    def _source(self) -> str:
        return self.stream.files.fingerprint
