"""The plane of a report's decisions: what a net answers, in which units, and where it exists."""

from __future__ import annotations

import numpy as np

from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.results.report_data import SIDE, decision_plane

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
