"""A table without a target, of which clusters are learned, and a label to judge them by. n rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.answer_names import AnswerNames
from train.data.columns import Notes
from train.data.dataset import Array, Arrays, Head, HostArrays, Json
from train.data.table.column import Column
from train.data.table.encode_column import encode_category
from train.data.table.encoder import TableEncoder

CLUSTER = "cluster"


@dataclass(frozen=True)
class ClusterEncoder(TableEncoder):
    """The schema of a table whose one head is "cluster"; `targets` is the label, if any."""

    def encode_targets(
        self, table: pa.Table, where: str, notes: Notes | None = None
    ) -> tuple[HostArrays, np.ndarray]:
        """({"cluster": the label's code, int32 [n], -1 where there is none}, True for all rows).

        Raises UserError.
        """
        codes = label_codes(self, table, where, notes)
        return {CLUSTER: codes}, np.ones(table.num_rows, bool)

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: the "cluster", counted from 0, and the "distance" to its unit.

        Distances are in scaled columns.
        """
        return {name: np.asarray(answers[name]) for name in (CLUSTER, "distance")}

    @property
    def answer_names(self) -> AnswerNames:
        """None that a target could take."""
        return AnswerNames()

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """The label as a column [n], None where there is none; nothing without one."""
        return shown_label(self.targets[0], targets[CLUSTER]) if self.targets else {}

    def to_units(self, arrays: Arrays) -> HostArrays:
        """Labels, or answers, as they are."""
        return {name: np.asarray(array) for name, array in arrays.items()}

    def to_json(self) -> Json:
        """All fields as JSON has them, and the kind."""
        return super().to_json() | {"kind": "Clusters"}


def label_codes(
    encoder: TableEncoder, table: pa.Table, where: str, notes: Notes | None = None
) -> np.ndarray:
    """The code of the label, int32 [n], -1 where there is none.

    The targets of the encoder are the label's column, if there is one.
    """
    for column in encoder.targets:
        if column.name in table.column_names:
            return encode_category(encoder.raw(table, column, where, notes), column, 0)
    return np.full(table.num_rows, -1, np.int32)


def shown_label(label: Column, codes: Array) -> HostArrays:
    """The label as a column [n], None where there is none."""
    codes_n = np.asarray(codes)
    shown = label.labels(np.maximum(codes_n, 0)).astype(object)
    shown[codes_n < 0] = None
    return {label.name: shown}


def cluster_head(label: Column | None = None) -> Head:
    """What a table without a target is asked for; `label` is a column to judge it by."""
    if label is None:
        return Head(CLUSTER, "cluster", (CLUSTER,), (), 1)
    return Head(CLUSTER, "cluster", (label.name,), label.vocabulary, 1)
