"""The metrics of a trained network on a table with targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from train.data.columns import Said
from train.data.dataset import Head, HostArrays
from train.data.files.delimited import left_out_notes
from train.data.files.row_groups import Piece
from train.data.series.dataset import SeriesDataset
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.conformal import base_of, bounds, conformal_metrics, interval_columns
from train.evaluation.groups import group_scores
from train.evaluation.kinds import score
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.metrics.seasonal_scales import Scales, seasonal_scales
from train.evaluation.predictions import forecast_table, row_table
from train.inference.known import Known, known_in_pieces, known_rows
from train.inference.predictor import Predicted, Predictor
from train.inference.unanswered import tell_unanswered

Scores: TypeAlias = dict[str, float]
Repeated: TypeAlias = dict[str, HostArrays]
Found: TypeAlias = dict[str, float | list[str] | dict[str, Scores]]


def evaluate(
    model: Predictor,
    table: pa.Table | Iterable[Piece],
    where: str = "data",
    interval: float | None = None,
    *,
    echo: Callable[[str], None],
    write: Callable[[pa.Table], None] | None = None,
) -> Found:
    """The number of rows with a target, {"rows": ...}, and the metrics over them, in its units.

    Sequences may come in pieces, of which targets and answers alone stay in memory.
    Rows of a series are its windows; where values of its targets are missing between others, also
    {"missing_targets": how many} of those that are forecast, which the metrics leave out, and
    {"baselines": the metrics of the last value and of the last season, repeated}; where series have
    names, {"groups": quantiles over these of what compares}. Rows of a
    class that no training row has, {"unseen_classes": how many}, count as wrong, and log_loss and
    auc leave them out; steps of such a tag, {"unseen_tags": how many}, count as wrong. Rows of a
    table, and sequences, count for what the run's weight column says; `echo` is told if `table`
    lacks it. Where cells were read with a doubt there are "notes", a line each. `interval`: the
    level of the intervals whose coverage and width are among the metrics. `write` takes the rows
    with their targets and answers. Raises UserError.
    """
    needed = None if interval is None else model.needed_score(interval)
    said: Said = []
    if isinstance(table, pa.Table):
        known = known_rows(model, table, where, echo, said)
    else:
        known = known_in_pieces(model, table, where, echo, said)
    targets, weight, predictions = known.predicted
    tell_unanswered(said.append, model.encoder, predictions, where)
    scales = None
    if isinstance(known.rows, SeriesDataset):
        scales = seasonal_scales(known.rows, known.rows.splits["test"])
    scores = score(model.encoder, predictions, targets, weight, scales)
    levels = model.config.levels()
    scores |= probabilistic_metrics(model.encoder, predictions, targets, weight, levels)
    ends: HostArrays = {}
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, predictions, targets, weight, interval)
        ends = interval_columns(model.encoder, *needed, predictions)
    said += left_out_notes(table, where) if isinstance(table, pa.Table) else []
    if write is not None:
        write(_answer_table(model, known, ends))
    found: Found = {**known.counts, **scores}
    if isinstance(known.rows, SeriesDataset) and scales is not None:
        repeated = repeated_predictions(known.rows, known.rows.splits["test"])
        found["baselines"] = _baselines(known.rows, targets, repeated, scales)
        if spread := _groups(known.rows, known.predicted, needed, repeated, scales):
            found["groups"] = spread
    return found | {"notes": list(dict.fromkeys(said))} if said else found


def _baselines(
    windows: SeriesDataset, targets: HostArrays, repeated: Repeated, scales: Scales
) -> dict[str, Scores]:
    """The metrics of what needs no training."""
    found = {}
    weight = np.ones(len(windows.splits["test"]), np.float32)
    for name, predictions in repeated.items():
        found[name] = score(windows.encoder, predictions, targets, weight, scales)
    return found


def _groups(
    windows: SeriesDataset,
    predicted: Predicted,
    needed: tuple[Head, np.ndarray] | None,
    repeated: Repeated,
    scales: Scales,
) -> dict[str, Scores]:
    """How scores spread over the groups; {} where these have no names."""
    judged = windows.splits["test"]
    ends = None
    if needed is not None:
        head, score_o = needed
        ends = bounds(base_of(windows.encoder, head, predicted.predictions), score_o)
    answers = {"": predicted.predictions, **repeated}
    found = group_scores(windows, judged, predicted.target, answers, ends, scales)
    return {} if found is None else found.spread()


def _answer_table(model: Predictor, known: Known, ends: HostArrays) -> pa.Table:
    """Rows with their targets, what is answered, and the ends of intervals."""
    targets, _, predictions = known.predicted
    levels = model.config.levels()
    if isinstance(known.rows, SeriesDataset):
        windows = known.rows.splits["test"]
        answers = forecast_table(known.rows, windows, targets, predictions, levels)
    else:
        answers = row_table(model.encoder, known.rows, targets, predictions, levels)
    for name, values in ends.items():
        answers = answers.append_column(name, pa.array(np.asarray(values).ravel()))
    return answers
