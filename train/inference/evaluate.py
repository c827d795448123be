"""The metrics of a trained network on a table with targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Series
from train.data.classes import class_sizes, unseen_counts
from train.data.columns import Reading, Said
from train.data.dataset import Encoder, Head, HostArrays, Options
from train.data.files.delimited import left_out_notes
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.tags import unseen_note
from train.data.sequences.weights import sequence_weights
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_windows
from train.data.series.windows import rows_covered
from train.data.table.encoder import TableEncoder
from train.data.table.roles import row_weights
from train.data.values import SHOWN
from train.errors import UserError
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.conformal import base_of, bounds, conformal_metrics, interval_columns
from train.evaluation.groups import group_scores
from train.evaluation.kinds import score, score_rows_of
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.predictions import forecast_table, row_table
from train.inference.predictor import Predicted, Predictor
from train.inference.unanswered import tell_unanswered

Scores: TypeAlias = dict[str, float]
Found: TypeAlias = dict[str, float | list[str] | dict[str, Scores]]


class _Known(NamedTuple):
    """Rows with a target, how many of which there are, and the predictions for them.

    `rows` are their numbers in the file, or of a series its windows.
    """

    counts: dict[str, int]
    predicted: Predicted
    rows: np.ndarray | SeriesDataset


def evaluate(
    model: Predictor,
    table: pa.Table,
    where: str = "data",
    interval: float | None = None,
    *,
    echo: Callable[[str], None],
    write: Callable[[pa.Table], None] | None = None,
) -> Found:
    """The number of rows with a target, {"rows": ...}, and the metrics over them, in its units.

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
    known = _predict_known(model, table, where, echo, said)
    targets, weight, predictions = known.predicted
    tell_unanswered(said.append, model.encoder, predictions, where)
    scores = _score(model.encoder, known)
    levels = model.config.levels()
    scores |= probabilistic_metrics(model.encoder, predictions, targets, weight, levels)
    ends: HostArrays = {}
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, predictions, targets, weight, interval)
        ends = interval_columns(model.encoder, *needed, predictions)
    said += left_out_notes(table, where)
    if write is not None:
        write(_answer_table(model, known, ends))
    found: Found = {**known.counts, **scores}
    if isinstance(known.rows, SeriesDataset):
        found["baselines"] = _baselines(known.rows, targets)
        if spread := _groups(known.rows, known.predicted, needed):
            found["groups"] = spread
    return found | {"notes": list(dict.fromkeys(said))} if said else found


def _score(encoder: Encoder, known: _Known) -> Scores:
    targets, weight, predictions = known.predicted
    if isinstance(known.rows, SeriesDataset):
        windows = known.rows.splits["test"]
        return score_rows_of(known.rows, windows, predictions, targets, weight)
    return score(encoder, predictions, targets, weight)


def _baselines(windows: SeriesDataset, targets: HostArrays) -> dict[str, Scores]:
    """The metrics of what needs no training."""
    found = {}
    judged = windows.splits["test"]
    weight = np.ones(len(judged), np.float32)
    for name, predictions in repeated_predictions(windows, judged).items():
        found[name] = score_rows_of(windows, judged, predictions, targets, weight)
    return found


def _groups(
    windows: SeriesDataset, predicted: Predicted, needed: tuple[Head, np.ndarray] | None
) -> dict[str, Scores]:
    """How scores spread over the groups; {} where these have no names."""
    judged = windows.splits["test"]
    ends = None
    if needed is not None:
        head, score_o = needed
        ends = bounds(base_of(windows.encoder, head, predicted.predictions), score_o)
    answers = {"": predicted.predictions, **repeated_predictions(windows, judged)}
    found = group_scores(windows, judged, predicted.target, answers, ends)
    return {} if found is None else found.spread()


def _answer_table(model: Predictor, known: _Known, ends: HostArrays) -> pa.Table:
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


def _predict_known(
    model: Predictor,
    table: pa.Table,
    where: str,
    echo: Callable[[str], None],
    said: Said,
) -> _Known:
    """The rows that have a target, and the predictions for them."""
    if isinstance(model.encoder, SeriesEncoder):
        windows = load_windows(model.encoder, table, where, said)
        counts = {"rows": len(windows.starts)}
        if windows.target_gaps is not None:
            judged = rows_covered(
                windows.starts + windows.encoder.lookback,
                windows.encoder.horizon,
                len(windows.target_gaps),
            )
            counts["missing_targets"] = int(windows.target_gaps[judged].sum())
        return _Known(counts, model.predict_rows(windows, windows.splits["test"]), windows)
    assert isinstance(model.encoder, TableEncoder | SequenceEncoder)
    targets, present = model.encoder.encode_targets(table, where, said)
    rows = np.flatnonzero(present)
    if len(rows) < table.num_rows:
        n_missing = table.num_rows - len(rows)
        said.append(f"{where}: {n_missing} of {table.num_rows} rows lack a target, left out")
    encoded = model.encoder.encode(table, where, said)
    inputs = {name: array[rows] for name, array in encoded.items()}
    known = {name: array[rows] for name, array in targets.items()}
    labels = model.encoder if isinstance(model.encoder, TableEncoder) else model.encoder.labels
    reading = labels.weight_reading
    weight = _weights(model.config.data, table, where, reading, echo, said)[rows]
    if len(rows) and not weight.any():
        raise UserError(f"{where}: all {len(rows)} rows with a target have weight 0")
    counts = {"rows": len(rows)}
    n_unseen = sum(unseen_counts(known, class_sizes(model.encoder)).values())
    if n_unseen:
        counts["unseen_classes"] = n_unseen
    if isinstance(model.encoder, SequenceEncoder):
        by_row = model.encoder.rows(table, where)
        said += _unseen_lines(model.encoder.labels, by_row, known, where)
        for tag in model.encoder.tags:
            n_steps = int((known[tag.name] >= len(tag.classes)).sum())
            if n_steps:
                counts["unseen_tags"] = counts.get("unseen_tags", 0) + n_steps
            said += unseen_note(by_row, tag, where)
    else:
        said += _unseen_lines(model.encoder, table, known, where)
    return _Known(counts, Predicted(known, weight, model.answers(inputs)), rows)


def _unseen_lines(
    encoder: TableEncoder, table: pa.Table, known: HostArrays, where: str
) -> list[str]:
    """A line for each target with classes that no training row has: their names and rows."""
    lines = []
    for head in encoder.heads:
        if head.kind not in ("binary", "multiclass"):
            continue
        names = encoder.unseen_classes(table, head.name, where)
        n_unseen = np.bincount(known[head.name], minlength=len(head.classes) + len(names))
        count_k = n_unseen[len(head.classes) :]
        order = [place for place in np.argsort(-count_k, kind="stable") if count_k[place]]
        if not order:
            continue
        shown = [f"{names[place][:40]!r} ({count_k[place]})" for place in order[:SHOWN]]
        if len(order) > SHOWN:
            shown.append(f"{len(order) - SHOWN} more classes")
        trained = ", ".join(repr(name[:40]) for name in head.classes[:SHOWN])
        lines.append(
            f"{where}: column {head.name!r}: {count_k.sum()} rows are of classes that no training "
            f"row has: {', '.join(shown)}; they count as wrong, log_loss and auc leave them out; "
            f"those of training are as {trained}"
        )
    return lines


def _weights(
    options: Options,
    table: pa.Table,
    where: str,
    reading: Reading,
    echo: Callable[[str], None],
    said: Said,
) -> np.ndarray:
    """What each row of a table, or sequence, counts for: 1 where there are no weights.

    Raises UserError.
    """
    if isinstance(options, Series) or options.weight is None:
        return np.ones(table.num_rows, np.float32)
    if options.weight not in table.column_names:
        echo(
            f"{where}: no column {options.weight!r}, the run's config.data.weight; rows count once"
        )
        return np.ones(table.num_rows, np.float32)
    if isinstance(options, Sequences):
        return sequence_weights(table, options, where, reading, said)
    return row_weights(table, options, where, reading, said)
