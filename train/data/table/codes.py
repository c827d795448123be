"""A table without a target, whose rows are given back from a few numbers: its schema. n rows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from train.data.dataset import Head
from train.data.table.clusters import label_codes, shown_label
from train.data.table.encoder import Column, TableEncoder

RECONSTRUCTION = "reconstruction"
LABEL = "label"
ANSWERS = re.compile(r"code_\d+|error")  # names of its answers' columns


@dataclasses.dataclass(frozen=True)
class ReconstructionEncoder(TableEncoder):
    """The schema of a table whose one head gives its rows back; of `targets` there is at most one,
    the label.
    """

    def encode_targets(
        self, table: pa.Table, where: str
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """({"reconstruction": float32 [n, f + c]: numbers, then places of categories, nan where
        there is none, "label": the label's code, -1 where there is none}, True for all rows [n]).
        Raises UserError.
        """
        inputs = self.encode(table, where)
        parts = [inputs["numbers"]] if "numbers" in inputs else []
        if "codes" in inputs:
            codes = inputs["codes"]
            parts.append(np.where(codes > 0, codes - 1, np.nan).astype(np.float32))
        targets = {RECONSTRUCTION: np.concatenate(parts, 1)}
        if self.targets:
            targets[LABEL] = label_codes(self.targets, table, where, self.markers)
        return targets, np.ones(table.num_rows, bool)

    def decode(self, answers: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answers as columns [n]: the code's numbers "code_1", ..., and a row's "error": its
        loss.
        """
        code_kn = np.asarray(answers["code"]).T
        return {f"code_{i}": code_n for i, code_n in enumerate(code_kn, 1)} | {
            "error": np.asarray(answers["error"])
        }

    def raw_targets(self, targets: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The label as a column [n], None where there is none; nothing without one."""
        return shown_label(self.targets[0], targets[LABEL]) if self.targets else {}

    def to_units(self, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Labels, or answers, as they are."""
        return {name: np.asarray(array) for name, array in arrays.items()}

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return super().to_json() | {"kind": "Reconstruction"}


def reconstruction_head(columns: tuple[Column, ...]) -> Head:
    """What such a table is asked for: `size` numbers, then its categories."""
    return Head(
        RECONSTRUCTION,
        "reconstruction",
        ("inputs",),
        (),
        sum(len(column.parts) for column in columns),
    )
