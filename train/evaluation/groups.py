"""Scores of each group of a series, and how they spread over groups.

n windows, h horizon, o targets, g groups that have windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from train.data.series.dataset import SeriesDataset

Arrays = Mapping[str, np.ndarray]
SPREAD = {"min": 0.0, "q10": 0.1, "median": 0.5, "q90": 0.9, "max": 1.0}
# What means the same in every group; the others are in raw units, or counts.
COMPARABLE = ("mae_scaled", "coverage")


class GroupScores(NamedTuple):
    """`names` [g], and `scores` {metric: [g]}; of several targets "TARGET.metric"."""

    names: np.ndarray
    scores: Mapping[str, np.ndarray]

    def columns(self) -> dict[str, np.ndarray]:
        """The lines of groups.csv."""
        return {"group": self.names, **self.scores}

    def to_json(self) -> dict[str, object]:
        """What result.json says of them: their number, and how metrics spread over them."""
        return {"count": len(self.names), "spread": self.spread()}

    def spread(self) -> dict[str, dict[str, float]]:
        """{metric: {"min", "q10", "median", "q90", "max"} over groups} of comparable metrics."""
        found = {}
        for name, values_g in self.scores.items():
            known = values_g[np.isfinite(values_g)]
            if name.endswith(COMPARABLE) and len(known):
                found[name] = {
                    key: float(np.quantile(known, share)) for key, share in SPREAD.items()
                }
        return found


def group_scores(
    dataset: SeriesDataset,
    windows: np.ndarray,
    targets: Arrays,
    answers: Mapping[str, Arrays],
    ends: tuple[np.ndarray, np.ndarray] | None,
) -> GroupScores | None:
    """Scores of each group in these windows; None where groups have no names.

    `answers` {"": the net's, baseline: its} in encoded units, `ends` of the net's intervals in raw
    ones, both [n, h * o]. Metrics: the number of "windows", "deviation" (of the training rows of
    the group), "rmse", "mae", "mae_scaled" (in these deviations), "coverage" and "width" of
    intervals, and "BASELINE_mae_scaled".
    """
    flat = dataset.flat
    if flat.names is None:
        return None
    encoder = dataset.encoder
    group_n = np.searchsorted(flat.firsts, dataset.starts[windows], side="right") - 1
    numbers, place_n = np.unique(group_n, return_inverse=True)
    sums = _Sums(place_n, len(numbers))
    scores: dict[str, np.ndarray] = {"windows": np.bincount(place_n, minlength=len(numbers))}
    deviation_go = dataset.group_deviations[numbers]
    several = encoder.n_targets > 1
    target_nho = encoder.to_units(targets)["value"].reshape(len(windows), -1, encoder.n_targets)
    for o, column in enumerate(encoder.targets):
        prefix = f"{column.name}." if several else ""
        scores[f"{prefix}deviation"] = deviation_go[:, o]
        target_nh = target_nho[:, :, o]
        for name, arrays in answers.items():
            raw = encoder.to_units(arrays)["value"].reshape(target_nho.shape)
            error_nh = raw[:, :, o] - target_nh
            mae_g = sums.mean(np.abs(error_nh))
            if not name:
                scores[f"{prefix}rmse"] = np.sqrt(sums.mean(np.square(error_nh)))
                scores[f"{prefix}mae"] = mae_g
            label = f"{name}_mae_scaled" if name else "mae_scaled"
            scores[f"{prefix}{label}"] = mae_g / deviation_go[:, o]
        if ends is not None:
            low_nh, high_nh = (end.reshape(target_nho.shape)[:, :, o] for end in ends)
            within_nh = ((low_nh <= target_nh) & (target_nh <= high_nh)).astype(np.float64)
            within_nh[np.isnan(target_nh)] = np.nan
            scores[f"{prefix}coverage"] = sums.mean(within_nh)
            scores[f"{prefix}width"] = sums.mean(high_nh - low_nh)
    return GroupScores(flat.names[numbers], scores)


class _Sums(NamedTuple):
    """Sums over the windows of each group."""

    place_n: np.ndarray
    n_groups: int

    def mean(self, values_nh: np.ndarray) -> np.ndarray:
        """The mean of each group over what is known [g]; nan where nothing is."""
        known_nh = ~np.isnan(values_nh)
        total_n = np.where(known_nh, values_nh, 0).sum(1)
        total_g = np.bincount(self.place_n, total_n, self.n_groups)
        count_g = np.bincount(self.place_n, known_nh.sum(1), self.n_groups)
        return np.where(count_g > 0, total_g / np.maximum(count_g, 1), np.nan)
