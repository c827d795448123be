"""What SequenceClassifier takes for sequences, and what it says of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from train.errors import ReadingWarning
from train.estimators.sequences import sequence_table

RAGGED = [np.random.default_rng(i).normal(size=(3 + i % 3, 2)) for i in range(6)]


def padded(sequences, width: int = 6) -> np.ndarray:
    whole = np.full((len(sequences), width, *sequences[0].shape[1:]), np.nan)
    for row, steps in zip(whole, sequences, strict=True):
        row[: len(steps)] = steps
    return whole


@pytest.mark.parametrize("channels", [slice(None), 0])
def test_an_array_padded_with_nan_is_the_list_of_what_it_pads(channels):
    sequences = [steps[:, channels] for steps in RAGGED]
    said = "X: 6 of 6 sequences end in steps that hold nan alone, which are taken for padding"
    with pytest.warns(ReadingWarning, match=said):
        table = sequence_table(padded(sequences))
    assert table.equals(sequence_table(sequences))


def test_nan_among_numbers_is_no_padding_and_full_arrays_say_nothing():
    whole = np.arange(24.0).reshape(2, 4, 3)
    whole[0, 1] = np.nan
    whole[1, 3, :2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = sequence_table(whole)
    assert [len(steps) for steps in table["x"].to_pylist()] == [4, 4]


def test_a_sequence_of_nan_alone_is_an_empty_one():
    with pytest.warns(ReadingWarning, match="1 of 2 sequences end in steps"):
        table = sequence_table(np.array([[1.0, 2.0], [np.nan, np.nan]]))
    assert table["x"].to_pylist() == [[1, 2], []]


def test_steps_of_different_widths_are_told_in_one_line():
    with pytest.raises(ValueError, match="X: sequence 1 has steps of different widths; expected"):
        sequence_table([RAGGED[0], [[1.0, 2.0], [3.0]]])
