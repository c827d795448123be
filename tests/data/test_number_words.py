"""One row is no `1 rows`, in lines on files too."""

from __future__ import annotations

import pytest

from train.config.data_options import Series, Table
from train.data.number_words import counted
from train.data.series.load import load_series
from train.data.table.load import load_table


@pytest.mark.parametrize(("n", "words"), [(0, "0 rows"), (1, "1 row"), (1234, "1,234 rows")])
def test_one_is_singular(n, words):
    assert counted(n, "row", "rows") == words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:9] + rows[10:], "1 stamp is missing at a step of 1 day; a row without"),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "1 row is earlier than the row before it, "),
        (lambda rows: [*rows[:9], rows[8], *rows[9:]], "1 row is the same as another one in all"),
        (lambda rows: [*rows, "2024-03-01,"], "1 row after the last value of a target in its "),
        (lambda rows: rows[:5] + rows[7:], "2 stamps are missing at a step of 1 day; rows without"),
    ],
)
def test_lines_on_a_series(tmp_path, change, said):
    rows = [f"2024-{1 + i // 31:02d}-{1 + i % 31:02d},{i % 7}.5" for i in range(31 + 29)]
    path = tmp_path / "days.csv"
    path.write_text("\n".join(["date,y", *change(rows)]))
    options = Series(path=str(path), target="y", time="date", lookback=4, horizon=2)
    assert sum(said in note for note in load_series(options).notes) == 1


def test_lines_on_a_table(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [f"{i * i},{i}.5,{int(i != 3)}" for i in range(40)]
    path.write_text("\n".join(["x,y,w", *rows]))
    options = Table(path=str(path), target="y", weight="w", valid=0, test=0)
    said = "1 row of weight 0 neither trains nor validates, left out"
    assert any(said in note for note in load_table(options, "auto").notes)
