"""Encoded rows on the host, and the batches taken from them. n rows, b rows of a batch."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from train.data.encode import Head, TableEncoder
from train.data.folds import fold_rows
from train.data.statistics import fit_statistics
from train.options import Table

Arrays = dict[str, Any]


class Batch(NamedTuple):
    """Some rows: {"numbers": [b, f], "codes": [b, c]}, {head: target [b, ...]}, and what each row counts for [b].

    Padding rows have weight 0. `length` [b] is the number of valid steps of a sequence; rows of a table have none.
    """

    inputs: Arrays
    target: Arrays
    weight: Any
    length: Any = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """All rows of a table in one pool, and which of them train, validate and test.

    `inputs` {"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where missing or unseen}, a key
    being absent where there is no such column; `target` {head: float32 [n, o] in encoded units, or int32 [n]};
    `weight` float32 [n]; `splits` {"train", "valid", "test": int32 row indices}; `original_rows` int64 [n], where each
    row stands in the file it came from, the first being 0; `notes` for the user, a line each; `split_by` the class,
    group or time of the rows of `options.path`, where `options.split` goes by one.
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

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.encoder.heads

    @property
    def arrays(self) -> Batch:
        """The whole pool, row axis first."""
        return Batch(self.inputs, self.target, self.weight)

    def prepared(self, scale: Callable[[Arrays], Arrays], scale_target: Callable[[Arrays], Arrays]) -> Batch:
        """`arrays` with columns and targets as the network's `prepare` and `prepare_target` give them."""
        return Batch(scale(self.inputs), scale_target(self.target), self.weight)

    @staticmethod
    def take(arrays: Batch, indices: Any) -> Batch:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so it works under jit."""
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
        """The splits with the training rows divided into `n` folds, one of which validates. Raises UserError."""
        rows, options = self.splits["train"], self.options
        by = None if self.split_by is None else self.split_by[rows]
        pairs = fold_rows(len(rows), n, kind=options.split, seed=options.split_seed, by=by)
        return [{**self.splits, "train": rows[train], "valid": rows[valid]} for train, valid in pairs]

    def statistics(self, rows: np.ndarray, options: Any = None) -> dict[str, Any]:
        """What is fitted on these training rows (see `fit_statistics`); `options` where "auto" has been resolved."""
        return fit_statistics(self.inputs, self.target, rows, self.encoder, options or self.options)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the encoded arrays and the splits, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.encoder.to_json(), sort_keys=True).encode())
        named = {"weight": self.weight, "original_rows": self.original_rows}
        for group, arrays in (("", named), ("inputs", self.inputs), ("target", self.target), ("splits", self.splits)):
            for name, array in sorted(arrays.items()):
                digest.update(f"{group}.{name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
