"""Series on the host: one flat array in time order, and windows of it by the row they begin at.

t flat rows, c columns, n windows, b windows of a batch, l lookback, h horizon, k columns known
ahead, o targets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from train.data.dataset import Array, Batch, Head, Options, Scale
from train.data.folds import fold_windows
from train.data.row_dataset import without_reading
from train.data.series.encoder import SeriesEncoder
from train.data.series.flat import Flat
from train.data.series.statistics import fit_statistics, target_deviations
from train.data.series.windows import count_within, rows_covered
from train.data.table.reading import NOTHING, Reading

if TYPE_CHECKING:
    from nets.base import Statistics


class SeriesArrays(NamedTuple):
    """What windows are taken from: `values` [t, c] and the rows they begin at, int32 [n].

    `targets` [t, o], nan where one is missing; None where none is: then they are columns of
    `values`. `series` int32 [n], the numbers of the windows' groups; None where these have none.
    """

    values: Array
    starts: Array
    targets: Array | None = None
    series: Array | None = None


@dataclass(frozen=True, eq=False)
class SeriesDataset:
    """All steps of all series in one flat array, and which windows train, validate and test.

    `values` float32 [t, c] in encoded units, without gaps; `starts` int32 [n], the row that each
    window begins at; `splits` {"train", "valid", "test": int32 window numbers}; `flat` says where
    rows came from. `gaps` bool [t, encoder.columns] says which values stand in for missing ones,
    None where none does. `reading` says how the columns of the file were read.
    """

    values: np.ndarray
    starts: np.ndarray
    splits: dict[str, np.ndarray]
    flat: Flat
    encoder: SeriesEncoder
    notes: tuple[str, ...] = ()
    gaps: np.ndarray | None = None
    reading: Reading = NOTHING

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
    def seasons(self) -> np.ndarray | None:
        """Steps after which each group repeats, 0 where nothing says so [g]; None where of none."""
        return self.encoder.seasons_of(self.flat)

    @property
    def weight(self) -> np.ndarray:
        """What each window counts for: the share of its targets that are known [n].

        As its loss is a mean over these, each known value counts for the same.
        """
        if self.target_gaps is None:
            return np.ones(len(self.starts), np.float32)
        horizon = self.encoder.horizon
        begins = self.starts + self.encoder.lookback
        n_missing = count_within(self.target_gaps, begins, horizon)
        return (1 - n_missing / (horizon * self.encoder.n_targets)).astype(np.float32)

    @property
    def target_gaps(self) -> np.ndarray | None:
        """Which targets are missing, bool [t, o]; None where none is."""
        if self.gaps is None or not self.gaps[:, : self.encoder.n_targets].any():
            return None
        return self.gaps[:, : self.encoder.n_targets]

    @property
    def has_target_gaps(self) -> bool:
        """Whether a target is missing in some row."""
        return self.target_gaps is not None

    @property
    def targets(self) -> np.ndarray:
        """The encoded targets, nan where missing [t, o]."""
        return self._with_gaps(self.values[:, : self.encoder.n_targets])

    def _with_gaps(self, targets_to: np.ndarray) -> np.ndarray:
        gaps = self.target_gaps
        return targets_to if gaps is None else np.where(gaps, np.float32(np.nan), targets_to)

    @property
    def arrays(self) -> SeriesArrays:
        """What `take` takes windows from."""
        targets = None if self.target_gaps is None else self.targets
        return SeriesArrays(self.values, self.starts, targets, self.series)

    @cached_property
    def series(self) -> np.ndarray | None:
        """Each window's group by its number in the encoder, int32 [n]: -1 of a new group.

        None where groups have no names.
        """
        numbers = self.encoder.numbers_of(self.flat)
        if numbers is None:
            return None
        return numbers[self.flat.groups_of(self.starts)]

    def prepared(self, scale: Scale, scale_target: Scale) -> SeriesArrays:
        """`arrays` as the network's `preprocess` gives them, so that windows are scaled already."""
        import jax.numpy as jnp

        del scale_target  # a window's targets are taken from the columns it reads, but counts
        inputs = {"past": self.values}
        numbers = self.encoder.numbers_of(self.flat)
        if numbers is not None:
            inputs["series"] = self.flat.per_row(numbers)
        values = scale(inputs)["past"]
        n_targets = self.encoder.n_targets
        are_counts = any(column.count for column in self.encoder.targets)
        if self.target_gaps is None and not are_counts:
            return SeriesArrays(values, self.starts, None, self.series)
        targets = jnp.asarray(self.values if are_counts else values)[:, :n_targets]
        if self.target_gaps is not None:
            targets = jnp.where(self.target_gaps, jnp.nan, targets)
        return SeriesArrays(values, self.starts, targets, self.series)

    def take(self, arrays: SeriesArrays, indices: Array) -> Batch:
        """The windows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so jit takes it.

        Inputs are {"past": [b, l, c], "future": [b, h, k], if there are columns known ahead}, the
        target is {"value": [b, h * o]}, nan where it is missing; both have the numbers of groups
        that have names, "series" [b].
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
        if arrays.targets is not None:
            future_bhc = arrays.targets[rows_bh]
        target = {"value": future_bhc[:, :, :n_targets].reshape(n, horizon * n_targets)}
        if arrays.series is not None:
            series = {"series": arrays.series[indices]}
            inputs |= series
            target |= series
        return Batch(inputs, target, np.ones(1, np.float32).repeat(n))

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
        """The data set with the same windows in other splits."""
        return replace(self, splits=dict(splits))

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """Means and deviations over the flat rows of the training windows `rows`.

        See `fit_statistics`.
        """
        del options
        length = self.encoder.lookback + self.encoder.horizon
        covered_t = rows_covered(self.starts[rows], length, len(self.values))
        return fit_statistics(
            self.encoder, self.flat, self.values, self.gaps, covered_t, self.seasons
        )

    def target_scales(self, windows: np.ndarray) -> np.ndarray:
        """The training deviations of the targets of these windows, in encoded units [n, o].

        Those of the window's group where groups have scales of their own, else of all.
        """
        columns = self.encoder.targets
        scale_o = np.array([column.deviation / column.unit for column in columns])
        scale_no = np.tile(scale_o, (len(windows), 1))
        if not any(column.by_group for column in columns):
            return scale_no
        group_n = self.flat.groups_of(self.starts[windows])
        own_go = self.group_deviations
        for o, column in enumerate(columns):
            if column.by_group:
                scale_no[:, o] = own_go[group_n, o] / column.unit
        return scale_no

    @property
    def group_deviations(self) -> np.ndarray:
        """The deviation of each target in the training rows of each group, in raw units [g, o].

        1 where there is none.
        """
        length = self.encoder.lookback + self.encoder.horizon
        covered_t = rows_covered(self.starts[self.splits["train"]], length, len(self.values))
        return target_deviations(self.encoder, self.flat, self.values, self.gaps, covered_t)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the values and the windows, in hexadecimal."""
        schema = json.dumps(without_reading(self.encoder.to_json()), sort_keys=True)
        digest = hashlib.sha256((schema + self._source()).encode())
        arrays = {"values": self.values, "starts": self.starts, **self.splits}
        if self.gaps is not None:
            arrays["gaps"] = self.gaps
        for name, array in arrays.items():
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _source(self) -> str:
        """What the rows that are not in memory are known by."""
        return ""
