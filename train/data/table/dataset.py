"""Encoded rows on the host, and the batches taken from them. n rows, b rows of a batch."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from train.config.data_options import Table
from train.data.dataset import Head
from train.data.folds import fold_rows
from train.data.table.encoder import TableEncoder
from train.data.table.statistics import fit_statistics

if TYPE_CHECKING:
    from train.data.stream.dataset import Stream
from train.data.dataset import Batch

Arrays = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Dataset:
    """All rows of a table in one pool, and which of them train, validate and test.

    `inputs` {"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where missing
    or unseen}, a key being absent where there is no such column; `target` {head: float32 [n, o] in
    encoded units, or int32 [n]}; `weight` float32 [n]; `splits` {"train", "valid", "test": int32
    row indices}; `original_rows` int64 [n], where each row stands in the file it came from, the
    first being 0; `notes` for the user, a line each; `split_by` the class, group or time of the
    rows of `options.path`, where `options.split` goes by one. With a `stream` the training rows of
    the pool are a sample of those that it reads.
    """

    inputs: dict[str, np.ndarray]
    target: dict[str, np.ndarray]
    weight: np.ndarray
    splits: dict[str, np.ndarray]
    original_rows: np.ndarray
    encoder: TableEncoder
    options: Table
    notes: tuple[str, ...] = ()
    split_by: np.ndarray | None = None
    stream: Stream | None = None

    @property
    def n_train(self) -> int:
        """Training rows of an epoch."""
        return len(self.splits["train"]) if self.stream is None else self.stream.n_rows

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.encoder.heads

    @property
    def arrays(self) -> Batch:
        """The whole pool, row axis first."""
        return Batch(self.inputs, self.target, self.weight)

    def prepared(
        self, scale: Callable[[Arrays], Arrays], scale_target: Callable[[Arrays], Arrays]
    ) -> Batch:
        """`arrays` with columns and targets as the network's `preprocess` and `preprocess_target`
        give them.
        """
        return Batch(scale(self.inputs), scale_target(self.target), self.weight)

    @staticmethod
    def take(arrays: Batch, indices: Any) -> Batch:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so it works under
        jit.
        """
        inputs = {name: array[indices] for name, array in arrays.inputs.items()}
        target = {name: array[indices] for name, array in arrays.target.items()}
        return Batch(inputs, target, arrays.weight[indices])

    @staticmethod
    def joined(pools: Sequence[Batch]) -> Batch:
        """Pools of `prepared` arrays as one: row i of pool k becomes row k * n + i."""
        if len(pools) == 1:
            return pools[0]
        return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *pools)

    def folds(self, n: int) -> list[dict[str, np.ndarray]]:
        """The splits with the training rows divided into `n` folds, one of which validates. Raises
        UserError.
        """
        rows = self.splits["train"]
        options = self.options
        by = None if self.split_by is None else self.split_by[rows]
        pairs = fold_rows(len(rows), n, kind=options.split, seed=options.split_seed, by=by)
        return [
            {**self.splits, "train": rows[train], "valid": rows[valid]} for train, valid in pairs
        ]

    def statistics(self, rows: np.ndarray, options: Any = None) -> dict[str, Any]:
        """What is fitted on these training rows (see `fit_statistics`); `options` where "auto" has
        been resolved.
        """
        options = options or self.options
        fitted = fit_statistics(self.inputs, self.target, rows, self.encoder, options)
        return fitted if self.stream is None else self.stream.exact(fitted, self.encoder, options)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the encoded arrays and the splits, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.encoder.to_json(), sort_keys=True).encode())
        if self.stream is not None:
            digest.update(self.stream.files.fingerprint.encode())
        named = {"weight": self.weight, "original_rows": self.original_rows}
        for group, arrays in (
            ("", named),
            ("inputs", self.inputs),
            ("target", self.target),
            ("splits", self.splits),
        ):
            for name, array in sorted(arrays.items()):
                digest.update(f"{group}.{name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
