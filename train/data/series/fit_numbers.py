"""What is learned of a series' columns of numbers from training rows alone. n training rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from train.config.data_options import Series
from train.data.columns import Notes, RawColumn
from train.data.hint import Hint
from train.data.infer import infer_number
from train.data.series.columns import SeriesColumn
from train.data.series.scales import (
    ScaleSpread,
    coarse_line,
    group_levels,
    how_far_apart,
    in_logs,
    log_of,
    may_be_by_group,
)
from train.data.units import shift_and_unit
from train.data.values import read_numbers


@dataclass
class NumbersFit:
    """Fits columns of numbers; `group_n` says which group each training row is of.

    `apart` collects how far the scales of groups lie apart in each.
    """

    options: Series
    names: np.ndarray | None
    group_n: np.ndarray
    notes: Notes
    apart: dict[str, ScaleSpread] = field(default_factory=dict)

    def column(self, raw: RawColumn, hint: Hint, is_target: bool, is_static: bool) -> SeriesColumn:
        """A column, and what is guessed. Raises UserError if there is nothing to learn."""
        inferred = infer_number(raw, hint)
        if inferred.note:
            self.notes.append(f"column {raw.name!r}: {inferred.note}")
        read = read_numbers(raw.read_by(inferred.reading))
        present = read.known
        _check_varies(raw, present, is_target)
        log = log_of(raw.name, self.options)
        if log == "log1p" and present.min() <= -1:
            found = f"{present.min():g} in a training row has no log(1 + x)"
            raise raw.error(f"{found}; name the column in config.data.signed_log instead")
        shift, unit = shift_and_unit(present)
        wide = present.astype(np.float64)
        deviation = float(wide.std()) if wide.min() < wide.max() else 1.0
        notation = inferred.reading.notation
        column = SeriesColumn(raw.name, shift, unit, float(np.median(wide)), deviation, notation)
        if log in ("log1p", "signed_log"):
            column = replace(column, shift=0.0, unit=1.0)
        column = replace(column, log=log)
        if is_static or not self._has_own_scales(column, wide, read.missing):
            return column
        # Numbers of many sizes keep their digits in single precision only if they are not moved.
        return replace(column, shift=0.0, by_group=True)

    def _has_own_scales(
        self, column: SeriesColumn, present: np.ndarray, missing_n: np.ndarray
    ) -> bool:
        """Whether groups have scales of their own in a column of these numbers."""
        if self.names is None or len(self.names) < 2 or self.options.scaling == "shared":
            return False
        if not may_be_by_group(column, present):
            return False
        group_n = self.group_n[~missing_n]
        values_n = in_logs(present, column.log)
        self.apart[column.name] = how_far_apart(values_n, group_n)
        if self.options.scaling == "auto" and not self.apart[column.name].is_far:
            return False
        if column.log in ("", "asinh"):
            levels = group_levels(values_n, group_n, len(self.names))
            if line := coarse_line(levels, self.names, column.name, self.options.path):
                self.notes.append(line)
        return True


def _check_varies(raw: RawColumn, present: np.ndarray, is_target: bool) -> None:
    """Raises UserError if a column has no value, or a target no two."""
    what = "the target" if is_target else "the column"
    if not len(present):
        raise raw.error(f"{what} has no value in any training row")
    if is_target and present.min() == present.max():
        raise raw.error(
            f"the target is {present[0]:g} in all training rows; there is nothing to learn"
        )
