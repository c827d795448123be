"""Whole numbers of a target: the line on few of them that are read as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.table.class_labels import number_note


@pytest.mark.parametrize(
    ("numbers", "is_said"),
    [
        (np.repeat(np.arange(1990.0, 2000), 2), True),
        (np.repeat(np.arange(1990.0, 2000), 2)[1:], False),  # not all twice: few rows, by chance
        (np.arange(1990.0, 2000), False),
        (np.repeat(np.arange(1990, 2000) / 4, 10), True),
        (np.repeat(np.arange(1990, 2000) / 4, 10)[1:], False),  # of fractions, ten times each
        (np.repeat(np.arange(1970.0, 2000), 9), False),  # too many to be classes
    ],
)
def test_few_numbers_of_which_each_comes_often_are_said(numbers, is_said):
    note = number_note("y", numbers)
    assert bool(note) == is_said
    assert not is_said or "10 different numbers" in note
