"""What is called growth of memory is none of its noise."""

from __future__ import annotations

import peaks
import pytest


@pytest.mark.parametrize(
    ("few", "many", "growth", "n_tries"),
    [
        ([100], [115], 15, 1),
        ([100, 140], [150, 112], 12, 2),  # the first of many was held up
        ([130, 100, 100], [190, 180, 170], 70, 3),  # what grows does so in each
    ],
)
def test_growth_is_that_of_the_least_peaks(
    few: list[int], many: list[int], growth: int, n_tries: int
) -> None:
    told = {"few": iter(few), "many": iter(many)}
    numbers = []

    def measure(name: str, number: int) -> dict[str, int]:
        numbers.append(number)
        return {"peak": next(told[name])}

    assert peaks.growth(measure, cap=20) == growth
    assert numbers == [number for number in range(n_tries) for _ in range(2)]
