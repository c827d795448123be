"""Columns that are read side by side are what each of them is when it is read alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from train.config.data_options import MISSING, Table
from train.data import side_by_side
from train.data.columns import get_column, missing_rows
from train.data.hint import find_hint
from train.data.plain_marks import marks_of
from train.data.side_by_side import read_together
from train.data.table import typed
from train.data.table.fit import fit_encoder
from train.data.values import as_programs_write

N_ROWS = 40
CELLS = {
    "fractions": ["1.5", "-0.25", "+3.", ".5", "1e-3", "2.5E4"],
    "integers": ["1", "12", "-345", "6789", "0", "+7"],
    "thousands or decimals": ["1.234", "-123.456", "+9.999", "0.123", "1234.567"],
    "gaps": ["1.5", None, "2", None],
    "codes": ["007", "12", "3"],
    "a code among fractions": ["1.5", "-01", "2.5"],
    "large": ["9007199254740993", "1", "2"],
    "infinite": ["inf", "1", "2"],
    "no number": ["1", "nan", "2"],
    "words": ["red", "green"],
    "a word among numbers": ["1", "2", "unknown"],
    "blanks": ["1", " 2", "3 "],
    "decimal commas": ["1,5", "2,5"],
    "nothing": [None],
}


def table_of(names: list[str], random: np.random.Generator) -> pa.Table:
    """Columns of the cells of these names, in random order; the first cell stands first."""
    columns = []
    for name in names:
        cells = CELLS[name]
        drawn = [cells[place] for place in random.integers(0, len(cells), N_ROWS - len(cells))]
        columns.append(pa.array([*cells, *drawn], pa.string()))
    return pa.Table.from_arrays(columns, [f"{place} {name}" for place, name in enumerate(names)])


def found_of(table: pa.Table, markers: tuple[str, ...], *, together: bool) -> list[object]:
    raws = [get_column(table, name, "rows", markers) for name in table.column_names]
    if together:
        read_together(raws)
    found = []
    for raw in raws:
        numbers = as_programs_write(raw)
        found += [None] if numbers is None else [numbers.data.tolist(), numbers.missing.tolist()]
        found += [missing_rows(raw).tolist(), marks_of(raw)]
    return found


@pytest.mark.parametrize("markers", [MISSING, ("nan",), ("-9",), ()])
def test_what_is_told_of_columns_is_what_each_says_alone(
    markers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    for width in (1, 3, 100):
        monkeypatch.setattr(side_by_side, "BLOCK_CELLS", width * N_ROWS)
        table = table_of([*random.permutation([*CELLS] * 3)], random)
        alone = found_of(table, markers, together=False)
        np.testing.assert_equal(found_of(table, markers, together=True), alone)


def test_plain_columns_are_read_without_a_look_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(["fractions", "words", "integers", "gaps", "codes"], np.random.default_rng(0))
    raws = [get_column(table, name, "rows", MISSING) for name in table.column_names]
    read_together(raws)
    monkeypatch.setattr("train.data.values._cast_text", lambda raw: pytest.fail(raw.name))
    for raw in (raws[0], raws[2], raws[3]):
        assert as_programs_write(raw) is not None
    assert as_programs_write not in raws[1].cache and as_programs_write not in raws[4].cache


def test_rows_are_encoded_the_same_at_once_and_column_by_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(1)
    names = ["fractions", "integers", "gaps", "thousands or decimals"]
    table = table_of([*names, "words", *names, "decimal commas"], random)
    options = Table(path="rows.csv", scaling="none", numeric=tuple(table.column_names[:4]))
    encoder, _ = fit_encoder(table, np.arange(N_ROWS), options, "auto")
    # Gaps where training rows have none, points among whole numbers, codes, what float32 holds not.
    others = [*CELLS, "integers", "gaps", "fractions", "words", "fractions", "integers", "codes"]
    asked = 0
    for start in range(len(others) - table.num_columns):
        rows = table_of(others[start : start + table.num_columns], random)
        rows = rows.rename_columns(table.column_names)
        found = []
        for at_once in (True, False):
            with monkeypatch.context() as patched:
                if not at_once:
                    patched.setattr("train.data.table.encoder.encode_together", lambda *_: {})
                said: list[str] = []
                try:
                    found.append([encoder.encode(rows, "rows", said), said])
                except Exception as error:
                    found.append([type(error), str(error)])
        np.testing.assert_equal(*found)
        asked += len(typed.encode_together(rows, encoder.columns, MISSING))
    assert asked > 10


def test_a_table_is_fitted_the_same_whether_its_columns_are_kept_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of([*CELLS], np.random.default_rng(2)).drop_columns(["7 infinite"])
    options = Table(path="rows.csv")
    rows = np.arange(3, N_ROWS)
    kept = fit_encoder(table, rows, options, "auto")
    assert find_hint(table, table.column_names, rows, MISSING).columns
    monkeypatch.setattr("train.data.hint.MAX_KEPT_CELLS", 0)
    assert not find_hint(table, table.column_names, rows, MISSING).columns
    assert fit_encoder(table, rows, options, "auto") == kept
