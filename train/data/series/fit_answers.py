"""What the targets of series are answered by: counts as they are, or numbers from 0 on."""

from __future__ import annotations

from dataclasses import replace

from train.config.data_options import Series
from train.config.options import LOG_LOSSES
from train.data.columns import Notes, RawColumn, Reading
from train.data.series.columns import SeriesColumn
from train.data.table.fit_targets import check_counts
from train.data.values import read_numbers


def fit_answers(
    column: SeriesColumn, raw: RawColumn, options: Series, loss: str, notes: Notes
) -> SeriesColumn:
    """A target's column: of counts without shift and unit, and whether it may fall below 0.

    Raises UserError, naming the first row, where a count is none.
    """
    if loss not in LOG_LOSSES and not options.nonnegative:
        return column
    values = read_numbers(raw.read_by(Reading(column.notation)))
    check_counts(raw, values, loss)
    if loss in LOG_LOSSES:
        return replace(column, shift=0.0, unit=1.0, nonnegative=True, count=True)
    if values.known.min() < 0:
        notes.append(
            f"target {raw.name!r}: is below 0 in training rows; config.data.nonnegative leaves it"
        )
        return column
    return replace(column, nonnegative=True)
