"""What a trained net is worth on its data: scores, what stands beside them, what they rest on."""

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
    """The metrics of every split and how many rows it has; `sampled` says where fewer are scored.

    `predictions` are those of the split that is reported, `validated` those of the validation rows.
    """

    scores: dict[str, dict[str, float]]
    rows: dict[str, int]
    sampled: dict[str, int]
    split: str
    predictions: HostArrays
    validated: Predicted | None


@dataclass(frozen=True)
class Assessment:
    """All that a run's end finds out about the net, from its rows.

    `judged` are the rows of the split that is reported, `residuals` the conformal scores of the
    validation rows, None where nothing predicts numbers. `beside` are baselines on the reported
    split, `on_valid` those on the validation rows; `interval` how well intervals of test rows hold;
    `classes` {head: scores of each class}; `groups` those of a series.
    """

    outcome: Outcome
    splits: SplitScores
    judged: SplitPredictions
    residuals: Scores | None
    beside: BaselineScores
    on_valid: dict[str, dict[str, float]]
    interval: dict[str, float]
    importance: Measured
    classes: Mapping[str, object]
    groups: GroupScores | None

    @property
    def split(self) -> str:
        """The split that is reported."""
        return self.splits.split


def assess(run: Run, outcome: Outcome, seconds: float) -> Assessment:
    """Evaluates a net that was trained for so many seconds, which bound what stands beside it."""
    dataset = run.dataset
    encoder = dataset.encoder
    options = run.config.train
    kind = kind_of(encoder)
    splits = score_splits(run, outcome)
    split = splits.split
    rows = scored_rows(dataset, split, run.config.seed)
    batch = dataset.take(dataset.arrays, rows)
    predictor = outcome.predictor
    judged = SplitPredictions(
        dataset, split, rows, batch, splits.predictions, predictor.answers, predictor.shuffled
    )
    residuals = _residuals(run, splits.validated)
    allowed = baseline_seconds(options, seconds, dataset.n_train)
    on_valid: dict[str, dict[str, float]] = {}
    if outcome.valid is not None:
        n_folds = run.config.population.n_folds
        on_valid = baselines_on_folds(kind, dataset, n_folds, outcome.valid_rows, allowed)
    elif splits.validated is not None:
        on_valid = baselines_on_valid(kind, judged, splits.validated, allowed)
    interval: dict[str, float] = {}
    if split == "test":
        interval = score_intervals(encoder, residuals, judged.predictions, batch)
    return Assessment(
        outcome=outcome,
        splits=splits,
        judged=judged,
        residuals=residuals,
        beside=kind.baselines(judged, allowed),
        on_valid=on_valid,
        interval=interval,
        importance=kind.importance(judged, run.config.seed, shuffle_seconds(options, seconds)),
        classes=score_classes(encoder.heads, batch.target, judged.predictions, batch.weight),
        groups=_groups(judged, residuals),
    )


def score_splits(run: Run, outcome: Outcome) -> SplitScores:
    """Metrics of whole splits; of validation rows by other nets, where those predicted them."""
    dataset = run.dataset
    reported = report_split(dataset)
    scores: dict[str, dict[str, float]] = {}
    rows = {}
    sampled = {}
    predictions: HostArrays = {}
    validated = outcome.valid
    for split, places in dataset.splits.items():
        if not len(places):
            continue
        rows[split] = len(places)
        places = scored_rows(dataset, split, run.config.seed)
        if len(places) < rows[split]:
            sampled[split] = len(places)
        predicted = outcome.predictor.predict_rows(dataset, places)
        scores[split] = _score(run, places, predicted)
        if split == reported:
            predictions = predicted.predictions
        if split == "valid" and outcome.valid is None:
            validated = predicted
    if outcome.valid is not None:
        scores["valid"] = _score(run, outcome.valid_rows, outcome.valid)
        rows["valid"] = len(outcome.valid.weight)
    return SplitScores(scores, rows, sampled, reported, predictions, validated)


def _score(run: Run, rows: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """The metrics of rows, and what their spread is worth where one is answered."""
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


def _groups(judged: SplitPredictions, residuals: Scores | None) -> GroupScores | None:
    """The scores of each group beside those of what repeats; None where there are no groups."""
    series = judged.dataset
    if not isinstance(series, SeriesDataset):
        return None
    answers = {"": judged.predictions, **repeated_predictions(series, judged.rows)}
    ends = ends_of(series.encoder, residuals, judged.predictions, LEVEL)
    scales = seasonal_scales(series, judged.rows)
    return group_scores(series, judged.rows, judged.batch.target, answers, ends, scales)
