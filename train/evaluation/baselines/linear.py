"""The baselines of a table, on features that a linear model can use."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.table.dataset import Batch
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.table import baseline_metrics, fit_baselines

Arrays = Mapping[str, np.ndarray]


def table_baselines(encoder: TableEncoder, train: Batch, judged: Batch) -> dict[str, dict[str, float]]:
    """Metrics on the judged rows of what is fitted on the training rows: {"mean" or "majority", "linear": {...}}."""
    features = linear_features(train.inputs, judged.inputs, encoder.category_sizes)
    baselines = fit_baselines(features[0], train.target, train.weight, encoder.heads)
    return baseline_metrics(baselines, features[1], judged.target, judged.weight, encoder.heads, encoder.units)


def linear_features(train: Arrays, judged: Arrays, category_sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What a linear model is given [n, d]: numbers filled by the median and standardised, flags of missing ones, and
    one-hot categories, all by the training rows."""
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    if "numbers" in train:
        gaps = np.isnan(train["numbers"])
        fill = np.array([np.median(column[~gap]) for column, gap in zip(train["numbers"].T, gaps.T, strict=True)])
        filled = np.where(gaps, fill.astype(np.float32), train["numbers"])
        mean, sd = filled.mean(0, dtype=np.float64), filled.std(0, dtype=np.float64)
        for part, inputs in zip(parts, (train, judged), strict=True):
            numbers = np.where(np.isnan(inputs["numbers"]), fill, inputs["numbers"])
            part.append(((numbers - mean) / np.where(sd > 0, sd, 1)).astype(np.float32))
            part.append(np.isnan(inputs["numbers"][:, gaps.any(0)]).astype(np.float32))
    for i, size in enumerate(category_sizes):
        for part, inputs in zip(parts, (train, judged), strict=True):
            part.append((inputs["codes"][:, i, None] == np.arange(size + 1)).astype(np.float32))
    return np.concatenate(parts[0], 1), np.concatenate(parts[1], 1)
