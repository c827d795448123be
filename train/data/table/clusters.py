"""A table without a target, of which clusters are learned, and a label to judge them by. n rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from train.data.answer_names import AnswerNames
from train.data.columns import Notes
from train.data.dataset import Arrays, Head, HostArrays, Json
from train.data.table.column import Column
from train.data.table.encode_column import encode_category
from train.data.table.encoder import TableEncoder

CLUSTER = "cluster"


@dataclass(frozen=True)
class EncoderWithoutTarget(TableEncoder):
    """The schema of a table that has at most a label, its one target, which nothing learns from."""

    label_name: ClassVar[str]
    """What the label's codes are called among targets."""

    def label_codes(self, table: pa.Table, where: str, notes: Notes | None = None) -> np.ndarray:
        """The code of the label, int32 [n], -1 where there is none. Raises UserError."""
        for column in self.targets:
            if column.name in table.column_names:
                return encode_category(self.raw(table, column, where, notes), column, 0)
        return np.full(table.num_rows, -1, np.int32)

    @property
    def answer_names(self) -> AnswerNames:
        """None that a target could take."""
        return AnswerNames()

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """The label as a column [n], None where there is none; nothing without one."""
        if not self.targets:
            return {}
        (label,) = self.targets
        codes_n = np.asarray(targets[self.label_name])
        shown = label.labels(np.maximum(codes_n, 0)).astype(object)
        shown[codes_n < 0] = None
        return {label.name: shown}

    def to_units(self, arrays: Arrays) -> HostArrays:
        """Labels, or answers, as they are."""
        return {name: np.asarray(array) for name, array in arrays.items()}


@dataclass(frozen=True)
class ClusterEncoder(EncoderWithoutTarget):
    """The schema of a table whose one head is "cluster"; `targets` is the label, if any."""

    label_name = CLUSTER

    def encode_targets(
        self, table: pa.Table, where: str, notes: Notes | None = None
    ) -> tuple[HostArrays, np.ndarray]:
        """({"cluster": the label's code, int32 [n], -1 where there is none}, True for all rows).

        Raises UserError.
        """
        codes = self.label_codes(table, where, notes)
        return {CLUSTER: codes}, np.ones(table.num_rows, bool)

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: the "cluster", counted from 0, and the "distance" to its unit.

        Distances are in scaled columns.
        """
        return {name: np.asarray(answers[name]) for name in (CLUSTER, "distance")}

    def to_json(self) -> Json:
        """All fields as JSON has them, and the kind."""
        return super().to_json() | {"kind": "Clusters"}


def cluster_head(label: Column | None = None) -> Head:
    """What a table without a target is asked for; `label` is a column to judge it by."""
    if label is None:
        return Head(CLUSTER, "cluster", (CLUSTER,), (), 1)
    return Head(CLUSTER, "cluster", (label.name,), label.vocabulary, 1)
