"""Random numbers without a state: a function of a key and of the number of each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def hashed(key: Sequence[int], numbers: np.ndarray) -> np.ndarray:
    """Random bits, uint64 [n], a pure function of the key and of each number.

    They are rounds of splitmix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
    generators").
    """
    parts = [np.array([part], np.uint64) for part in key]
    with np.errstate(over="ignore"):
        z = np.zeros(1, np.uint64)
        for part in (*parts, np.asarray(numbers, np.uint64)):
            z = z + part + np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return z


def uniform(key: Sequence[int], numbers: np.ndarray) -> np.ndarray:
    """`hashed` as numbers in [0, 1), float64."""
    return (hashed(key, numbers) >> np.uint64(11)) * 2.0**-53
