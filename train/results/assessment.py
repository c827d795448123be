"""The assessment of a trained net on its data: scores, baselines, intervals, importance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from train.data.dataset import HostArrays
from train.data.series.dataset import SeriesDataset
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.classes import score_classes
from train.evaluation.conformal import (
    LEVEL,
    Scores,
    conformal_scores,
    ends_of,
    numbers_head,
)
from train.evaluation.groups import GroupScores, group_scores
from train.evaluation.importance import Measured
from train.evaluation.interval_scores import score_intervals
from train.evaluation.kinds import BaselineScores, SplitPredictions, kind_of, score
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.metrics.seasonal_scales import scales_of, seasonal_scales
from train.inference.predictor import Predicted
from train.results.baselines import (
    baseline_seconds,
    baselines_on_folds,
    baselines_on_valid,
    shuffle_seconds,
)
from train.results.outcome import Outcome, report_split
from train.results.sample import scored_rows
from train.run.run import Run


class SplitScores(NamedTuple):
    """The metrics of every split."""

    scores: dict[str, dict[str, float]]
    """{split: its metrics}."""
    rows: dict[str, int]
    """{split: how many rows it has}."""
    sampled: dict[str, int]
    """{split: how many of its rows are scored}, of those that have more."""
    split: str
    """The split that is reported."""
    predictions: HostArrays
    """Those of the split that is reported."""
    validated: Predicted | None
    """The validation rows, if there are any."""


@dataclass(frozen=True)
class Assessment:
    """All that is measured of a trained net at the end of its run."""

    outcome: Outcome
    splits: SplitScores
    reported: SplitPredictions
    """The rows of the split that is reported, and their predictions."""
    residuals: Scores | None
    """The conformal scores of the validation rows; None where nothing predicts numbers."""
    baselines: BaselineScores
    """Those of the split that is reported."""
    valid_baselines: dict[str, dict[str, float]]
    """{baseline: its metrics of the validation rows}."""
    interval: dict[str, float]
    """The coverage and width of the intervals of test rows."""
    importance: Measured
    classes: Mapping[str, object]
    """{head: the scores of each class}."""
    groups: GroupScores | None
    """The scores of each group of series."""

    @property
    def split(self) -> str:
        """The split that is reported."""
        return self.splits.split


def assess(run: Run, outcome: Outcome, seconds: float) -> Assessment:
    """Evaluates a trained net; its `seconds` of training limit those of its baselines."""
    dataset = run.dataset
    encoder = dataset.encoder
    options = run.config.train
    kind = kind_of(encoder)
    splits = score_splits(run, outcome)
    split = splits.split
    rows = scored_rows(dataset, split, run.config.seed)
    batch = dataset.take(dataset.arrays, rows)
    predictor = outcome.predictor
    reported = SplitPredictions(
        dataset, split, rows, batch, splits.predictions, predictor.answers, predictor.shuffled
    )
    residuals = _residuals(run, splits.validated)
    allowed = baseline_seconds(options, seconds, dataset.n_train)
    valid_baselines: dict[str, dict[str, float]] = {}
    if outcome.out_of_fold is not None:
        n_folds = run.config.population.n_folds
        folded = outcome.out_of_fold.rows
        valid_baselines = baselines_on_folds(kind, dataset, n_folds, folded, allowed)
    elif splits.validated is not None:
        valid_baselines = baselines_on_valid(kind, reported, splits.validated, allowed)
    interval: dict[str, float] = {}
    if split == "test":
        interval = score_intervals(encoder, residuals, reported.predictions, batch)
    return Assessment(
        outcome=outcome,
        splits=splits,
        reported=reported,
        residuals=residuals,
        baselines=kind.baselines(reported, allowed),
        valid_baselines=valid_baselines,
        interval=interval,
        importance=kind.importance(reported, run.config.seed, shuffle_seconds(options, seconds)),
        classes=score_classes(encoder.heads, batch.target, reported.predictions, batch.weight),
        groups=_groups(reported, residuals),
    )


def score_splits(run: Run, outcome: Outcome) -> SplitScores:
    """The metrics of every split; validation rows of folds are those of `outcome.out_of_fold`."""
    dataset = run.dataset
    shown = report_split(dataset)
    scores: dict[str, dict[str, float]] = {}
    rows = {}
    sampled = {}
    predictions: HostArrays = {}
    out_of_fold = outcome.out_of_fold
    validated = None if out_of_fold is None else out_of_fold.predicted
    for split, places in dataset.splits.items():
        if not len(places):
            continue
        rows[split] = len(places)
        places = scored_rows(dataset, split, run.config.seed)
        if len(places) < rows[split]:
            sampled[split] = len(places)
        predicted = outcome.predictor.predict_rows(dataset, places)
        scores[split] = _score(run, places, predicted)
        if split == shown:
            predictions = predicted.predictions
        if split == "valid" and out_of_fold is None:
            validated = predicted
    if out_of_fold is not None:
        scores["valid"] = _score(run, *out_of_fold)
        rows["valid"] = len(out_of_fold.rows)
    return SplitScores(scores, rows, sampled, shown, predictions, validated)


def _score(run: Run, rows: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """The metrics of rows, and probabilistic ones where a spread is predicted."""
    target, weight, predictions = predicted
    encoder = run.dataset.encoder
    scores = score(encoder, predictions, target, weight, scales_of(run.dataset, rows))
    levels = run.config.levels()
    return scores | probabilistic_metrics(encoder, predictions, target, weight, levels)


def _residuals(run: Run, validated: Predicted | None) -> Scores | None:
    """The conformal scores of the validation rows; None where nothing predicts numbers."""
    encoder = run.dataset.encoder
    head = numbers_head(encoder)
    if validated is None or head is None:
        return None
    target, weight, predictions = validated
    return conformal_scores(encoder, head, predictions, target, weight)


def _groups(reported: SplitPredictions, residuals: Scores | None) -> GroupScores | None:
    """The scores of each group, of the net and of repeated values; None without groups."""
    series = reported.dataset
    if not isinstance(series, SeriesDataset):
        return None
    answers = {"": reported.predictions, **repeated_predictions(series, reported.rows)}
    ends = ends_of(series.encoder, residuals, reported.predictions, LEVEL)
    scales = seasonal_scales(series, reported.rows)
    return group_scores(series, reported.rows, reported.batch.target, answers, ends, scales)
