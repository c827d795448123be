"""A last row that sums up the others is said, and others that look like one are not."""

from __future__ import annotations

import numpy as np
import pytest

from train.config import Table
from train.data.table.load import load_table

RANDOM = np.random.default_rng(0)
N = 12
PRICE = RANDOM.uniform(1, 99, N).round(2)
COUNT = RANDOM.integers(1, 500, N)
NAMES = ["north", "south", "west"] * 4


def notes_of(path, rows: list[list], header: str = "place,price,count,y", **options) -> list[str]:
    """The lines on totals of a file of these rows."""
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    dataset = load_table(Table(path=str(path), target="y", valid=0, test=0, **options), "auto")
    return [note for note in dataset.notes if "the sum of the rows above" in note]


def rows() -> list[list]:
    return [list(row) for row in zip(NAMES, PRICE, COUNT, COUNT * 2 + 1, strict=True)]


@pytest.mark.parametrize("label", ["Total", "TOTAL:", "Summe", "Grand total"])
def test_a_row_that_calls_itself_a_total_is_said(tmp_path, label):
    path = tmp_path / "sales.csv"
    # The mean of prices stands in it, and the target's sum, as reports have them.
    last = [label, PRICE.mean().round(2), COUNT.sum(), (COUNT * 2 + 1).sum()]
    [note] = notes_of(path, [*rows(), last])
    assert note == (
        f"{path}: row 13 ({label!r}) is the sum of the rows above in 'y', 'count', and is read as "
        "a row like them; take it out of the file"
    )


@pytest.mark.parametrize("place", ["", "all of them"])
def test_sums_of_all_numbers_need_no_name(tmp_path, place):
    last = [place, PRICE.sum().round(2), COUNT.sum(), (COUNT * 2 + 1).sum()]
    [note] = notes_of(tmp_path / "sales.csv", [*rows(), last])
    assert "row 13 is the sum of the rows above in 'y', 'price', 'count'" in note
    last[1] += 0.01
    assert not notes_of(tmp_path / "sales.csv", [*rows(), last])


def test_sums_are_read_as_the_column_is_written(tmp_path):
    def german(number: float) -> str:
        return f'"{number:,.2f}"'.replace(",", "_").replace(".", ",").replace("_", ".")

    written = [[n, german(p), c, y] for n, p, c, y in rows()]
    last = ["gesamt", german(float(PRICE.sum())), "", 7]
    [note] = notes_of(tmp_path / "sales.csv", [*written, last])
    assert "row 13 ('gesamt') is the sum of the rows above in 'price'" in note


def test_rows_that_are_no_totals_are_not_called_so(tmp_path):
    path = tmp_path / "sales.csv"
    # A company of that name, a category of that name, a total that has no target and trains not.
    assert not notes_of(path, [*rows(), ["Total", 12.5, 30, 61]])
    others = [["total", *row[1:]] if i % 3 == 0 else row for i, row in enumerate(rows())]
    sums = [PRICE.sum().round(2), COUNT.sum(), (COUNT * 2 + 1).sum()]
    assert not notes_of(path, [*others, ["total", sums[0], 3, 7]])
    assert not notes_of(path, [*rows(), ["Total", *sums[:2], ""]])
    # Nearly all zeros, whose sum stands below them by chance.
    zeros = [["a", 0, int(i == 3), i % 2] for i in range(9)]
    assert not notes_of(path, [*zeros, ["b", 0, 1, 4]])
