"""What is learned of a series before a network sees it, from training rows alone.

t flat rows, g groups.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.config.data_options import Series
from train.data.columns import get_column, nearest
from train.data.hint import find_hint, hint_of
from train.data.infer import infer, infer_number
from train.data.series.columns import SeriesColumn
from train.data.series.flat import Flat
from train.data.series.stamps import StampKind
from train.data.series.time_column import TimeColumn, zone_of
from train.data.units import shift_and_unit
from train.data.values import read_numbers
from train.errors import UserError


def target_names(options: Series) -> tuple[str, ...]:
    """The columns that are forecast."""
    return (options.target,) if isinstance(options.target, str) else tuple(options.target)


def column_names(table: pa.Table, options: Series) -> list[str]:
    """The columns that are read: targets, observed, known.

    Raises UserError if the table lacks one.
    """
    targets = target_names(options)
    observed = options.observed
    if observed is None:
        observed = _other_numbers(table, options)
    named = {
        "target": targets,
        "observed": observed,
        "known": options.known,
        "ignore": options.ignore,
        "time": (options.time,),
        "group": (options.group,),
    }
    for field, names in named.items():
        for name in names:
            if name is not None and name not in table.column_names:
                hint = nearest(name, table.column_names)
                raise UserError(f"config.data.{field}: {options.path} has no column {name!r}{hint}")
    return [*targets, *observed, *options.known]


def _other_numbers(table: pa.Table, options: Series) -> tuple[str, ...]:
    """The columns of numbers that no option names."""
    named = {*target_names(options), *options.known, *options.ignore, options.time, options.group}
    names = []
    for name in table.column_names:
        if name not in named:
            raw = get_column(table, name, options.path, options.missing)
            if infer(raw, hint_of(options)).kind == "number":
                names.append(name)
    return tuple(names)


def find_time_column(table: pa.Table, options: Series) -> TimeColumn | None:
    """The column of stamps, without its step, if there is one. Raises UserError."""
    if options.time is None:
        return None
    raw = get_column(table, options.time, options.path, options.missing)
    inferred = infer(raw, hint_of(options))
    kind: StampKind = "number" if inferred.kind == "number" else "time"
    if kind == "number" and options.calendar:
        raise UserError(
            f"config.data.calendar: column {raw.name!r} holds numbers, not times; set it to false"
        )
    notation, order = inferred.reading
    return TimeColumn(raw.name, kind, zone_of(raw), notation=notation, date_order=order)


def fit_columns(
    table: pa.Table, names: list[str], flat: Flat, train_rows_g: np.ndarray, options: Series
) -> tuple[SeriesColumn, ...]:
    """Shift, unit, median and deviation of each column over the first `train_rows_g` of each group.

    Raises UserError if one has no value there, or a target no two.
    """
    train_rows = flat.rows[flat.places < flat.per_row(train_rows_g)]
    targets = target_names(options)
    hint = find_hint(table, names, train_rows, options.missing, hint_of(options))
    fitted = []
    for i, name in enumerate(names):
        raw = get_column(table, name, "data", options.missing, train_rows)
        inferred = infer_number(raw, hint)
        present = read_numbers(raw.read_by(inferred.reading)).known
        what = "the target" if i < len(targets) else "the column"
        if not len(present):
            raise raw.error(f"{what} has no value in any training row")
        if i < len(targets) and present.min() == present.max():
            raise raw.error(
                f"the target is {present[0]:g} in all training rows; there is nothing to learn"
            )
        shift, unit = shift_and_unit(present)
        wide = present.astype(np.float64)
        deviation = float(wide.std()) if wide.min() < wide.max() else 1.0
        median = float(np.median(wide))
        notation = inferred.reading.notation
        fitted.append(SeriesColumn(name, shift, unit, median, deviation, notation))
    return tuple(fitted)
