"""What statistical offices and programs write for "no value", and numbers of several units."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.no_value import is_no_value

N = 60
NUMBERS = [f"{(7 * i) % 59 / 2 + 1:.1f}" for i in range(N)]


def column(cells: list[str]) -> str:
    return "x,y\n" + "".join(f"{cell},{i}.5\n" for i, cell in enumerate(cells))


@pytest.mark.parametrize(
    "cell", [":", ":c", ": u", ".a", ".Z", "._", "##", "########", "/", "(NA)", " : "]
)
def test_words_of_offices_and_programs_are_missing_in_any_share(cell, train, ask):
    # Six of ten: more than any share of odd cells that a column of numbers may have.
    cells = [cell if i % 10 < 6 else number for i, number in enumerate(NUMBERS)]
    encoder, notes = train(column(cells), test=0)
    [found] = encoder.columns
    assert (found.kind, found.missing) == ("number", True)
    assert any(f"36 of 60 cells, such as {cell.strip()!r} in row 1: no number" in n for n in notes)
    numbers = ask(encoder, f"x\n{cell}\n4.5\n").inputs["numbers"][:, 0].astype(float)
    assert np.isnan(numbers[0])
    assert numbers[1] * found.unit + found.shift == pytest.approx(4.5, abs=1e-5)


@pytest.mark.parametrize("cell", [".5", ".ab", "#", "#1", ":30", ": abc", "a:", "1/2", "(a)"])
def test_what_is_written_like_them_is_a_value(cell):
    assert not is_no_value(cell)


def test_numbers_of_two_units_are_not_called_plain_numbers(train):
    cells = [f"{number} {'kg' if i % 3 == 0 else 'lbs'}" for i, number in enumerate(NUMBERS)]
    content = column(cells).replace("x,y", "x,y,z").replace(".5\n", ".5,1\n", 7)
    content = content.replace(".5\n", ".5,2\n")
    _, notes = train(content, test=0)
    [said] = [note for note in notes if "have different units" in note]
    assert "kg' and '" in said and "lbs'" in said
    assert not any("cells are numbers, but others" in note for note in notes)
