"""Random numbers of rows: the published generator, and uniform."""

from __future__ import annotations

import numpy as np

from train.data.counter_random import hashed, uniform


def test_hashed_is_splitmix64():
    def mix(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    assert mix(0) == 0xE220A8397B1DCDAF  # the first number of the published generator with seed 0
    wanted = [mix((mix((mix(9) + 4) % 2**64) + row) % 2**64) for row in (0, 1, 2**40)]
    assert hashed((9, 4), np.array([0, 1, 2**40])).tolist() == wanted


def test_uniform_numbers_are_uniform():
    u = np.sort(uniform((1, 0), np.arange(100_000)))
    assert 0 <= u[0] and u[-1] < 1
    # Kolmogorov-Smirnov: beyond 1.95 / sqrt(n) once in a thousand times.
    assert np.abs(u - np.arange(100_000) / 100_000).max() < 1.95 / 100_000**0.5
