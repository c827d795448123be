"""What a feature of a table is, and how it is encoded, from training rows alone. n rows."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from train.config.data_options import Table
from train.data.calendar import DAY
from train.data.columns import Numbers, RawColumn, Reading, missing_rows, read_text
from train.data.files.pandas_kinds import PARQUET_INDEX, UNNAMED
from train.data.hint import Hint
from train.data.infer import TRUTHS, Inferred, infer_in_table, infer_number
from train.data.table.column import Column
from train.data.table.doubts import code_note, date_note, no_value_note, spelling_note
from train.data.table.far import reach_of
from train.data.table.unit_codes import TrainingTargets, units_note
from train.data.table.zoned import has_zones
from train.data.truth_names import as_two
from train.data.units import rounded_together, shift_and_unit
from train.data.values import read_numbers, read_times

# an identifier has more different values than both
DISTINCT_SHARE = 0.9
MIN_ROWS = 50
# of about what half of the rows span: what is rounded away of a number, and matters
MAX_ROUNDED = 2.0**-10
YEARS = (1700, 2100)  # what a numbering within is: years, which rows may follow in order
INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def fit_feature(
    raw: RawColumn,
    options: Table,
    n_rows: int,
    hint: Hint,
    known_targets: TrainingTargets | None = None,
) -> tuple[Column | str, str]:
    """A column to learn from, or why it is left out; and a line on how it is read, if guessed.

    `n_rows` are those of the whole table, `hint` is what all columns of it say together. By the
    targets, where they are given, it is told whether whole numbers name units.
    """
    if missing_rows(raw).all():
        return "no training row has a value", ""
    if PARQUET_INDEX.fullmatch(raw.name) and raw.name not in (options.features or ()):
        return "it is an index that pandas wrote; config.data.features keeps it", ""
    categorical = options.categorical or ()
    named = raw.name in {*categorical, *options.numeric, *(options.features or ())}
    inferred = _infer(raw, options, hint)
    if known_targets and inferred.kind == "number" and raw.name not in options.numeric:
        inferred = _as_units(raw, inferred, known_targets) or inferred
    raw = raw.read_by(inferred.reading)
    doubt = ""
    match inferred.kind:
        case "category":
            fitted = _fit_category(raw, named, apart=raw.name in categorical)
        case "time":
            fitted = _fit_time(raw)
            doubt = date_note(read_times(raw).known)
        case _:
            values = read_numbers(raw)
            fitted = _fit_number(raw, values, options, named, n_rows)
            doubt = code_note(values.known)
            if isinstance(fitted, Column) and raw.name not in options.numeric:
                doubt = "; ".join(filter(None, (doubt, _rounding_note(raw, values, fitted))))
    if isinstance(fitted, str):
        return fitted, inferred.note if inferred.kind == "category" else ""
    notation, order = inferred.reading
    if fitted.kind == "category":
        doubts = (spelling_note(fitted.vocabulary), no_value_note(read_text(raw)))
        doubt = "; ".join(filter(None, doubts))
    notes = filter(None, (inferred.note, doubt))
    return replace(fitted, notation=notation, date_order=order), "; ".join(notes)


def _infer(raw: RawColumn, options: Table, hint: Hint) -> Inferred:
    """What the options say of a column, or else what it holds."""
    if raw.name in (options.categorical or ()):
        return Inferred("category", Reading())
    if raw.name in options.numeric:
        return infer_number(raw, hint, whatever=True)
    return infer_in_table(raw, hint)


def _as_units(
    raw: RawColumn, inferred: Inferred, known_targets: TrainingTargets
) -> Inferred | None:
    """A column of whole numbers as a category, if they name units."""
    if raw.family == "text" and not all(map(_is_integer, read_text(raw).values)):
        return None
    values = read_numbers(raw.read_by(inferred.reading))
    n_units = known_targets.units_of(values.known, ~values.missing)
    return Inferred("category", Reading(), units_note(raw.name, n_units)) if n_units else None


def fit_vocabulary(raw: RawColumn, *, apart: bool = False) -> Column:
    """A column of categories, with all its different values in order.

    Yes and no by several names are two of them, unless these are kept `apart`.
    """
    text = read_text(raw)
    text = text if apart else as_two(text)
    has_gaps = bool((text.codes < 0).any())
    if text.values and all(map(_is_integer, text.values)):
        vocabulary = tuple(sorted(text.values, key=int))
        return Column(raw.name, "category", vocabulary=vocabulary, type="integer", missing=has_gaps)
    folded = {value.lower() for value in text.values}
    kind = "boolean" if text.values and folded <= TRUTHS else "text"
    vocabulary = tuple(sorted(folded if kind == "boolean" else text.values))
    return Column(raw.name, "category", vocabulary=vocabulary, type=kind, missing=has_gaps)


def _is_integer(label: str) -> bool:
    """Whether a label is what int64 writes: without zeros in front."""
    return INTEGER.fullmatch(label) is not None and abs(int(label)) < 2**63


def _fit_category(raw: RawColumn, named: bool, *, apart: bool) -> Column | str:
    column = fit_vocabulary(raw, apart=apart)
    n_distinct = len(column.vocabulary)
    n_known = int((~missing_rows(raw)).sum())
    if n_distinct == 1 and not column.missing:
        return f"all training rows have {column.vocabulary[0][:40]!r}"
    if raw.family == "text" and not named and n_distinct > max(MIN_ROWS, DISTINCT_SHARE * n_known):
        texts = f"{n_distinct} different texts in {n_known} training rows"
        return f"{texts}; config.data.categorical keeps it"
    return column


def _fit_number(
    raw: RawColumn, values: Numbers, options: Table, named: bool, n_rows: int
) -> Column | str:
    known = values.known
    missing = bool(values.missing.any())
    low = known.min()
    high = known.max()
    if low == high and not missing:
        return f"all training rows have {low:g}"
    whole = _are_whole(known)
    # Training rows of a file that is numbered from first to last: no number twice, and no more
    # numbers than rows.
    enough = len(known) > MIN_ROWS or raw.name == UNNAMED
    if whole and not (named or missing) and enough and high - low < n_rows:
        are_years = YEARS[0] <= low and high <= YEARS[1]
        if len(np.unique(known)) == len(known) and not are_years:
            return "it numbers the rows; config.data.numeric keeps it"
    shift, unit = (0.0, 1.0) if options.scaling == "none" else shift_and_unit(known)
    reach = reach_of(known, shift, unit) if options.scaling != "none" else 0.0
    return Column(raw.name, "number", shift, unit, missing=missing, reach=reach)


def _are_whole(known: np.ndarray) -> bool:
    """Whether all numbers are integers, and told apart from those next to them."""
    is_exact = max(-known.min(), known.max()) < 2**53
    return known.dtype.kind == "i" or bool(is_exact and not np.any(known % 1))


def _rounding_note(raw: RawColumn, values: Numbers, column: Column) -> str:
    """A line on different integers that become the same float32; "" where there are none.

    Raises UserError if some of them differ by what matters in their column.
    """
    known = values.known
    farthest = max(known.max() - column.shift, column.shift - known.min())
    if farthest / min(column.unit, 1) < 2**24 or not _are_whole(known):
        return ""
    pairs = rounded_together(known, column.shift, column.unit)
    if not len(pairs):
        return ""
    steps = np.abs(known[pairs[:, 1]] - known[pairs[:, 0]]) / column.unit
    worst = int(np.argmax(steps))
    shown = []
    for place in pairs[worst if steps[worst] > MAX_ROUNDED else 0]:
        row = int(np.flatnonzero(~values.missing)[place])
        shown.append(f"{int(values.data[row])} in {raw.row(row)}")
    same = f"{' and '.join(shown)} are the same float32"
    if steps[worst] > MAX_ROUNDED:
        advice = (
            "name it in config.data.categorical or config.data.ignore, "
            "or in config.data.numeric to round them"
        )
        raise raw.error(f"{same}; {advice}")
    n_pairs = f", {len(pairs):,} such pairs" if len(pairs) > 1 else ""
    return f"{same}{n_pairs}; half of the rows span about {column.unit:.1e}"


def _fit_time(raw: RawColumn) -> Column | str:
    values = read_times(raw)
    missing = bool(values.missing.any())
    if values.known.min() == values.known.max() and not missing:
        return "all training rows have the same time"
    shift, unit = shift_and_unit(values.known / DAY)
    clock = bool(np.any(values.known % DAY))
    zoned = has_zones(raw)
    reach = reach_of(values.known / DAY, shift, unit)
    return replace(
        Column(raw.name, "time", shift, unit, clock=clock, missing=missing),
        zoned=zoned,
        reach=reach,
    )
