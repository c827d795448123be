"""The metrics of a trained forecaster on series with targets, whole series at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from train.data.columns import Notes
from train.data.dataset import Head
from train.data.files.found import left_out_notes
from train.data.files.row_groups import Piece
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.file import SeriesFile
from train.data.series.flat import NoSeries
from train.data.series.load_windows import load_windows
from train.evaluation.conformal import interval_columns
from train.evaluation.predictions import forecast_table
from train.inference.blocks import Predicted
from train.inference.predictor import Predictor
from train.inference.series_parts import FewLines, after
from train.inference.window_scores import WindowScores

Scores: TypeAlias = dict[str, float]
Found: TypeAlias = dict[str, float | list[str] | dict[str, Scores]]
# Windows of a data set, the answers to them, and the rows of the file before the data set.
Judged: TypeAlias = tuple[SeriesDataset, np.ndarray, Predicted, int]


def evaluate_series(
    model: Predictor,
    rows: pa.Table | SeriesFile,
    where: str,
    interval: float | None,
    write: Callable[[Iterator[pa.Table]], object] | None,
) -> Found:
    """What `evaluate` says of all windows of a table, or of a file of series. Raises UserError."""
    needed = None if interval is None else model.needed_score(interval)
    notes: Notes = []
    encoder = model.encoder if isinstance(rows, pa.Table) else rows.encoder
    assert isinstance(encoder, SeriesEncoder)
    scores = WindowScores(encoder, model.config.levels(), needed, interval)
    few = FewLines(notes.append)
    tell = few if isinstance(rows, SeriesFile) else notes.append
    tables = _judged(model, encoder, _pieces(rows, where), scores, tell)
    if write is None:
        deque(tables, maxlen=0)
    else:
        write(_tables(model, tables, needed))
    few.close(where)
    notes += scores.unanswered.lines(where)
    notes += left_out_notes(rows, where) if isinstance(rows, pa.Table) else []
    found: Found = {**scores.counts, **scores.metrics(), "baselines": scores.baselines}
    if (groups := scores.groups) is not None and (spread := groups.spread()):
        found["groups"] = spread
    return found | {"notes": list(dict.fromkeys(notes))} if notes else found


def _pieces(rows: pa.Table | SeriesFile, where: str) -> Iterator[Piece]:
    if isinstance(rows, SeriesFile):
        yield from rows.pieces()
    else:
        yield Piece(rows, 0, where)


def _judged(
    model: Predictor,
    encoder: SeriesEncoder,
    pieces: Iterator[Piece],
    scores: WindowScores,
    tell: Callable[[str], None],
) -> Iterator[Judged]:
    """All windows of all pieces, some at a time, the answers to them, and the rows before a piece.

    `scores` takes them in. Raises NoSeries where no piece has a window.
    """
    refused: list[str] = []  # the errors themselves would keep what was read of their parts
    for piece in pieces:
        lines: Notes = []
        try:
            windows = load_windows(encoder, piece.table, piece.where, lines)
        except NoSeries as error:
            refused.append(str(error))
            continue
        for line in lines:
            tell(line)
        for chunk, predicted in scores.judge(
            windows, lambda rows, windows=windows: model.predict_rows(windows, rows)
        ):
            yield windows, chunk, predicted, piece.first
    if not scores.counts["rows"]:
        raise NoSeries(refused[0])
    for found in refused:
        tell(f"{found}; left out")


def _tables(
    model: Predictor,
    judged: Iterator[Judged],
    needed: tuple[Head, np.ndarray] | None,
) -> Iterator[pa.Table]:
    """A line for each window and step: the target, what is answered, the ends of intervals."""
    for windows, chunk, predicted, n_before in judged:
        target, _, predictions = predicted
        levels = model.config.levels()
        answers = forecast_table(windows, chunk, target, predictions, levels)
        if needed is not None:
            ends = interval_columns(windows.encoder, *needed, predictions)
            for name, values in ends.items():
                answers = answers.append_column(name, pa.array(np.asarray(values).ravel()))
        yield after(answers, n_before)
