"""A table without a target, whose rows are given back from a few numbers: its schema. n rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.dataset import Arrays, Head, HostArrays, Json
from train.data.table.clusters import EncoderWithoutTarget
from train.data.table.column import Column

RECONSTRUCTION = "reconstruction"
LABEL = "label"
ANSWERS = re.compile(r"code_\d+|error")  # names of its answers' columns


@dataclass(frozen=True)
class ReconstructionEncoder(EncoderWithoutTarget):
    """The schema of a table whose one head gives its rows back; `targets` is the label, if any."""

    label_name = LABEL

    def encode_targets(
        self, table: pa.Table, where: str, notes: Notes | None = None
    ) -> tuple[HostArrays, np.ndarray]:
        """({"reconstruction": the row, "label": its code}, True for all rows [n]).

        A row is float32 [n, f + c]: numbers, then places of categories, nan where there is none;
        the label is int32 [n], -1 where there is none. Raises UserError.
        """
        inputs = self.encode(table, where)
        parts = [inputs["numbers"]] if "numbers" in inputs else []
        if "codes" in inputs:
            codes = inputs["codes"]
            parts.append(np.where(codes > 0, codes - 1, np.nan).astype(np.float32))
        targets = {RECONSTRUCTION: np.concatenate(parts, 1)}
        if self.targets:
            targets[LABEL] = self.label_codes(table, where, notes)
        return targets, np.ones(table.num_rows, bool)

    def decode(self, answers: Arrays) -> HostArrays:
        """Answers as columns [n]: the code's numbers "code_1", ..., and "error", a row's loss."""
        columns = {}
        for i, code_n in enumerate(np.asarray(answers["code"]).T, 1):
            columns[f"code_{i}"] = code_n
        columns["error"] = np.asarray(answers["error"])
        return columns

    def to_json(self) -> Json:
        """All fields as JSON has them, and the kind."""
        return super().to_json() | {"kind": "Reconstruction"}


def reconstruction_head(columns: tuple[Column, ...]) -> Head:
    """What such a table is asked for: `size` numbers, then its categories."""
    size = sum(len(column.parts) for column in columns)
    return Head(RECONSTRUCTION, "reconstruction", ("inputs",), (), size)
