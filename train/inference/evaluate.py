"""The metrics of a trained network on a table with targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from train.data.columns import Said
from train.data.dataset import HostArrays
from train.data.files.delimited import left_out_notes
from train.data.files.row_groups import Piece
from train.data.series.encoder import SeriesEncoder
from train.data.series.file import SeriesFile
from train.evaluation.conformal import interval_columns
from train.evaluation.held import conformal_metrics
from train.evaluation.kinds import score
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.predictions import row_table
from train.inference.evaluate_series import Found, evaluate_series
from train.inference.known import Known, known_in_pieces, known_rows
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
    """The number of rows with a target, {"rows": ...}, and the metrics over them, in its units.

    Sequences may come in pieces, of which targets and answers alone stay in memory; series as a
    file, of which whole ones are read at a time, and their windows judged some at a time.
    Rows of a series are its windows; where values of its targets are missing between others, also
    {"missing_targets": how many} of those that are forecast, which the metrics leave out, and
    {"baselines": the metrics of the last value and of the last season, repeated}; where series have
    names, {"groups": quantiles over these of what compares}. Rows of a
    class that no training row has, {"unseen_classes": how many}, count as wrong, and log_loss and
    auc leave them out; steps of such a tag, {"unseen_tags": how many}, count as wrong. Rows of a
    table, and sequences, count for what the run's weight column says; `echo` is told if `rows`
    lack it. Where cells were read with a doubt there are "notes", a line each. `interval`: the
    level of the intervals whose coverage and width are among the metrics. `write` takes tables of
    the rows with their targets and answers. Raises UserError.
    """
    if isinstance(model.encoder, SeriesEncoder):
        assert isinstance(rows, pa.Table | SeriesFile)
        return evaluate_series(model, rows, where, interval, write)
    assert not isinstance(rows, SeriesFile)
    needed = None if interval is None else model.needed_score(interval)
    said: Said = []
    if isinstance(rows, pa.Table):
        known = known_rows(model, rows, where, echo, said)
    else:
        known = known_in_pieces(model, rows, where, echo, said)
    targets, weight, predictions = known.predicted
    tell_unanswered(said.append, model.encoder, predictions, where)
    scores = score(model.encoder, predictions, targets, weight)
    levels = model.config.levels()
    scores |= probabilistic_metrics(model.encoder, predictions, targets, weight, levels)
    ends: HostArrays = {}
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, predictions, targets, weight, interval)
        ends = interval_columns(model.encoder, *needed, predictions)
    said += left_out_notes(rows, where) if isinstance(rows, pa.Table) else []
    if write is not None:
        write(iter([_answer_table(model, known, ends)]))
    found: Found = {**known.counts, **scores}
    return found | {"notes": list(dict.fromkeys(said))} if said else found


def _answer_table(model: Predictor, known: Known, ends: HostArrays) -> pa.Table:
    """Rows with their targets, what is answered, and the ends of intervals."""
    targets, _, predictions = known.predicted
    levels = model.config.levels()
    answers = row_table(model.encoder, known.rows, targets, predictions, levels)
    for name, values in ends.items():
        answers = answers.append_column(name, pa.array(np.asarray(values).ravel()))
    return answers
