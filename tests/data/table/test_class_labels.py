"""Whole numbers of a target: the line on few of them that are read as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from train.config.data_options import Table
from train.data.table.class_labels import number_note
from train.data.table.load import load_table


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


def test_rows_of_a_word_among_labels_are_left_out_and_said(tmp_path):
    # A tenth of the cells, as many as each label has: it may well be a class.
    labels = [*"123456789", "X"] * 9
    path = tmp_path / "plots.csv"
    path.write_text("x,y\n" + "".join(f"{i * i % 97},{each}\n" for i, each in enumerate(labels)))
    dataset = load_table(Table(path=str(path), target="y"), "auto")
    [head] = dataset.encoder.heads
    assert head.classes == tuple("123456789")
    said = "9 rows whose target is no number are left out; if it is a class, name 'y' in"
    assert sum(said in note for note in dataset.notes) == 1
    rows = np.concatenate(list(dataset.splits.values()))
    assert len(rows) == 81 and dataset.target[head.name][rows].min() == 0
    kept = load_table(Table(path=str(path), target="y", categorical=("y",)), "auto")
    assert kept.encoder.heads[0].classes == (*"123456789", "X")
    assert not any("are left out" in note for note in kept.notes)
