"""Series on the host: one flat array in time order, and windows of it by the row they begin at.

t flat rows, c columns, n windows, b windows of a batch, l lookback, h horizon, k columns known
ahead, o targets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from train.data.dataset import Array, Batch, Head, Options, Scale, Statistics
from train.data.folds import fold_windows
from train.data.series.encoder import Flat, SeriesEncoder
from train.data.series.windows import rows_covered


class SeriesArrays(NamedTuple):
    """What windows are gathered from: `values` [t, c] and the rows they begin at, int32 [n]."""

    values: Array
    starts: Array


@dataclass(frozen=True, eq=False)
class SeriesDataset:
    """All steps of all series in one flat array, and which windows train, validate and test.

    `values` float32 [t, c] in encoded units, without gaps; `starts` int32 [n], the row that each
    window begins at; `splits` {"train", "valid", "test": int32 window numbers}; `flat` says where
    rows came from.
    """

    values: np.ndarray
    starts: np.ndarray
    splits: dict[str, np.ndarray]
    flat: Flat
    encoder: SeriesEncoder
    notes: tuple[str, ...] = ()

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.encoder.heads

    @property
    def n_train(self) -> int:
        """Training windows of an epoch."""
        return len(self.splits["train"])

    @property
    def original_rows(self) -> np.ndarray:
        """The row of the file that each window's first prediction is for [n], the first being 0."""
        return self.flat.rows[self.starts + self.encoder.lookback]

    @property
    def weight(self) -> np.ndarray:
        """Every window counts for one [n]."""
        return np.ones(len(self.starts), np.float32)

    @property
    def arrays(self) -> SeriesArrays:
        return SeriesArrays(self.values, self.starts)

    def prepared(self, scale: Scale, scale_target: Scale) -> SeriesArrays:
        """The arrays as the network's `preprocess` has them: scaled once, so that `take` gives
        scaled windows.
        """
        del scale_target  # a window's targets are taken from the columns it reads
        return SeriesArrays(scale({"past": self.values})["past"], self.starts)

    def take(self, arrays: SeriesArrays, indices: Array) -> Batch:
        """The windows `indices` [b] of `arrays`, whether numpy's or jax's: {"past": [b, l, c],
        "future": [b, h, k], if there are columns known ahead} and {"value": [b, h * o]}. Pure, so
        it works under jit.
        """
        lookback = self.encoder.lookback
        ahead = self.encoder.n_ahead
        begin_b1 = arrays.starts[indices][:, None]
        past_blc = arrays.values[begin_b1 + np.arange(lookback, dtype=np.int32)[None]]
        inputs = {"past": past_blc}
        rows_bh = begin_b1 + lookback + np.arange(self.encoder.horizon, dtype=np.int32)[None]
        future_bhc = arrays.values[rows_bh]
        if ahead:
            inputs["future"] = future_bhc[:, :, -ahead:]
        n_numbers = self.encoder.horizon * self.encoder.n_targets
        target = future_bhc[:, :, : self.encoder.n_targets].reshape(rows_bh.shape[0], n_numbers)
        return Batch(inputs, {"value": target}, np.ones(1, np.float32).repeat(rows_bh.shape[0]))

    def joined(self, pools: Sequence[SeriesArrays]) -> SeriesArrays:
        """Pools of `prepared` arrays as one: window i of pool k becomes window k * n + i."""
        if len(pools) == 1:
            return pools[0]
        starts = [pool.starts + k * len(self.values) for k, pool in enumerate(pools)]
        return SeriesArrays(
            jnp.concatenate([pool.values for pool in pools]), jnp.concatenate(starts)
        )

    def folds(self, n: int) -> list[dict[str, np.ndarray]]:
        """The splits with the training windows divided into `n` folds by time, one of which
        validates; raises UserError.
        """
        windows = self.splits["train"]
        size = {"lookback": self.encoder.lookback, "horizon": self.encoder.horizon}
        pairs = fold_windows(self.starts[windows], self.flat.firsts, n, **size)
        return [
            {**self.splits, "train": windows[train], "valid": windows[valid]}
            for train, valid in pairs
        ]

    def with_splits(self, splits: Mapping[str, np.ndarray]) -> Self:
        """The same windows, divided otherwise."""
        return replace(self, splits=dict(splits))

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """Mean and standard deviation of each column over the flat rows of these training windows;
        calendar features, which lie between -1 and 1, are left as they are.
        """
        del options
        encoder = self.encoder
        covered = rows_covered(
            self.starts[rows], encoder.lookback + encoder.horizon, len(self.values)
        )
        values_tc = self.values[covered].astype(np.float64)
        center = values_tc.mean(0)
        scale = values_tc.std(0)
        center[len(encoder.columns) :] = 0
        scale[len(encoder.columns) :] = 1
        # The deviation of equal numbers may differ from 0 in its last bit, so "no spread" is asked
        # of the range.
        scale[np.ptp(values_tc, axis=0) == 0] = 1
        return {"inputs": {"center": center.astype(np.float32), "scale": scale.astype(np.float32)}}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the values and the windows, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(self.encoder.to_json(), sort_keys=True).encode())
        for name, array in {"values": self.values, "starts": self.starts, **self.splits}.items():
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
