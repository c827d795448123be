"""What each kind of data is judged by: its metrics, baselines, predictions and importance.

A new kind of data is a case of `kind_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from train.data.blocks import sample_rows
from train.data.dataset import Batch, Dataset, Encoder, HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines import trees
from train.evaluation.baselines.clusters import one_unit
from train.evaluation.baselines.codes import component_predictions
from train.evaluation.baselines.forecasts import ForecastBaselines, windows_to_fit
from train.evaluation.baselines.sequences import UNFITTED, SequenceBaselines
from train.evaluation.baselines.table import FittedTable, Seconds, fit_table
from train.evaluation.importance import (
    Measured,
    Shuffler,
    ShuffleSeconds,
    permutation_importance,
    prediction_error,
)
from train.evaluation.metrics.forecasts import forecast_metrics, step_metrics
from train.evaluation.metrics.scale_free import scale_free_metrics
from train.evaluation.metrics.seasonal_scales import Scales, seasonal_scales
from train.evaluation.predictions import forecast_table, row_table
from train.evaluation.score import score_heads

# Training rows that baselines are fitted on at most, which is said: more would hardly change them.
BASELINE_ROWS = 50_000

Arrays: TypeAlias = Mapping[str, np.ndarray]
Scores: TypeAlias = dict[str, float]


class SplitPredictions(NamedTuple):
    """Rows [n] of a split of a data set, all or some, and what a network predicts of them."""

    dataset: Dataset
    split: str
    rows: np.ndarray
    batch: Batch[np.ndarray]
    predictions: HostArrays
    predict: Callable[[Arrays], HostArrays]  # of other encoded inputs
    shuffler: Shuffler  # of rows of which one column is shuffled


class BaselineScores(NamedTuple):
    """What stands beside the metrics of a split.

    `baselines` {baseline: metrics}; of forecasts also `by_step` {"net" or baseline: {metric: [h]}}.
    `fitted_on` has the rows of those that saw a part of the training rows alone; `note` says why a
    baseline is left out, if one is.
    """

    baselines: dict[str, Scores]
    by_step: dict[str, dict[str, list[float]]] | None = None
    note: str = ""
    fitted_on: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Kind:
    """The evaluation of one kind of data.

    `score(predictions, targets, weight)` has the metrics in original units; `baselines` what stands
    beside them, where the models of a table may take so many `seconds`; `table(judged, levels)`
    the lines of predictions.parquet, `levels` being those of predicted quantiles;
    `importance(judged, seed, seconds)` how much worse predictions become as a raw column is
    shuffled, of no column where columns cannot be.
    """

    score: Callable[[Arrays, Arrays, np.ndarray | None], Scores]
    baselines: Callable[[SplitPredictions, Seconds], BaselineScores]
    table: Callable[[SplitPredictions, tuple[float, ...]], pa.Table]
    importance: Callable[[SplitPredictions, int, ShuffleSeconds], Measured]


def kind_of(encoder: Encoder) -> Kind:
    """The evaluation of the data that this is the schema of."""
    score_rows = partial(_score_rows, encoder)
    match encoder:
        case ClusterEncoder():
            return Kind(score_rows, _cluster_baselines, _row_table, _no_importance)
        case ReconstructionEncoder():
            baselines = partial(_code_baselines, encoder)
            return Kind(score_rows, baselines, _row_table, _no_importance)
        case TableEncoder():
            baselines = TableBaselines(encoder)
            return Kind(score_rows, baselines, _row_table, partial(_importance, encoder))
        case SequenceEncoder():
            baselines = partial(_sequence_baselines, SequenceBaselines(encoder))
            return Kind(score_rows, baselines, _row_table, _no_importance)
        case SeriesEncoder():
            # A column shuffled within its window is no series any more.
            score_steps = partial(forecast_metrics, encoder)
            baselines = partial(_forecast_baselines, ForecastBaselines())
            return Kind(score_steps, baselines, _forecast_table, _no_importance)
    raise TypeError(f"no evaluation for a {type(encoder).__name__}")


def score(
    encoder: Encoder,
    predictions: Arrays,
    targets: Arrays,
    weight: np.ndarray | None = None,
    scales: Scales | None = None,
) -> Scores:
    """Metrics of predictions for encoded rows, in original units; by `scales` those without one."""
    found = kind_of(encoder).score(predictions, targets, weight)
    if scales is not None:
        assert isinstance(encoder, SeriesEncoder)
        found |= scale_free_metrics(encoder, predictions, targets, scales)
    return found


def _score_rows(
    encoder: Encoder, predictions: Arrays, targets: Arrays, weight: np.ndarray | None = None
) -> Scores:
    return score_heads(encoder.heads, predictions, targets, weight, encoder.units)


def _training_rows(dataset: Dataset, most: int | None = None) -> Batch[np.ndarray]:
    """The training rows, or so many of them; BASELINE_ROWS where nothing is said."""
    rows = sample_rows(dataset.splits["train"], BASELINE_ROWS if most is None else most)
    return dataset.take(dataset.arrays, rows)


def _seen_in_part(judged: SplitPredictions, seen: Mapping[str, int]) -> dict[str, int]:
    """The rows that baselines were fitted on, of those that did not see every training row."""
    return {name: n_seen for name, n_seen in seen.items() if n_seen < judged.dataset.n_train}


class TableBaselines:
    """The baselines of a table: fitted once, whatever splits they are judged on."""

    def __init__(self, encoder: TableEncoder):
        self._encoder = encoder
        self._fitted: dict[bool, FittedTable] = {}
        self._trees: trees.Trees | None = None

    def __call__(self, judged: SplitPredictions, seconds: Seconds) -> BaselineScores:
        in_sample = judged.split == "train"
        if in_sample not in self._fitted:
            train = _training_rows(judged.dataset)
            self._fitted[in_sample] = fit_table(
                self._encoder, train, seconds.linear, in_sample=in_sample
            )
        if self._trees is None:
            train = _training_rows(judged.dataset, trees.MAX_ROWS if seconds.trees else 1)
            self._trees = trees.fit_trees(self._encoder, train, seconds.trees)
        fitted = self._fitted[in_sample]
        baselines = fitted.metrics(judged.batch) | self._trees.metrics(judged.batch)
        fitted_on = {**fitted.baselines.fitted_on, "trees": self._trees.n_rows}
        seen = {name: fitted_on[name] for name in baselines}
        notes = filter(None, (fitted.baselines.note, self._trees.note, seconds.left_out))
        return BaselineScores(
            baselines, note="; ".join(notes), fitted_on=_seen_in_part(judged, seen)
        )


def _sequence_baselines(
    fitted: SequenceBaselines, judged: SplitPredictions, seconds: Seconds
) -> BaselineScores:
    train = _training_rows(judged.dataset)
    in_sample = judged.split == "train"
    found = fitted.scores(train, judged.batch, seconds.linear, in_sample=in_sample)
    seen = dict.fromkeys(found.metrics.keys() - UNFITTED, len(train.weight))
    return BaselineScores(found.metrics, note=found.note, fitted_on=_seen_in_part(judged, seen))


def _cluster_baselines(judged: SplitPredictions, seconds: Seconds) -> BaselineScores:
    del seconds
    train = _training_rows(judged.dataset)
    train_row_nd = judged.predict(train.inputs)["row"]
    unit = one_unit(train_row_nd, train.weight, judged.predictions["row"], judged.batch.weight)
    fitted_on = _seen_in_part(judged, {"one_unit": len(train_row_nd)})
    return BaselineScores({"one_unit": unit}, fitted_on=fitted_on)


def _code_baselines(
    encoder: ReconstructionEncoder, judged: SplitPredictions, seconds: Seconds
) -> BaselineScores:
    """The mean, and as many principal components as the code has numbers."""
    del seconds
    batch = judged.batch
    train = _training_rows(judged.dataset)
    others = component_predictions(
        judged.predict(train.inputs)["row"],
        train.weight,
        judged.predictions["row"],
        encoder.heads[0].name,
        encoder.category_sizes,
        judged.predictions["code"].shape[1],
    )
    baselines = {}
    for name, predictions in others.items():
        baselines[name] = _score_rows(encoder, predictions, batch.target, batch.weight)
    seen = dict.fromkeys(baselines, len(train.weight))
    return BaselineScores(baselines, fitted_on=_seen_in_part(judged, seen))


def _forecast_baselines(
    beside: ForecastBaselines, judged: SplitPredictions, seconds: Seconds
) -> BaselineScores:
    del seconds
    series = judged.dataset
    assert isinstance(series, SeriesDataset)
    _, target, weight, _ = judged.batch
    baselines = {}
    by_step = {"net": step_metrics(series.encoder, judged.predictions, target)}
    scales = seasonal_scales(series, judged.rows)
    for name, predictions in beside.predictions(series, judged.rows).items():
        baselines[name] = score(series.encoder, predictions, target, weight, scales)
        by_step[name] = step_metrics(series.encoder, predictions, target)
    seen = {"linear": len(windows_to_fit(series))}
    return BaselineScores(baselines, by_step, fitted_on=_seen_in_part(judged, seen))


def _row_table(judged: SplitPredictions, levels: tuple[float, ...]) -> pa.Table:
    rows = judged.dataset.original_rows[judged.rows]
    return row_table(judged.dataset.encoder, rows, judged.batch.target, judged.predictions, levels)


def _forecast_table(judged: SplitPredictions, levels: tuple[float, ...]) -> pa.Table:
    series = judged.dataset
    assert isinstance(series, SeriesDataset)
    return forecast_table(series, judged.rows, judged.batch.target, judged.predictions, levels)


def _importance(
    encoder: TableEncoder, judged: SplitPredictions, seed: int, seconds: ShuffleSeconds
) -> Measured:
    inputs, target, weight, _ = judged.batch
    if not seconds.once:
        return Measured({})
    error = prediction_error(encoder.heads, target, weight, encoder.units)
    places = encoder.places()
    return permutation_importance(judged.shuffler, inputs, places, error, seed, seconds=seconds)


def _no_importance(judged: SplitPredictions, seed: int, seconds: ShuffleSeconds) -> Measured:
    """No importance: the columns cannot be shuffled, or there is no target."""
    del judged, seed, seconds
    return Measured({})
