"""After which epochs settings are compared."""

from __future__ import annotations

import pytest

from train.config import Config, Population, Train
from train.population.halving import rungs


@pytest.mark.parametrize(
    ("epochs", "eval_every", "halving", "wanted"),
    [
        (9, 1, 3, [1, 3]),
        (27, 1, 3, [3, 9]),
        (10, 1, 3, [2, 4]),  # in whole epochs, and
        (27, 2, 3, [4, 10]),  # in whole evaluations, rounded up
        (8, 1, 2, [2, 4]),
        (3, 2, 3, [2]),
        (2, 2, 3, []),
        (9, 1, None, []),
    ],
)
def test_rungs(epochs: int, eval_every: int, halving: int | None, wanted: list[int]) -> None:
    train = Train(epochs=epochs, eval_every=eval_every)
    assert rungs(Config(train=train, population=Population(halving=halving))) == wanted
