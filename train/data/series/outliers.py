"""How far outliers of a series reach, by which the loss of its forecasts is chosen.

t flat rows, o targets.
"""

from __future__ import annotations

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.scales import NORMAL
from train.data.series.windows import rows_covered


def tail_ratio(dataset: SeriesDataset) -> float:
    """How many times as far as their median says changes deviate: 1 of normal ones.

    Of changes from season to season, from row to row where there is none, among the training rows:
    the median over series and targets. 0 where it is not defined, as where most values repeat.
    """
    encoder = dataset.encoder
    length = encoder.lookback + encoder.horizon
    covered_t = rows_covered(dataset.starts[dataset.splits["train"]], length, len(dataset.values))
    values_to = np.where(covered_t[:, None], dataset.targets.astype(np.float64), np.nan)
    seasons = dataset.seasons
    ratios = []
    for group, (first, size) in enumerate(
        zip(dataset.flat.firsts, dataset.flat.sizes, strict=True)
    ):
        lag = 1 if seasons is None else max(int(seasons[group]), 1)
        own_to = values_to[first : first + size]
        for change_t in (own_to[lag:] - own_to[:-lag]).T:
            known_t = change_t[~np.isnan(change_t)]
            median = np.median(np.abs(known_t)) if len(known_t) else 0.0
            if median > 0:
                ratios.append(np.sqrt(np.mean(known_t**2)) / (NORMAL * median))
    return float(np.median(ratios)) if ratios else 0.0
