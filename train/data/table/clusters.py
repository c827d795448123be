"""A table without a target, of which clusters are learned: its schema, and a label column to judge
them by. n rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_text
from train.data.dataset import Head
from train.data.table.encoder import Column, TableEncoder, encode_category

CLUSTER = "cluster"


@dataclasses.dataclass(frozen=True)
class ClusterEncoder(TableEncoder):
    """The schema of a table whose one head is "cluster"; of `targets` there is at most one, the
    label.
    """

    def encode_targets(
        self, table: pa.Table, where: str
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """({"cluster": the label's code, int32, -1 where there is none}, True for all rows [n]).
        Raises UserError.
        """
        return {CLUSTER: label_codes(self.targets, table, where, self.markers)}, np.ones(
            table.num_rows, bool
        )

    def decode(self, answers: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answers as columns [n]: the "cluster", counted from 0, and the "distance" to its unit in
        scaled columns.
        """
        return {name: np.asarray(answers[name]) for name in (CLUSTER, "distance")}

    def raw_targets(self, targets: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The label as a column [n], None where there is none; nothing without one."""
        return shown_label(self.targets[0], targets[CLUSTER]) if self.targets else {}

    def to_units(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Labels, or answers, as they are."""
        return {name: np.asarray(array) for name, array in arrays.items()}

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return super().to_json() | {"kind": "Clusters"}


def label_codes(
    targets: tuple[Column, ...], table: pa.Table, where: str, markers: tuple[str, ...]
) -> np.ndarray:
    """The code of the label, int32 [n], -1 where there is none; `targets` is the label's column, if
    there is one.
    """
    for column in targets:
        if column.name in table.column_names:
            return encode_category(
                read_text(get_column(table, column.name, where, markers)), column, 0
            )
    return np.full(table.num_rows, -1, np.int32)


def shown_label(label: Column, codes: np.ndarray) -> dict[str, np.ndarray]:
    """The label as a column [n], None where there is none."""
    shown = label.labels(np.maximum(codes, 0)).astype(object)
    shown[np.asarray(codes) < 0] = None
    return {label.name: shown}


def cluster_head(label: Column | None = None) -> Head:
    """What a table without a target is asked for."""
    columns, classes = ((label.name,), label.vocabulary) if label else ((CLUSTER,), ())
    return Head(CLUSTER, "cluster", columns, classes, 1)
