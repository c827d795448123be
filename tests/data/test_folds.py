"""Folds: every row validates once, classes are even, groups and times stay apart."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data.folds import fold_rows, fold_windows
from train.errors import UserError


@given(n=st.integers(4, 60), folds=st.integers(2, 4), seed=st.integers(0, 99))
def test_each_row_validates_once_and_trains_otherwise(n, folds, seed):
    pairs = fold_rows(n, folds, kind="random", seed=seed)
    assert np.sort(np.concatenate([valid for _, valid in pairs])).tolist() == list(range(n))
    sizes = [len(valid) for _, valid in pairs]
    assert max(sizes) - min(sizes) <= 1
    for train, valid in pairs:
        assert np.sort(np.concatenate([train, valid])).tolist() == list(range(n))


@given(counts=st.lists(st.integers(3, 20), min_size=2, max_size=5), seed=st.integers(0, 99))
def test_classes_are_spread_to_within_a_row(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    pairs = fold_rows(len(labels), 3, kind="stratified", seed=seed, by=labels)
    for k, count in enumerate(counts):
        for _, valid in pairs:
            assert count // 3 <= (labels[valid] == k).sum() <= -(-count // 3)
    sizes = [len(valid) for _, valid in pairs]
    assert max(sizes) - min(sizes) <= 1


@given(groups=st.lists(st.integers(0, 6), min_size=20, max_size=60), seed=st.integers(0, 99))
def test_no_group_is_in_two_folds(groups, seed):
    groups = np.array([0, 1, 2, *groups])
    pairs = fold_rows(len(groups), 3, kind="group", seed=seed, by=groups)
    for train, valid in pairs:
        assert not set(groups[train]) & set(groups[valid])
        assert len(valid)
    assert np.sort(np.concatenate([valid for _, valid in pairs])).tolist() == list(
        range(len(groups))
    )


def test_a_class_of_fewer_rows_than_folds_is_dealt_out():
    labels = np.array(["a"] * 8 + ["b"] * 2)
    pairs = fold_rows(10, 5, kind="stratified", seed=0, by=labels)
    assert [len(valid) for _, valid in pairs] == [2] * 5
    assert sorted((labels[valid] == "b").sum() for _, valid in pairs) == [0, 0, 0, 1, 1]


def test_folds_by_time_train_on_what_came_before():
    times = np.array([5, 3, 8, 1, 9, 2, 7, 4, 6])
    pairs = fold_rows(9, 2, kind="time", seed=0, by=times)
    assert [(sorted(times[train]), sorted(times[valid])) for train, valid in pairs] == [
        ([1, 2, 3], [4, 5, 6]),
        ([1, 2, 3, 4, 5, 6], [7, 8, 9]),
    ]


@given(sizes=st.lists(st.integers(40, 80), min_size=1, max_size=3), stride=st.integers(1, 3))
def test_no_row_that_validates_is_seen_in_training(sizes, stride):
    lookback = 5
    horizon = 3
    firsts = np.cumsum(sizes) - sizes
    pairs = zip(firsts, sizes, strict=True)
    starts = np.concatenate(
        [first + np.arange(0, size - lookback - horizon + 1, stride) for first, size in pairs]
    )
    earlier = set()
    for train, valid in fold_windows(starts, firsts, 3, lookback=lookback, horizon=horizon):
        seen = {row for start in starts[train] for row in range(start, start + lookback + horizon)}
        predicted = {
            row
            for start in starts[valid]
            for row in range(start + lookback, start + lookback + horizon)
        }
        assert predicted and not seen & predicted
        assert not earlier & predicted  # a row validates in one fold at most
        earlier |= predicted
        for group, first in enumerate(firsts):

            def inside(rows, first=first, end=first + sizes[group]):
                return [r for r in rows if first <= r < end]

            assert max(inside(seen)) < min(inside(predicted))


def test_folds_of_many_series_take_time_by_the_window() -> None:
    """4,000 series of 250 windows: every series is cut as it is alone."""
    firsts = np.arange(4000) * 300
    starts = (firsts[:, None] + np.arange(250)).ravel()
    began = time.process_time()
    found = fold_windows(starts, firsts, 3, lookback=40, horizon=10)
    assert time.process_time() - began < 2
    alone = fold_windows(np.arange(250), np.zeros(1, int), 3, lookback=40, horizon=10)
    for (train, valid), (own_train, own_valid) in zip(found, alone, strict=True):
        assert (train.reshape(4000, -1) % 250 == own_train).all()
        assert (valid.reshape(4000, -1) % 250 == own_valid).all()


@pytest.mark.parametrize(
    ("kind", "by", "message"),
    [
        ("group", [0] * 5 + [1] * 5, "5 folds, but the training and validation rows have 2 groups"),
    ],
)
def test_too_many_folds_are_refused(kind, by, message):
    with pytest.raises(UserError, match=message):
        fold_rows(10, 5, kind=kind, seed=0, by=np.array(by))


def test_more_folds_than_rows_or_windows_are_refused():
    with pytest.raises(UserError, match="12 folds of 10 rows"):
        fold_rows(10, 12, kind="random", seed=0)
    with pytest.raises(UserError, match="without training windows"):
        fold_windows(np.arange(4), np.array([0]), 3, lookback=5, horizon=5)
