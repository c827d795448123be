"""Scores of a net's answers to windows of a file that is read some series at a time.

Only sums over windows are kept, and the scores of series that have names. n windows of a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from train.data.dataset import Head
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.windows import rows_covered
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.conformal import base_of, bounds
from train.evaluation.groups import GroupScores, join_groups, scores_of_groups, window_errors
from train.evaluation.interval_scores import conformal_means, conformal_metrics_of
from train.evaluation.metrics.forecasts import forecast_means, forecast_metrics_of
from train.evaluation.metrics.means import AllMeans, merge_all
from train.evaluation.metrics.probabilistic import spread_means, spread_metrics_of
from train.evaluation.metrics.scale_free import (
    Errors,
    Totals,
    add_totals,
    join_errors,
    scale_free_of,
    totals_of_all,
)
from train.evaluation.metrics.seasonal_scales import Scales, seasonal_scales
from train.inference.blocks import Predicted
from train.inference.unanswered import Unanswered

CELLS = 1 << 21  # that a chunk of windows reads, or answers, at most
MIN_WINDOWS = 256  # of a chunk
NET = ""  # the name of the net's answers beside those of baselines


class WindowScores:
    """Sums so far over the windows of a file: of the net's errors, and of those of repeated values.

    `levels` are those of the quantiles that a net predicts; `needed` the head and the scores of the
    intervals that were asked for, of the level `interval`.
    """

    def __init__(
        self,
        encoder: SeriesEncoder,
        levels: tuple[float, ...],
        needed: tuple[Head, np.ndarray] | None,
        interval: float | None,
    ):
        self.counts = {"rows": 0}
        self.unanswered = Unanswered(encoder)
        self._encoder = encoder
        self._levels = levels
        self._needed = needed
        self._interval = interval
        self._means: dict[str, AllMeans] = {}
        self._totals: dict[str, Totals] = {}
        self._groups: list[GroupScores] = []

    def judge(
        self, rows: SeriesDataset, answer: Callable[[np.ndarray], Predicted]
    ) -> Iterator[tuple[np.ndarray, Predicted]]:
        """Takes in all windows of whole series; gives those of a chunk, and the answers to them."""
        windows = rows.splits["test"]
        self._count(rows)
        scales = seasonal_scales(rows, windows)
        errors: list[dict[str, Errors]] = []
        size = self._chunk_size()
        for first in range(0, len(windows), size):
            chunk = windows[first : first + size]
            predicted = answer(chunk)
            of_chunk = Scales(*(scale_no[first : first + size] for scale_no in scales))
            errors.append(self._judge(rows, chunk, predicted, of_chunk))
            yield chunk, predicted
        joined = {name: join_errors([part[name] for part in errors]) for name in errors[0]}
        for name, own in joined.items():
            self._totals[name] = add_totals(self._totals.get(name, {}), totals_of_all(own))
        if (found := scores_of_groups(rows, windows, joined)) is not None:
            self._groups.append(found)

    def _chunk_size(self) -> int:
        encoder = self._encoder
        n_read = encoder.lookback * encoder.n_columns
        n_answered = encoder.horizon * encoder.n_targets * (1 + len(self._levels))
        return max(CELLS // max(n_read, n_answered), MIN_WINDOWS)

    def _count(self, rows: SeriesDataset) -> None:
        self.counts["rows"] += len(rows.starts)
        if rows.target_gaps is not None:
            begins = rows.starts + self._encoder.lookback
            judged = rows_covered(begins, self._encoder.horizon, len(rows.target_gaps))
            n_missing = int(rows.target_gaps[judged].sum())
            self.counts["missing_targets"] = self.counts.get("missing_targets", 0) + n_missing

    def _judge(
        self, rows: SeriesDataset, chunk: np.ndarray, predicted: Predicted, scales: Scales
    ) -> dict[str, Errors]:
        """Adds the means of a chunk; gives the sums of each of its windows."""
        encoder = self._encoder
        target, weight, predictions = predicted
        self.unanswered.add(predictions)
        answers = {NET: predictions, **repeated_predictions(rows, chunk)}
        for name, arrays in answers.items():
            means = dict(forecast_means(encoder, arrays, target, weight))
            if name == NET:
                means |= spread_means(encoder, arrays, target, weight, self._levels)
                if self._needed is not None:
                    means |= conformal_means(encoder, *self._needed, arrays, target, weight)
            self._means[name] = merge_all(self._means.get(name, {}), means)
        ends = None
        if self._needed is not None:
            head, score_o = self._needed
            ends = bounds(base_of(encoder, head, predictions), score_o)
        return window_errors(encoder, target, answers, ends, scales)

    def metrics(self, name: str = NET) -> dict[str, float]:
        """The metrics of the net's answers to all windows so far, or of those of a baseline."""
        means = self._means[name]
        found = forecast_metrics_of(self._encoder, means)
        found |= scale_free_of(self._encoder, self._totals[name])
        found |= spread_metrics_of(self._encoder, means, self._levels)
        return found | conformal_metrics_of(self._encoder, means, self._interval)

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The metrics of what needs no training."""
        return {name: self.metrics(name) for name in self._means if name != NET}

    @property
    def groups(self) -> GroupScores | None:
        """The scores of all groups so far; None where they have no names."""
        return join_groups(self._groups) if self._groups else None
