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

from nets.base import Statistics
from train.data.dataset import Array, Batch, Head, Options, Scale
from train.data.folds import fold_windows
from train.data.series.encoder import SeriesEncoder
from train.data.series.flat import Flat
from train.data.series.windows import rows_covered


class SeriesArrays(NamedTuple):
    """What windows are taken from: `values` [t, c] and the rows they begin at, int32 [n]."""

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
        """What the network predicts."""
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
        """What `take` takes windows from."""
        return SeriesArrays(self.values, self.starts)

    def prepared(self, scale: Scale, scale_target: Scale) -> SeriesArrays:
        """`arrays` as the network's `preprocess` gives them, so that windows are scaled already."""
        del scale_target  # a window's targets are taken from the columns it reads
        return SeriesArrays(scale({"past": self.values})["past"], self.starts)

    def take(self, arrays: SeriesArrays, indices: Array) -> Batch:
        """The windows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so jit takes it.

        Inputs are {"past": [b, l, c], "future": [b, h, k], if there are columns known ahead}, the
        target is {"value": [b, h * o]}.
        """
        lookback = self.encoder.lookback
        horizon = self.encoder.horizon
        begin_b1 = arrays.starts[indices][:, None]
        past_blc = arrays.values[begin_b1 + np.arange(lookback, dtype=np.int32)[None]]
        rows_bh = begin_b1 + lookback + np.arange(horizon, dtype=np.int32)[None]
        future_bhc = arrays.values[rows_bh]
        inputs = {"past": past_blc}
        if self.encoder.n_ahead:
            inputs["future"] = future_bhc[:, :, -self.encoder.n_ahead :]
        n = rows_bh.shape[0]
        n_targets = self.encoder.n_targets
        target = future_bhc[:, :, :n_targets].reshape(n, horizon * n_targets)
        return Batch(inputs, {"value": target}, np.ones(1, np.float32).repeat(n))

    def joined(self, pools: Sequence[SeriesArrays]) -> SeriesArrays:
        """Pools of `prepared` arrays as one: window i of pool k becomes window k * n + i."""
        if len(pools) == 1:
            return pools[0]
        values = jnp.concatenate([pool.values for pool in pools])
        starts = [pool.starts + k * len(self.values) for k, pool in enumerate(pools)]
        return SeriesArrays(values, jnp.concatenate(starts))

    def folds(self, n: int) -> list[dict[str, np.ndarray]]:
        """The splits with the training windows in `n` folds by time, one of which validates.

        Raises UserError.
        """
        windows = self.splits["train"]
        pairs = fold_windows(
            self.starts[windows],
            self.flat.firsts,
            n,
            lookback=self.encoder.lookback,
            horizon=self.encoder.horizon,
        )
        folds = []
        for train, valid in pairs:
            folds.append({**self.splits, "train": windows[train], "valid": windows[valid]})
        return folds

    def with_splits(self, splits: Mapping[str, np.ndarray]) -> Self:
        """The same windows, divided otherwise."""
        return replace(self, splits=dict(splits))

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """Mean and standard deviation of each column [c] over the flat rows of training windows.

        `rows` are the numbers of these. Calendar features, which lie between -1 and 1, are left as
        they are.
        """
        del options
        length = self.encoder.lookback + self.encoder.horizon
        covered = rows_covered(self.starts[rows], length, len(self.values))
        values_tc = self.values[covered].astype(np.float64)
        center = values_tc.mean(0)
        scale = values_tc.std(0)
        n_columns = len(self.encoder.columns)
        center[n_columns:] = 0
        scale[n_columns:] = 1
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
