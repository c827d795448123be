"""The columns of a table as features that a linear model can use. n rows, d features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from scipy import sparse

from train.evaluation.baselines.linear import DENSE_FEATURES, Features

Arrays = Mapping[str, np.ndarray]


class LinearFeatures:
    """How rows become features, from training rows.

    Numbers are filled by the median and standardised, with a flag for each column that lacks any;
    categories are one-hot. Where that makes more than DENSE_FEATURES, they are a sparse matrix.
    """

    def __init__(self, train: Arrays, category_sizes: tuple[int, ...]):
        self._scale = _NumberScale(train["numbers"]) if "numbers" in train else None
        self._sizes = category_sizes
        n_features = sum(category_sizes) + len(category_sizes)
        if self._scale is not None:
            n_features += len(self._scale.mean_f) + int(self._scale.lacking_f.sum())
        self._is_sparse = bool(category_sizes) and n_features > DENSE_FEATURES

    def of(self, rows: Arrays) -> Features:
        """Features [n, d] of rows."""
        parts = [] if self._scale is None else self._scale.features(rows["numbers"])
        if self._is_sparse:
            return self._sparse(parts, rows["codes"])
        for i, size in enumerate(self._sizes):
            parts.append(_one_hot(rows["codes"][:, i], size))
        return np.concatenate(parts, 1)

    def _sparse(self, parts: list[np.ndarray], code_nc: np.ndarray) -> Features:
        """Rows of which each has all the numbers, and a 1 for each category."""
        n, n_categories = code_nc.shape
        number_nd = np.concatenate(parts, 1) if parts else np.zeros((n, 0), np.float32)
        n_numbers = number_nd.shape[1]
        widths = np.array(self._sizes) + 1
        first_c = n_numbers + np.cumsum(widths) - widths
        place_nd = np.empty((n, n_numbers + n_categories), np.int32)
        place_nd[:, :n_numbers] = np.arange(n_numbers)
        place_nd[:, n_numbers:] = first_c + code_nc
        value_nd = np.ones(place_nd.shape)
        value_nd[:, :n_numbers] = number_nd
        ends = np.arange(n + 1) * place_nd.shape[1]
        shape = (n, n_numbers + int(widths.sum()))
        rows = sparse.csr_array((value_nd.ravel(), place_nd.ravel(), ends), shape)
        return cast(Features, rows)


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
