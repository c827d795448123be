"""Encoded rows on the host, and the batches taken from them. n rows, b rows of a batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from train.config.data_options import Sequences, Table
from train.data.dataset import A, Array, Batch, Encoder, Head, Scale
from train.data.folds import fold_rows
from train.data.sequences.ragged import row_blocks

# Fields of a schema that later versions added: how texts are read. They are no part of a
# fingerprint, so that a run of an earlier version recognises its data.
READING = (
    "notation",
    "date_order",
    "reads_text",
    "written",
    "weight_column",
    "scheme",
    "step_numbers",
    "form",
    "counts",
    "nonnegative",
    "zoned",
    "reach",
    "label_sets",
    "fills",
    "per_year",
)


@dataclass(frozen=True, eq=False)
class RowDataset:
    """All rows of tables or of sequences in one pool, and which train, validate and test.

    The properties of the Protocol `Dataset` that are fields here mean what they do there.
    """

    inputs: dict[str, np.ndarray]
    """{name: [n, ...]}, as the encoder gives them."""
    target: dict[str, np.ndarray]
    """{head: [n, ...]}, encoded."""
    weight: np.ndarray
    splits: dict[str, np.ndarray]
    original_rows: np.ndarray
    encoder: Encoder
    options: Table | Sequences
    notes: tuple[str, ...] = ()
    split_by: np.ndarray | None = None
    """The class, group or time of the rows of `options.path`, if `options.split` goes by one."""

    @property
    def n_train(self) -> int:
        """Training rows of an epoch."""
        return len(self.splits["train"])

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the network predicts."""
        return self.encoder.heads

    @property
    def arrays(self) -> Batch[np.ndarray]:
        """The whole pool, row axis first."""
        return Batch(self.inputs, self.target, self.weight)

    def prepared(self, scale: Scale, scale_target: Scale) -> Batch:
        """`arrays` as the network's `preprocess` and `preprocess_target` give them."""
        inputs = scale(self.inputs)
        return self.arrays._replace(inputs=inputs, target=scale_target(self.target))

    @staticmethod
    def take(arrays: Batch[A], indices: Array) -> Batch[A]:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so jit takes it."""
        inputs = {name: array[indices] for name, array in arrays.inputs.items()}
        target = {name: array[indices] for name, array in arrays.target.items()}
        return arrays._replace(inputs=inputs, target=target, weight=arrays.weight[indices])

    def folds(self, n: int) -> list[dict[str, np.ndarray]]:
        """The splits with the training rows in `n` folds, one of which validates each time.

        Raises UserError.
        """
        rows = self.splits["train"]
        options = self.options
        by = None if self.split_by is None else self.split_by[rows]
        pairs = fold_rows(len(rows), n, kind=options.split, seed=options.split_seed, by=by)
        return [
            {**self.splits, "train": rows[train], "valid": rows[valid]} for train, valid in pairs
        ]

    def with_splits(self, splits: Mapping[str, np.ndarray]) -> Self:
        """The data set with the same rows in other splits."""
        return replace(self, splits=dict(splits))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the encoded arrays and the splits, in hexadecimal."""
        schema = json.dumps(without_reading(self.encoder.to_json()), sort_keys=True)
        digest = hashlib.sha256((schema + self._source()).encode())
        groups = {
            "": {"weight": self.weight, "original_rows": self.original_rows},
            "inputs": self.inputs,
            "target": self.target,
            "splits": self.splits,
        }
        for group, arrays in groups.items():
            for name, array in sorted(arrays.items()):
                digest.update(f"{group}.{name} {array.dtype} {array.shape}".encode())
                for block in row_blocks(array):
                    digest.update(block.data)
        return digest.hexdigest()

    def _source(self) -> str:
        """What the rows that are not in the pool are known by."""
        return ""


def without_reading(plain: object) -> object:
    """A schema in JSON without how texts are read, which 0.1.0 did not keep."""
    if isinstance(plain, dict):
        kept = {name: item for name, item in plain.items() if name not in READING}
        return {name: without_reading(item) for name, item in kept.items()}
    return [without_reading(item) for item in plain] if isinstance(plain, list | tuple) else plain
