"""What is learned of a series before a network sees it, from training rows alone.

t flat rows, g groups.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from train.config.data_options import Series, columns_by_log
from train.config.frequency import IRREGULAR
from train.data.columns import Notes, RawColumn, get_column, read_text
from train.data.files.found import index_hint
from train.data.files.pandas_kinds import is_index
from train.data.hint import Hint, find_hint, hint_of
from train.data.infer import infer
from train.data.series.columns import SeriesColumn, gaps_before
from train.data.series.fit_answers import fit_answers
from train.data.series.fit_numbers import NumbersFit
from train.data.series.flat import Flat
from train.data.series.scales import scaling_line
from train.data.truth_names import as_two, two_note
from train.data.units import shift_and_unit
from train.errors import UserError, nearest

MAX_CATEGORIES = 64  # of a column; the others are read as none


def target_names(options: Series) -> tuple[str, ...]:
    """The columns that are forecast."""
    return (options.target,) if isinstance(options.target, str) else tuple(options.target)


class Names(NamedTuple):
    """The columns of a file that are read, by their part."""

    targets: tuple[str, ...]
    observed: tuple[str, ...]
    static: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def all(self) -> list[str]:
        """In the order of the encoder's columns."""
        return [*self.targets, *self.observed, *self.static, *self.known]


def column_names(table: pa.Table, options: Series) -> Names:
    """The columns that are read. Raises UserError if the table lacks one."""
    targets = target_names(options)
    observed = options.observed
    if observed is None:
        observed = _other_numbers(table, options)
    named = {
        "target": targets,
        "observed": observed,
        "known": options.known,
        "static": options.static,
        "categorical": options.categorical,
        **columns_by_log(options),
        "ignore": options.ignore,
        "time": (options.time,),
        "group": (options.group,),
    }
    for field, names in named.items():
        for name in names:
            if name is not None and name not in table.column_names:
                hint = nearest(name, table.column_names) + index_hint(table)
                raise UserError(f"config.data.{field}: {options.path} has no column {name!r}{hint}")
    names = Names(targets, tuple(observed), options.static, options.known)
    for name in options.categorical:
        if name not in names.all[len(targets) :]:
            raise UserError(
                f"config.data.categorical: {name!r} is not read; name it in config.data.observed, "
                "config.data.known or config.data.static as well"
            )
    for field, logged in columns_by_log(options).items():
        for name in logged:
            if name not in names.all or name in options.categorical:
                raise UserError(
                    f"config.data.{field}: {name!r} is not read as a number; name it in "
                    "config.data.target, config.data.observed or config.data.known as well"
                )
    return names


def _other_numbers(table: pa.Table, options: Series) -> tuple[str, ...]:
    """The columns of numbers that no option names, but for an index of pandas."""
    named = {*target_names(options), *options.known, *options.static, *options.ignore}
    named |= {options.time, options.group}
    names = []
    for name in table.column_names:
        if name not in named and not is_index(name):
            raw = get_column(table, name, options.path, options.missing)
            if infer(raw, hint_of(options)).kind == "number":
                names.append(name)
    return tuple(names)


def fit_columns(
    table: pa.Table,
    names: Names,
    flat: Flat,
    train_rows_g: np.ndarray,
    options: Series,
    notes: Notes,
    loss: str = "auto",
) -> Fitted:
    """Shift, unit, median and deviation of each column over the first `train_rows_g` of each group.

    A column of text, not of targets, becomes one for each of its categories. Raises UserError if
    one has no value there, or a target no two.
    """
    is_train_t = (flat.places < flat.per_row(train_rows_g)) & (flat.rows >= 0)
    train_rows = flat.rows[is_train_t]
    group_n = flat.per_row(np.arange(len(flat.sizes)))[is_train_t]
    fit = NumbersFit(options, flat.names, group_n, notes)
    hint = find_hint(table, names.all, train_rows, options.missing, hint_of(options))
    columns: list[SeriesColumn] = []
    n_known = 0
    for i, name in enumerate(names.all):
        raw = get_column(table, name, "data", options.missing, train_rows)
        is_target = i < len(names.targets)
        if is_target:
            raw = replace(raw, otherwise="")
        if not is_target and _is_category(raw, options, hint):
            found = _categories(raw, notes, apart=name in options.categorical)
        else:
            found = [fit.column(raw, hint, is_target, name in names.static)]
        if is_target:
            found = [fit_answers(found[0], raw, options, loss, notes)]
        if name in names.static:
            found = [replace(column, static=True) for column in found]
        columns += found
        if i >= len(names.all) - len(names.known):
            n_known += len(found)
        is_last_past = i == len(names.all) - len(names.known) - 1
        if is_last_past and options.frequency == IRREGULAR:
            columns.append(_fit_gap(flat, train_rows_g, options))
    if line := scaling_line(columns, fit.apart, options.path):
        notes.append(line)
    return Fitted(tuple(columns), n_known)


class Fitted(NamedTuple):
    """Columns, the last `n_known` of which are known ahead."""

    columns: tuple[SeriesColumn, ...]
    n_known: int


def _fit_gap(flat: Flat, train_rows_g: np.ndarray, options: Series) -> SeriesColumn:
    """The column of times since the row before."""
    gap_t = gaps_before(flat)[flat.places < flat.per_row(train_rows_g)]
    known = gap_t[~np.isnan(gap_t)]
    shift, unit = shift_and_unit(known)
    deviation = float(known.std()) or 1.0
    name = f"{options.time} since the row before"
    return SeriesColumn(name, shift, unit, float(np.median(known)), deviation, of="gap")


def _is_category(raw: RawColumn, options: Series, hint: Hint) -> bool:
    """Whether a column that is no target holds categories."""
    if raw.name in options.categorical:
        return True
    return raw.family == "text" and infer(raw, hint).kind == "category"


def _categories(raw: RawColumn, notes: Notes, *, apart: bool) -> list[SeriesColumn]:
    """A column of ones and zeros for each of the commonest categories, the most frequent first."""
    text = read_text(raw)
    if not apart and (two := as_two(text)) is not text:
        notes.append(f"data: column {raw.name!r}: {two_note(text.values)}")
        text = two
    order = np.argsort(-text.counts, kind="stable")
    if not len(order):
        raise raw.error("the column has no value in any training row")
    columns = []
    for i in order[:MAX_CATEGORIES]:
        category = text.values[i]
        share = float(text.counts[i] / len(text.codes))
        name = f"{raw.name}={category}"
        deviation = float(np.sqrt(share * (1 - share))) or 1.0
        column = SeriesColumn(name, 0.0, 1.0, float(share > 0.5), deviation)
        columns.append(replace(column, of="category", source=raw.name, category=category))
    if len(order) > MAX_CATEGORIES:
        found = f"{len(order)} categories, of which the {MAX_CATEGORIES} commonest are read"
        notes.append(f"data: column {raw.name!r}: {found}")
    return columns
