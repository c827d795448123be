"""The adding problem is what it says, and pictures keep their pixels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from train.data.files.builtin import read_builtin
from train.data.files.generated_sequences import N_HELD, N_TRAIN, adding
from train.errors import UserError


@pytest.fixture(scope="module")
def short() -> tuple[np.ndarray, np.ndarray]:
    table = adding(10)
    return np.array(table["x"].to_pylist()), table["sum"].to_numpy()


def test_the_sum_is_that_of_the_marked_numbers(short):
    x, total = short
    assert x.shape == (N_TRAIN + 2 * N_HELD, 10, 2)
    np.testing.assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(1), total, atol=1e-6)
    assert x[:, :, 0].min() >= 0 and x[:, :, 0].max() < 1


def test_one_marker_stands_in_either_half(short):
    markers = short[0][:, :, 1]
    assert (markers[:, :5].sum(1) == 1).all() and (markers[:, 5:].sum(1) == 1).all()
    assert (markers.sum(0) > 0.15 * len(markers)).all()


def test_the_same_problem_is_made_every_time(short):
    assert adding(10)["sum"].equals(pa.chunked_array([short[1]]))
    assert not adding(10, seed=1)["sum"].equals(pa.chunked_array([short[1]]))


def test_the_length_is_part_of_the_name():
    assert len(read_builtin("adding_12")["x"][0].as_py()) == 12
    with pytest.raises(UserError, match="no such table"):
        read_builtin("adding_x")


def test_pictures_are_read_row_by_row():
    digits = read_builtin("digits")
    rows = read_builtin("digits_rows")
    assert rows["digit"].equals(digits["digit"])
    picture = np.array(rows["x"][17].as_py())
    assert picture.shape == (8, 8)
    assert picture.ravel().tolist() == [digits.column(i)[17].as_py() for i in range(64)]
