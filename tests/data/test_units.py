"""Shifts and units: numbers of the order of one, which float32 holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from train.data.columns import Numbers
from train.data.stream.online_statistics import Moments
from train.data.units import less_shift, quartiles, rounded_together, shift_and_unit


@pytest.mark.parametrize(
    ("known", "spread"),
    [
        (np.arange(1000.0, 1201.0, 2), 100.0),
        (np.array([5.0, 5.0, 5.0, 5.0, 9.0]), 1.6),  # no range: the deviation
        (np.array([-3e-9, 0.0, 1e-9, 4e-9]), 2.5e-9),
        (np.full(4, 7.0), 1.0),
    ],
)
def test_the_unit_is_the_power_of_two_nearest_the_spread_and_the_shift_the_median(known, spread):
    shift, unit = shift_and_unit(known)
    assert unit == 2.0 ** round(math.log2(spread))
    assert abs(shift - np.median(known)) <= unit / 2
    assert shift % unit == 0


def test_integers_that_become_one_float32_are_found():
    integers = np.array([2**40, 3, 2**40 + 1, 9])
    assert rounded_together(integers, 0.0, 1.0).tolist() == [[0, 2]]
    assert not len(rounded_together(integers[[0, 1, 3]], 0.0, 1.0))
    # About 2**40 they are told apart, beyond what float64 tells too.
    assert not len(rounded_together(2**60 + np.arange(4), float(2**60), 1.0))


@pytest.mark.parametrize("shift", [0, 2**61, -(2**61), 2**63, 12345])
def test_hashes_of_64_bits_keep_their_places(shift):
    """Whose distances are beyond int64: Python's integers are the truth."""
    hashes = np.array([2**63 - 10, 2**62, -(2**63) + 5, -(2**62), 7], np.int64)
    wanted = [float(int(value) - shift) for value in hashes]
    np.testing.assert_allclose(less_shift(hashes, float(shift)), wanted, rtol=1e-15, atol=2**11)
    near = 2**60 + np.arange(4)
    assert less_shift(near, float(2**60)).tolist() == [0, 1, 2, 3]
    assert less_shift(near[:0], 1.5).tolist() == []
    # The same over pieces of a stream.
    moments = Moments()
    for value in hashes:
        moments.add(Numbers(np.array([value]), np.zeros(1, bool)))
    exact = [int(value) for value in hashes]
    assert moments.pivot + moments.mean == pytest.approx(sum(exact) / 5, abs=1e6)
    assert moments.pivot + moments.low == pytest.approx(min(exact))
    assert moments.pivot + moments.high == pytest.approx(max(exact))


def test_quartiles_are_those_of_numpy_to_the_last_bit():
    random = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 42, 1001):
        for sample in (random.normal(size=n), random.normal(size=n).round(1), 1e300 * np.ones(n)):
            assert quartiles(sample) == tuple(np.percentile(sample, (25, 50, 75)))
    large = 2**60 + random.integers(0, 2**50, 99)
    assert quartiles(large) == tuple(np.percentile(large, (25, 50, 75)))
