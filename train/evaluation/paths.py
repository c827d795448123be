"""Samples of what a net predicts, over all outputs of a row together: paths of a forecast.

Each output's samples are those of its own distribution; how outputs move together is taken from the
errors of validation rows, whose ranks stand in for those of a path (the Schaake shuffle; Clark et
al. 2004). Where a net says nothing of its spread, samples are its answers and such errors. Shapes:
n rows, m validation rows, o outputs, s samples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Encoder, Head, HostArrays
from train.data.floors import floors
from train.errors import UserError
from train.evaluation.conformal import base_of
from train.evaluation.densities import Quantiles, Spread, spread_of
from train.evaluation.spread import named_columns

Array = np.ndarray
MAX_KEPT = 512  # validation rows at most whose errors are kept


class Draws:
    """Random numbers of rows, each row's by its place alone, from the seed on.

    `errors_mo` are those of validation rows [m, o], None where there are none: then outputs are
    drawn apart. `first` is the place of the first row.
    """

    def __init__(self, count: int, seed: int, errors_mo: Array | None, first: int = 0):
        self.count = count
        self.errors_mo = None if errors_mo is None else _filled(errors_mo)
        self._seed = seed
        self._first = first

    def shares(self, shape: tuple[int, int]) -> Array:
        """Numbers between 0 and 1 [s, n, o] that are uniform, and move together as errors do."""
        drawn_sno = np.empty((self.count, *shape))
        errors_mo = self.errors_mo
        rank_mo = None if errors_mo is None else errors_mo.argsort(0).argsort(0)
        for i in range(shape[0]):
            random = self._random(i)
            drawn_so = random.random((self.count, shape[1]))
            if rank_mo is not None:
                chosen_so = rank_mo[random.integers(len(rank_mo), size=self.count)]
                drawn_so = (chosen_so + drawn_so) / len(rank_mo)
            drawn_sno[:, i] = drawn_so
        return np.clip(drawn_sno, 1e-9, 1 - 1e-9)

    def errors(self, shape: tuple[int, int]) -> Array:
        """Errors of validation rows [s, n, o], those of one row together."""
        assert self.errors_mo is not None
        drawn_sno = np.empty((self.count, *shape))
        for i in range(shape[0]):
            chosen_s = self._random(i).integers(len(self.errors_mo), size=self.count)
            drawn_sno[:, i] = self.errors_mo[chosen_s]
        return drawn_sno

    def _random(self, row: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._first + row])


def relative_errors(
    encoder: Encoder,
    head: Head,
    predictions: Mapping[str, Array],
    targets: Mapping[str, Array],
    weight_n: Array,
) -> Array:
    """Errors [m, o] of some rows, float32, in units of how unsure each answer is; nan if missing.

    Rows of weight 0 are left out; the others are evenly spread over all.
    """
    rows = np.flatnonzero(np.asarray(weight_n) > 0)
    if len(rows) > MAX_KEPT:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_KEPT).astype(int)]
    few = {name: array[rows] for name, array in predictions.items()}
    target_mo = encoder.to_units({name: array[rows] for name, array in targets.items()})[head.name]
    base = base_of(encoder, head, few)
    error_mo = (target_mo - base.prediction) / _error_units(encoder, head, few)
    return error_mo.astype(np.float32)


def _error_units(encoder: Encoder, head: Head, predictions: Mapping[str, Array]) -> Array:
    """How unsure each answer is [n, o], in raw units."""
    base = base_of(encoder, head, predictions)
    if f"{head.name}.quantiles" not in predictions:
        return base.unit
    return np.maximum(base.high - base.low, np.finfo(np.float32).tiny)


def quantile_columns(
    encoder: Encoder,
    head: Head,
    predictions: Mapping[str, Array],
    own_levels: tuple[float, ...],
    levels: tuple[float, ...],
) -> HostArrays:
    """ "quantile_LEVEL" at any levels, by what the net says of its spread. Raises UserError."""
    spread = spread_of(encoder, head, predictions, own_levels)
    if spread is None:
        raise UserError(
            "--quantiles: this net answers a number alone; train it with config.loss=quantile, or "
            "that of a density such as gaussian"
        )
    floor_o = floors(encoder)[head.name]
    shape = predictions[head.name].shape
    columns: HostArrays = {}
    for level in levels:
        at_no = np.maximum(spread.quantile(np.full(shape, level)), floor_o)
        columns |= named_columns(encoder, head, at_no, f"quantile_{level:g}")
    return columns


def sample_columns(
    encoder: Encoder,
    head: Head,
    predictions: Mapping[str, Array],
    own_levels: tuple[float, ...],
    draws: Draws,
) -> HostArrays:
    """ "sample_1" and so on, of a forecast a path each. Raises UserError."""
    spread = spread_of(encoder, head, predictions, own_levels)
    if spread is None and draws.errors_mo is None:
        raise UserError(
            "--samples: this net answers a number alone, and no errors of validation rows are "
            "kept; train it with config.data.valid above 0, or with config.loss=quantile"
        )
    shape = predictions[head.name].shape
    if spread is None:
        base = base_of(encoder, head, predictions)
        drawn_sno = base.prediction + draws.errors(shape) * base.unit
    else:
        drawn_sno = _quantile(spread, draws.shares(shape))
    drawn_sno = np.maximum(drawn_sno, floors(encoder)[head.name])
    columns: HostArrays = {}
    for i, drawn_no in enumerate(drawn_sno):
        columns |= named_columns(encoder, head, drawn_no, f"sample_{i + 1}")
    return columns


def _quantile(spread: Spread, share_sno: Array) -> Array:
    """What these shares lie below, a sample after the other, for quantiles have many numbers."""
    if not isinstance(spread, Quantiles):
        return spread.quantile(share_sno)
    return np.stack([spread.quantile(share_no) for share_no in share_sno])


def _filled(errors_mo: Array) -> Array:
    """Errors in which those of missing targets are drawn from the others of their output."""
    random = np.random.default_rng(0)
    filled_mo = errors_mo.astype(np.float64)
    for error_m in filled_mo.T:
        is_missing_m = np.isnan(error_m)
        known = error_m[~is_missing_m]
        drawn = random.choice(known, is_missing_m.sum()) if len(known) else 0.0
        error_m[is_missing_m] = drawn
    return filled_mo
