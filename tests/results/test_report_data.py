"""What reports are drawn from: the plane of decisions, rows in raw units, rows to read."""

from __future__ import annotations

import numpy as np

from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.results.report_data import SIDE, command_line, decision_plane
from train.results.report_rows import raw_numbers, rows_to_read, unscaled

NUMBERS = (Column("a", "number", 10.0, 2.0), Column("b", "number"))
CLASS = Head("y", "binary", ("y",), ("no", "yes"), 1)
ROWS = np.array([[0, 0], [1, 4], [np.nan, 2], [0.5, 1]], np.float32)


def encoder(columns: tuple[Column, ...] = NUMBERS, head: Head = CLASS) -> TableEncoder:
    return TableEncoder(columns, (Column("y", "category", vocabulary=("no", "yes")),), (head,))


def answers(inputs: dict) -> dict:
    """Yes where the encoded a is above 0.5."""
    return {"y": (inputs["numbers"][:, 0] > 0.5).astype(float)}


def test_places_cover_the_rows_and_bear_raw_units():
    plane = decision_plane(encoder(), {"numbers": ROWS}, answers)
    assert plane is not None and plane.names == ("a", "b")
    a_axis = plane.x_axis
    b_axis = plane.y_axis
    assert a_axis[0] < 10 and a_axis[-1] > 12 and b_axis[0] < 0 and b_axis[-1] > 4
    np.testing.assert_allclose(plane.rows_n2[1], [12, 4])
    answer = plane.answers["y"].reshape(SIDE, SIDE)
    # Columns are a, rows are b.
    np.testing.assert_array_equal(answer, np.broadcast_to(a_axis > 11, (SIDE, SIDE)))


def test_there_is_none_for_other_tables():
    three = (*NUMBERS, Column("c", "number"))
    category = (NUMBERS[0], Column("c", "category", vocabulary=("p",)))
    for columns in (three, category, NUMBERS[:1]):
        assert decision_plane(encoder(columns), {"numbers": ROWS}, answers) is None
    assert (
        decision_plane(
            encoder(head=Head("value", "regression", ("y",), (), 1)), {"numbers": ROWS}, answers
        )
        is None
    )
    assert decision_plane(encoder(), {"numbers": ROWS[2:3]}, answers) is None


def test_numbers_are_those_of_the_file():
    time = Column("t", "time", 19_000.0, 100.0)
    numbers = np.array([[0.5, 1.0, *(0.0,) * 4]])
    raw = raw_numbers(encoder((NUMBERS[0], time)), numbers)
    np.testing.assert_allclose(raw, [[11, 19_100, 0, 0, 0, 0]])


def test_what_comes_back_is_scaled_back_along_a_line_or_between_rows():
    raw = np.array([3.0, 1.0, np.nan, 7.0])
    np.testing.assert_allclose(unscaled(np.array([9.0]), (raw - 2) / 4, raw), [38])
    bent = np.tanh(raw)  # such as "robust" scaling, which is bounded
    found = unscaled(np.array([bent[0], 5.0]), bent, raw)
    np.testing.assert_allclose(found, [3, 7])
    alike = unscaled(np.array([1.0, 2.0]), np.zeros(4), np.full(4, 5.0))
    assert alike.tolist() == [5, 5]


def test_rows_with_an_error_are_read_first():
    target = np.zeros((30, 2), int)
    target[0] = -1
    answer = target.copy()
    answer[20:, 0] = 1
    assert rows_to_read(target, answer) == [*range(20, 27), 1, 2, 3]
    assert rows_to_read(target, target) == list(range(1, 11))
    assert rows_to_read(target[:2], 1 - target[:2]) == [1]


def test_the_command_is_the_one_that_was_typed():
    typed = ["/home/me/denseq/train/main.py", "--config=a.py", "--config.data.path=my file.csv"]
    wanted = "python -m train.main --config=a.py '--config.data.path=my file.csv'"
    assert command_line(typed) == wanted
    assert command_line(["/usr/bin/denseq", "train", "--config=a"]) == "denseq train --config=a"
    assert command_line(["/usr/bin/pytest", "-q"]) == command_line([]) == ""
