"""Scores of each group of a series, and how they spread over groups.

n windows, h horizon, o targets, g groups that have windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.evaluation.metrics.scale_free import (
    Ends,
    Errors,
    by_name,
    by_window,
    cells_of,
    metrics_by,
    raw_pair,
)
from train.evaluation.metrics.seasonal_scales import Scales

Arrays = Mapping[str, np.ndarray]
SPREAD = {"min": 0.0, "q10": 0.1, "median": 0.5, "q90": 0.9, "max": 1.0}
# What means the same in every group; the others are in raw units, or counts.
COMPARABLE = ("mase", "mae_scaled", "wape", "coverage")
BASELINE_METRICS = ("mase", "mae_scaled")


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
        return spread_over_groups(
            {name: values for name, values in self.scores.items() if name.endswith(COMPARABLE)}
        )


def spread_over_groups(scores: Arrays) -> dict[str, dict[str, float]]:
    """{metric: {"min", "q10", "median", "q90", "max"}} of scores [g], where any is known."""
    found = {}
    for name, values_g in scores.items():
        known = values_g[np.isfinite(values_g)]
        if len(known):
            quantiles = np.quantile(known, list(SPREAD.values())).tolist()
            found[name] = dict(zip(SPREAD, quantiles, strict=True))
    return found


def group_scores(
    dataset: SeriesDataset,
    windows: np.ndarray,
    targets: Arrays,
    answers: Mapping[str, Arrays],
    ends: tuple[np.ndarray, np.ndarray] | None,
    scales: Scales,
) -> GroupScores | None:
    """Scores of each group in these windows; None where groups have no names.

    `answers` {"": the net's, baseline: its} in encoded units, `ends` of the net's intervals in raw
    ones, both [n, h * o], `scales` those of the windows.
    """
    errors = window_errors(dataset.encoder, targets, answers, ends, scales)
    return scores_of_groups(dataset, windows, errors)


def window_errors(
    encoder: SeriesEncoder,
    targets: Arrays,
    answers: Mapping[str, Arrays],
    ends: tuple[np.ndarray, np.ndarray] | None,
    scales: Scales,
) -> dict[str, Errors]:
    """The sums of each window of the net's answers and of each baseline's, as `group_scores`."""
    found = {}
    for baseline, arrays in answers.items():
        pair = raw_pair(encoder, arrays, targets)
        own_ends = None if baseline or ends is None else _as_ends(ends, pair[0].shape)
        found[baseline] = by_window(cells_of(*pair, own_ends), scales)
    return found


def scores_of_groups(
    dataset: SeriesDataset, windows: np.ndarray, errors: Mapping[str, Errors]
) -> GroupScores | None:
    """Scores of each group by the sums of its windows; None where groups have no names.

    Metrics: the number of "windows", those of `metrics_by`, "BASELINE_mase"; and in a run,
    "deviation" of the training rows of the group, "mae_scaled" in these, and
    "BASELINE_mae_scaled".
    """
    flat = dataset.flat
    if flat.names is None:
        return None
    encoder = dataset.encoder
    group_n = flat.groups_of(dataset.starts[windows])
    numbers, place_n = np.unique(group_n, return_inverse=True)
    deviation_go = None
    if "train" in dataset.splits:
        deviation_go = dataset.group_deviations[numbers]
    found: dict[str, np.ndarray] = {}
    for baseline, own in errors.items():
        of_group = metrics_by(own, place_n, len(numbers))
        if deviation_go is not None:
            of_group["mae_scaled"] = of_group["mae"] / deviation_go
        if baseline:
            kept = {name: of_group[name] for name in BASELINE_METRICS if name in of_group}
            found |= {f"{baseline}_{name}": values for name, values in kept.items()}
        else:
            found |= of_group
    if deviation_go is not None:
        found["deviation"] = deviation_go
    names = [column.name for column in encoder.targets]
    scores = {"windows": np.bincount(place_n, minlength=len(numbers)), **by_name(found, names)}
    return GroupScores(flat.names[numbers], scores)


def join_groups(parts: Sequence[GroupScores]) -> GroupScores:
    """The scores of the groups of all parts of a file, each group being in one of them."""
    scores = {}
    for name in parts[0].scores:
        scores[name] = np.concatenate([part.scores[name] for part in parts])
    return GroupScores(np.concatenate([part.names for part in parts]), scores)


def _as_ends(ends: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> Ends:
    low, high = ends
    return Ends(low.reshape(shape), high.reshape(shape))
