"""The columns of a table as features that a linear model can use. n rows, d features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def linear_features(
    train: Arrays, judged: Arrays, category_sizes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Features [n, d] of the training rows and of the judged ones, as the training rows have them.

    Numbers are filled by the median and standardised, with a flag for each column that lacks any;
    categories are one-hot.
    """
    train_parts = []
    judged_parts = []
    if "numbers" in train:
        scale = _NumberScale(train["numbers"])
        train_parts += scale.features(train["numbers"])
        judged_parts += scale.features(judged["numbers"])
    for i, size in enumerate(category_sizes):
        train_parts.append(_one_hot(train["codes"][:, i], size))
        judged_parts.append(_one_hot(judged["codes"][:, i], size))
    return np.concatenate(train_parts, 1), np.concatenate(judged_parts, 1)


class _NumberScale:
    """How number columns are filled and standardised, from training rows [n, f]."""

    def __init__(self, numbers_nf: np.ndarray):
        missing_nf = np.isnan(numbers_nf)
        medians = []
        for column_n, missing_n in zip(numbers_nf.T, missing_nf.T, strict=True):
            # Rows that are a sample may lack all values of a column: its flag tells the rest.
            medians.append(0.0 if missing_n.all() else np.median(column_n[~missing_n]))
        self.fill_f = np.array(medians)
        filled_nf = np.where(missing_nf, self.fill_f.astype(np.float32), numbers_nf)
        self.mean_f = filled_nf.mean(0, dtype=np.float64)
        deviation_f = filled_nf.std(0, dtype=np.float64)
        self.scale_f = np.where(deviation_f > 0, deviation_f, 1)
        self.lacking_f = missing_nf.any(0)

    def features(self, numbers_nf: np.ndarray) -> list[np.ndarray]:
        """Numbers, standardised, and flags of the missing ones."""
        missing_nf = np.isnan(numbers_nf)
        filled_nf = np.where(missing_nf, self.fill_f, numbers_nf)
        standard_nf = (filled_nf - self.mean_f) / self.scale_f
        return [standard_nf.astype(np.float32), missing_nf[:, self.lacking_f].astype(np.float32)]


def _one_hot(code_n: np.ndarray, size: int) -> np.ndarray:
    """A column for each known category, after one for what is missing or unseen."""
    return (code_n[:, None] == np.arange(size + 1)).astype(np.float32)
