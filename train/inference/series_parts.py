"""Files of series that need not fit in memory, answered some series at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from train.data.series.blocks import Apart
from train.data.series.encoder import SeriesEncoder
from train.data.series.file import SeriesFile, TwoWritings, looking_ahead, open_series
from train.data.series.flat import NoSeries
from train.inference.answer_options import Asked
from train.inference.predictor import Predictor

MAX_LINES = 20  # on parts of a file that are told


class FewLines:
    """Tells the first lines on the parts of a file, and counts the others."""

    def __init__(self, tell: Callable[[str], object]):
        self._tell = tell
        self._n = 0

    def __call__(self, line: str) -> None:
        """Takes in a line."""
        self._n += 1
        if self._n <= MAX_LINES:
            self._tell(line)

    def close(self, where: str) -> None:
        """Tells how many lines there are beside those that were told."""
        if self._n > MAX_LINES:
            self._tell(f"{where}: {self._n - MAX_LINES:,} more such lines on its rows")


def series_of(model: Predictor, path: str, tell: Callable[[str], object]) -> SeriesFile | None:
    """The series of a Parquet file or folder; None, which is told, if all must be read at once.

    They must where the rows of a series do not stand together, or where two names stand for one
    series of the training rows. Raises UserError.
    """
    assert isinstance(model.encoder, SeriesEncoder)
    try:
        return open_series(model.encoder, path, model.config.data.missing)
    except (Apart, TwoWritings) as error:
        found = error.places if isinstance(error, Apart) else error
        tell(f"{found}; so all rows are read into memory, not some series at a time")
        return None


def predict_series(
    model: Predictor, file: SeriesFile, path: str, asked: Asked
) -> Iterator[pa.Table]:
    """The columns of `Predictor.table`, those of some series at a time. Raises UserError."""
    if file.encoder.n_known:
        file = looking_ahead(file)
    tell = FewLines(model.tell)
    of_part = replace(model, encoder=file.encoder, tell=tell)
    n_steps = asked.get("horizon") or file.encoder.horizon
    n_answers = 0
    refused: list[str] = []  # the errors themselves would keep what was read of their parts
    for piece in file.pieces():
        own = Asked(**{**asked, "first": n_answers // n_steps})
        try:
            answers = of_part.table(piece.table, piece.where, **own)
        except NoSeries as error:
            refused.append(str(error))
            continue
        before = piece.first
        if not file.encoder.n_known:  # rows that follow the file
            before = file.n_rows - piece.table.num_rows + n_answers
        n_answers += answers.num_rows
        yield after(answers, before)
    if not n_answers:
        raise NoSeries(refused[0])
    for found in refused:
        tell(f"{found}; left out")
    tell.close(path)


def after(answers: pa.Table, n_before: int) -> pa.Table:
    """Answers with `n_before` added to their row numbers."""
    place = answers.column_names.index("row")
    rows = pc.add(answers["row"], n_before)  # type: ignore[attr-defined]
    return answers.set_column(place, "row", rows)
