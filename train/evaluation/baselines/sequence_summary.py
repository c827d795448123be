"""What a linear model reads of sequences: a summary of each, or the numbers of one step.

n rows, t steps, s steps of all rows, f numbers of a step, d features.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import cast

import numpy as np
from scipy import sparse

from train.data.sequences.text import UNKNOWN
from train.evaluation.baselines.features import LinearFeatures
from train.evaluation.baselines.linear import Features

Arrays = Mapping[str, np.ndarray]


class SummaryFeatures:
    """How a whole sequence becomes features, from training rows.

    Its length, and of each number the mean, the deviation, the least, the largest, the first and
    the last of its known steps; of words which of the vocabulary it has.
    """

    def __init__(self, train: Arrays):
        self._numbers = LinearFeatures({"numbers": _summary(train)}, ())
        self._n_words = int(train["tokens"].max()) + 1 if "tokens" in train else 0

    def of(self, rows: Arrays) -> Features:
        """Features [n, d] of sequences; with words they are a sparse matrix."""
        features = self._numbers.of({"numbers": _summary(rows)})
        if not self._n_words:
            return features
        words = _words(rows, self._n_words)
        return cast(Features, sparse.csr_array(sparse.hstack([features, words], format="csr")))


def _summary(rows: Arrays) -> np.ndarray:
    """Lengths and moments of sequences [n, 1 + 6 f]; nan where no step is known."""
    length_n = rows["length"]
    parts = [length_n[:, None].astype(np.float32)]
    if "numbers" in rows:
        x_ntf = rows["numbers"]
        known_ntf = steps_of(rows)[..., None] & ~np.isnan(x_ntf)
        x_ntf = np.where(known_ntf, x_ntf, np.nan).astype(np.float64)
        with warnings.catch_warnings():
            # Of a row without a known step all are nan, which says what it is.
            warnings.simplefilter("ignore", RuntimeWarning)
            moments = [f(x_ntf, axis=1) for f in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)]
        for place_nf in (known_ntf.argmax(1), _last_known(known_ntf)):
            moments.append(np.take_along_axis(x_ntf, place_nf[:, None], 1)[:, 0])
        parts += [moment_nf.astype(np.float32) for moment_nf in moments]
    return np.concatenate(parts, 1)


def _last_known(known_ntf: np.ndarray) -> np.ndarray:
    """The last step at which each number is known [n, f]."""
    return known_ntf.shape[1] - 1 - known_ntf[:, ::-1].argmax(1)


def _words(rows: Arrays, n_words: int) -> sparse.csr_array:
    """1 for each word that a sequence has [n, v]; those that training lacks are all one."""
    token_nt = rows["tokens"]
    word_nt = np.where(token_nt < n_words, token_nt, UNKNOWN)
    row_s, step_s = np.nonzero(steps_of(rows))
    ones_s = np.ones(len(row_s), np.float32)
    places = (row_s, word_nt[row_s, step_s])
    words = sparse.csr_array((ones_s, places), shape=(len(token_nt), n_words))
    words.sum_duplicates()
    words.data[:] = 1.0
    return words


class StepFeatures:
    """How a step's numbers become features, from the steps of training rows."""

    def __init__(self, train: Arrays):
        self._numbers = LinearFeatures({"numbers": train["numbers"][steps_of(train)]}, ())

    def of(self, rows: Arrays) -> Features:
        """Features [s, d] of the steps that rows have, one row's after the other's."""
        return self._numbers.of({"numbers": rows["numbers"][steps_of(rows)]})


def steps_of(rows: Arrays) -> np.ndarray:
    """Which of the padded steps rows have [n, t]."""
    n_steps = rows["numbers" if "numbers" in rows else "tokens"].shape[1]
    return np.arange(n_steps)[None] < rows["length"][:, None]


def spread_steps(value_s: np.ndarray, rows: Arrays, beyond: float) -> np.ndarray:
    """Values of the steps that rows have, [s] or [s, o], as [n, t] or [n, t, o]; `beyond` ends."""
    mask_nt = steps_of(rows)
    spread = np.full((*mask_nt.shape, *value_s.shape[1:]), beyond, value_s.dtype)
    spread[mask_nt] = value_s
    return spread
