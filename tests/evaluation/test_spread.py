"""train.evaluation.spread: the numbers of each target, also where there are no rows."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.dataset import Head
from train.evaluation.spread import by_target


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("names", [("y",), ("y", "z")])
@pytest.mark.parametrize("n_steps", [1, 4])
def test_numbers_are_parted_by_target_step_after_step(n: int, names: tuple, n_steps: int) -> None:
    head = Head("value", "regression", names, (), len(names) * n_steps)
    numbers_no = np.arange(n * n_steps * len(names), dtype=float).reshape(n, n_steps * len(names))
    found = by_target(head, numbers_no)
    assert tuple(found) == names
    for i, name in enumerate(names):
        np.testing.assert_array_equal(found[name], numbers_no.ravel()[i :: len(names)])


def test_a_single_number_a_row_needs_no_axis() -> None:
    head = Head("value", "regression", ("y",), (), 1)
    np.testing.assert_array_equal(by_target(head, np.array([1.5, 2.5]))["y"], [1.5, 2.5])
    assert by_target(head, np.zeros(0))["y"].shape == (0,)
