"""Scores of the spread that a net predicts by itself, at each origin and over all of them.

w windows, k origins, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.metrics.scale_free import Cells
from train.results.backtest.answers import Answered

MEANS = ("crps", "pinball", "nll")  # over all values that are known
WEIGHTED = "mean_weighted_quantile_loss"  # in units of the mean absolute value


def spread_by_origin(parts: Sequence[Answered], n_origins: int) -> dict[str, np.ndarray]:
    """{metric: its value at each origin [k]}; {} where the net answers without a spread."""
    found: dict[str, np.ndarray] = {}
    for part in parts:
        encoder = part.dataset.encoder
        for origin in np.unique(part.origin_w).tolist():
            rows = part.origin_w == origin
            own = _taken(part.predicted.predictions, rows)
            targets = _taken(part.predicted.target, rows)
            metrics = probabilistic_metrics(encoder, own, targets, None, part.quantiles)
            for name, value in metrics.items():
                if name.rpartition(".")[2] in (*MEANS, WEIGHTED):
                    found.setdefault(name, np.full(n_origins, np.nan))[origin] = value
    return found


def spread_over_all(
    by_origin: Mapping[str, np.ndarray], sums: Cells, origin_w: np.ndarray, targets: list[str]
) -> dict[str, float]:
    """{metric: its value over all origins}, `sums` being those of the net's windows."""
    found: dict[str, float] = {}
    for name, values_k in by_origin.items():
        target, _, short = name.rpartition(".")
        o = targets.index(target) if target else 0
        known_k = np.bincount(origin_w, sums.known[:, o], len(values_k))
        if short == WEIGHTED:
            continue
        has_k = np.isfinite(values_k) & (known_k > 0)
        mean = float(np.average(values_k[has_k], weights=known_k[has_k])) if has_k.any() else np.nan
        found[name] = mean
        size = float(sums.size[:, o].sum() / max(known_k.sum(), 1))
        if short == "pinball":
            prefix = f"{target}." if target else ""
            found[f"{prefix}{WEIGHTED}"] = 2 * mean / size if size else np.nan
    return found


def _taken(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[rows] for name, array in arrays.items()}
