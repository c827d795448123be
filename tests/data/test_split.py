"""Splits against counts by hand, and the promises that hold for any table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from train.data.split import split_rows
from train.errors import UserError


def sizes(splits: dict[str, np.ndarray]) -> tuple[int, ...]:
    return tuple(len(splits[part]) for part in ("train", "valid", "test"))


@given(
    n=st.integers(10, 200),
    valid=st.floats(0, 0.4),
    test=st.floats(0, 0.4),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["random", "time"]),
)
def test_every_row_is_in_one_part_and_parts_have_their_share(n, valid, test, seed, kind):
    splits = split_rows(n, valid, test, kind=kind, seed=seed)
    assert sorted(np.concatenate(list(splits.values()))) == list(range(n))
    assert all(rows.dtype == np.int32 and np.all(np.diff(rows) > 0) for rows in splits.values())
    for part, share in (("valid", valid), ("test", test)):
        assert len(splits[part]) == (max(round(share * n), 1) if share else 0)


def test_numbers_of_rows_are_exact():
    assert sizes(split_rows(10, 3, 0.2, kind="random", seed=0)) == (5, 3, 2)
    assert sizes(split_rows(10, 0, 0, kind="random", seed=0)) == (10, 0, 0)


def test_the_seed_decides_a_random_split():
    first, again, other = (
        split_rows(50, 10, 10, kind="random", seed=seed)["test"] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(40, 50))


def test_time_trains_on_the_oldest_and_tests_on_the_newest():
    splits = split_rows(
        6, 2, 1, kind="time", seed=0, times=np.array([5.0, 1.0, 6.0, 2.0, 4.0, 3.0])
    )
    assert {part: list(rows) for part, rows in splits.items()} == {
        "train": [1, 3, 5],
        "valid": [0, 4],
        "test": [2],
    }
    in_file_order = split_rows(6, 2, 1, kind="time", seed=0)
    assert [list(rows) for rows in in_file_order.values()] == [[0, 1, 2], [3, 4], [5]]


def test_equal_times_keep_their_order():
    splits = split_rows(6, 2, 2, kind="time", seed=0, times=np.zeros(6))
    assert [list(rows) for rows in splits.values()] == [[0, 1], [2, 3], [4, 5]]


@given(
    sizes_k=st.lists(st.integers(3, 40), min_size=1, max_size=12),
    valid=st.floats(0.01, 0.45),
    test=st.floats(0.01, 0.45),
    seed=st.integers(0, 9),
)
def test_stratified_keeps_every_class_share_to_less_than_a_row(sizes_k, valid, test, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes_k)), sizes_k))
    n = len(labels)
    assume(n > 10)  # else rounding can leave no row to train on
    splits = split_rows(n, valid, test, kind="stratified", seed=seed, labels=labels)
    assert sizes(splits)[1:] == (max(round(valid * n), 1), max(round(test * n), 1))
    assert sorted(np.concatenate(list(splits.values()))) == list(range(n))
    for rows in splits.values():
        counts = np.bincount(labels[rows], minlength=len(sizes_k))
        assert np.all(np.abs(counts - np.array(sizes_k) * len(rows) / n) < 1)


def test_stratified_is_a_function_of_the_seed():
    labels = np.repeat(["a", "b"], 50)
    first, again, other = (
        split_rows(100, 0.2, 0.2, kind="stratified", seed=seed, labels=labels)["valid"]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_stratified_trains_on_a_rare_class_before_it_rounds_well():
    labels = np.array(["rare"] * 3 + ["common"] * 97)  # of 10 training rows .3 and 9.7
    splits = split_rows(100, 60, 30, kind="stratified", seed=0, labels=labels)
    assert [np.sum(labels[rows] == "rare") for rows in splits.values()] == [1, 1, 1]
    assert sizes(splits) == (10, 60, 30)


@given(
    sizes_k=st.lists(st.integers(1, 4), min_size=2, max_size=9),
    common=st.integers(30, 60),
    kind=st.sampled_from(["random", "stratified"]),
    seed=st.integers(0, 9),
)
def test_every_class_has_a_row_to_train_on(sizes_k, common, kind, seed):
    labels = np.repeat(np.arange(len(sizes_k) + 1), [*sizes_k, common])
    others = np.zeros(len(labels), int)
    others[[0, -1]] = [1, 2]
    n = len(labels)
    splits = split_rows(n, 0.2, 0.2, kind=kind, seed=seed, labels=labels, classes=(labels, others))
    assert sizes(splits)[1:] == (round(0.2 * n), round(0.2 * n))
    assert sorted(np.concatenate(list(splits.values()))) == list(range(n))
    for column in (labels, others):
        assert set(column[splits["train"]]) == set(column)


def test_a_split_that_trains_on_every_class_stays_as_it_was():
    labels = np.repeat([0, 1], 30)
    for kind in ("random", "stratified"):
        plain, same = (
            split_rows(60, 0.2, 0.2, kind=kind, seed=3, labels=labels, classes=classes)
            for classes in ((), (labels,))
        )
        for part, rows in plain.items():
            np.testing.assert_array_equal(rows, same[part])


def test_more_classes_than_training_rows_fill_these():
    labels = np.arange(10)
    splits = split_rows(10, 0.3, 0.3, kind="stratified", seed=0, labels=labels, classes=(labels,))
    assert sizes(splits) == (4, 3, 3)


def test_stratified_names_the_number_that_is_too_rare():
    labels = np.array(["a"] * 20 + ["rare"] * 2)
    with pytest.raises(
        UserError, match=r"needs 3 rows of each class.*'rare' has 2; .*split=random"
    ):
        split_rows(22, 0.2, 0.2, kind="stratified", seed=0, labels=labels)
    assert sizes(split_rows(22, 0.2, 0, kind="stratified", seed=0, labels=labels)) == (18, 4, 0)


@given(
    sizes_g=st.lists(st.integers(1, 20), min_size=3, max_size=30),
    valid=st.floats(0.05, 0.3),
    test=st.floats(0.05, 0.3),
    seed=st.integers(0, 9),
)
def test_no_group_is_in_two_parts_and_none_is_empty(sizes_g, valid, test, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes_g)), sizes_g))
    n = len(groups)
    try:
        splits = split_rows(n, valid, test, kind="group", seed=seed, groups=groups)
    except UserError:  # a table so small that a row each leaves none to train on
        assert max(round(valid * n), 1) + max(round(test * n), 1) >= n
        return
    gradients_of_part = [set(groups[rows]) for rows in splits.values()]
    assert not (
        gradients_of_part[0] & gradients_of_part[1]
        or gradients_of_part[0] & gradients_of_part[2]
        or gradients_of_part[1] & gradients_of_part[2]
    )
    assert sorted(np.concatenate(list(splits.values()))) == list(range(n))
    for rows, part, asked in zip(splits.values(), gradients_of_part, (1, valid, test), strict=True):
        assert len(rows) and (len(part) == 1 or len(rows) <= max(round(asked * n), 1))


def test_many_small_groups_fill_their_parts():
    groups = np.repeat(np.arange(200), 5)
    splits = split_rows(1000, 0.15, 0.2, kind="group", seed=3, groups=groups)
    assert sizes(splits) == (650, 150, 200)
    other = split_rows(1000, 0.15, 0.2, kind="group", seed=4, groups=groups)
    assert set(groups[splits["test"]]) != set(groups[other["test"]])


def test_groups_must_fill_the_parts():
    with pytest.raises(UserError, match=r"config.data.group: 2 groups cannot fill 3 parts"):
        split_rows(10, 0.2, 0.2, kind="group", seed=0, groups=np.repeat([0, 1], 5))


@pytest.mark.parametrize(
    ("n", "valid", "test", "message"),
    [
        (1, 0, 0, "1 row with a target: at least two"),
        (0, 0, 0, "no rows with a target"),
        (2, 0.15, 0.15, "1 and 1 rows leave none of 2 for training"),
        (10, 11, 0, "config.data.valid: asks for 11 rows of the 10"),
        (10, 0, 12, "config.data.test: asks for 12 rows of the 10"),
        (10, 5, 5, "5 and 5 rows leave none of 10"),
        (
            10,
            2.5,
            0,
            "config.data.valid: expected a share below 1 or a whole number of rows, got 2.5",
        ),
    ],
)
def test_impossible_sizes_are_refused(n, valid, test, message):
    with pytest.raises(UserError, match=message):
        split_rows(n, valid, test, kind="random", seed=0)
