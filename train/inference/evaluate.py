"""The metrics of a trained network on a table with targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.files.found import left_out_notes
from train.data.files.row_groups import Piece
from train.data.series.encoder import SeriesEncoder
from train.data.series.file import SeriesFile
from train.evaluation.conformal import interval_columns
from train.evaluation.interval_scores import conformal_metrics
from train.evaluation.kinds import score
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.predictions import row_table
from train.inference.evaluate_series import Found, evaluate_series
from train.inference.labelled_rows import Known, known_in_pieces, known_rows
from train.inference.predictor import Predictor
from train.inference.unanswered import tell_unanswered


def evaluate(
    model: Predictor,
    rows: pa.Table | Iterable[Piece] | SeriesFile,
    where: str = "data",
    interval: float | None = None,
    *,
    echo: Callable[[str], None],
    write: Callable[[Iterator[pa.Table]], object] | None = None,
) -> Found:
    """{"rows": how many have a target}, and the metrics over these, in the target's units.

    Sequences may come in pieces, of which targets and answers alone stay in memory; series as a
    file, of which whole ones are read, and their windows judged, some at a time. Beside them stand,
    where there are any:
        "missing_targets"  values to be forecast that a series lacks; metrics leave them out
        "baselines"        of series the metrics of the last value and the last season, repeated
        "groups"           of series with names, quantiles over these of comparable metrics
        "unseen_classes"   rows of classes that no training row has: wrong; not in log_loss and auc
        "unseen_tags"      steps of such tags: wrong
        "notes"            lines on cells that were read with a doubt
    Rows of a table, and sequences, count for what the run's weight column says; `echo` is told if
    `rows` lack it. `interval`: the level of the intervals whose coverage and width are among the
    metrics. `write` takes tables of the rows with their targets and answers. Raises UserError.
    """
    if isinstance(model.encoder, SeriesEncoder):
        assert isinstance(rows, pa.Table | SeriesFile)
        return evaluate_series(model, rows, where, interval, write)
    assert not isinstance(rows, SeriesFile)
    needed = None if interval is None else model.needed_score(interval)
    notes: Notes = []
    if isinstance(rows, pa.Table):
        known = known_rows(model, rows, where, echo, notes)
    else:
        known = known_in_pieces(model, rows, where, echo, notes)
    targets, weight, predictions = known.predicted
    tell_unanswered(notes.append, model.encoder, predictions, where)
    scores = score(model.encoder, predictions, targets, weight)
    levels = model.config.levels()
    scores |= probabilistic_metrics(model.encoder, predictions, targets, weight, levels)
    ends: HostArrays = {}
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, predictions, targets, weight, interval)
        ends = interval_columns(model.encoder, *needed, predictions)
    notes += left_out_notes(rows, where) if isinstance(rows, pa.Table) else []
    if write is not None:
        write(iter([_answer_table(model, known, ends)]))
    found: Found = {**known.counts, **scores}
    return found | {"notes": list(dict.fromkeys(notes))} if notes else found


def _answer_table(model: Predictor, known: Known, ends: HostArrays) -> pa.Table:
    """Rows with their targets, what is answered, and the ends of intervals."""
    targets, _, predictions = known.predicted
    levels = model.config.levels()
    answers = row_table(model.encoder, known.rows, targets, predictions, levels)
    for name, values in ends.items():
        answers = answers.append_column(name, pa.array(np.asarray(values).ravel()))
    return answers
