"""Units, digits of other scripts and durations in cells: read as a person reads them, or said."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from train.data.columns import Text
from train.data.infer_notation import infer_notation
from train.data.marks import choose_marks, find_marks
from train.data.notation import Notation, parse
from train.data.unit_names import as_one_unit
from train.data.unread_numbers import unread_note

NUMBERS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233]


def read(cells: list[str], later: list[str]) -> list[float | None]:
    """What later cells are, by the notation that is found in these."""
    counts = [1] * len(cells)
    marks = choose_marks(find_marks(cells, counts), Counter(), ",")
    found = infer_notation(cells, counts, marks)
    assert found.read == found.asked
    parsed = parse(later, found.notation)
    numbers = zip(parsed.numbers.tolist(), parsed.valid, strict=True)
    return [number if ok else None for number, ok in numbers]


@pytest.mark.parametrize(
    ("write", "later", "numbers"),
    [
        (lambda n: "".join(chr(0xFF10 + int(d)) for d in str(n)), ["\uff14\uff12", "42"], [42, 42]),
        (
            lambda n: "".join(chr(0x660 + int(d)) for d in str(n)),
            ["\u0664\u0662", "\uff14\uff12"],
            [42, 42],
        ),
        (lambda n: f"{n}\u066b5", ["1\u066c234\u066b5", "7.25"], [1234.5, 7.25]),
        (lambda n: f"{n}\u200b", ["\u202d-7\u202c", "\uff0d7", "\ufe637"], [-7, -7, -7]),
        (lambda n: f"{n}.5", ["\u20107.5", "\u20117.5", "\u20127.5", "\u22127.5"], [-7.5] * 4),
        (
            lambda n: f"{n * 1000:,}".replace(",", "'"),
            ["1`234", "1\u00b4234", "1\u02bc234"],
            [1234] * 3,
        ),
        (lambda n: f"{n} m", ["7 m", "7m"], [7, 7]),  # metres
        (lambda n: f"{n}m", ["7m"], [7]),
        (lambda n: f"${n}m", ["$7m"], [7e6]),
        (lambda n: f"{n}k" if n % 2 else f"{n}m", ["7m"], [7e6]),
        (lambda n: f"{n} days" if n > 1 else "1 day", ["1 day", "2 Days"], [1, 2]),
        (lambda n: f"{n} lbs", ["1 lb", "1 kg"], [1, None]),
        (lambda n: f"{n} inches", ["1 inch"], [1]),
        (lambda n: f"{n} euros", ["1 €", "1 EUR", "$1"], [1, 1, None]),
        (lambda n: f"{n} min" if n % 2 else f"{n} h", ["90 s", "2 h"], [90, 7200]),
        (lambda n: f"{n % 12 + 1} am", ["12 am", "12pm", "13:00"], [0, 43_200, 46_800]),
    ],
)
def test_cells(write, later, numbers):
    assert read([write(n) for n in NUMBERS], later) == numbers


@pytest.mark.parametrize(("unit", "other"), [("ms", "m"), ("MW", "mW"), ("kg", "g"), ("s", "")])
def test_units_that_are_not_one(unit, other):
    assert as_one_unit(unit) != as_one_unit(other)


def test_letters_behind_few_numbers_stay_codes():
    assert infer_notation(["1A", "2A", "1m", "2m"], [1] * 4, (".", "", True)).notation == Notation()


def note(write) -> str:
    cells = [write(n) for n in NUMBERS]
    return unread_note(Text(np.arange(len(cells)), cells))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda n: f"${n}" if n % 2 else f"€{n}", "'$1' and '€2' have different units"),
        (lambda n: f"{n} kg" if n % 2 else f"{n} g", "'1 kg' and '2 g' have different units"),
        (lambda n: f"[{n}, {n + 10})", "'[1, 11)' begins with a number"),
        (lambda n: f"'{n}", '"\'1" begins with a number'),
    ],
)
def test_numbers_that_are_left_as_categories_are_said(write, said):
    assert said in note(write)


def test_codes_are_not_taken_for_units():
    assert not note(lambda n: f"{n}A" if n % 2 else f"{n}B")


def test_dates_and_versions_prove_no_decimal_commas():
    for cells in (["01.02.2024", "28.09.2024"], ["1.2.0", "10.0.1"], ["192.168.0.1"]):
        assert not find_marks(cells, [1] * len(cells)).thousands
    assert find_marks(["1.234.567"], [1]).thousands == Counter({".": 1})
