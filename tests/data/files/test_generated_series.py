"""Series made by their equations, against a slower way to solve them."""

from __future__ import annotations

import numpy as np

from train.data.files.builtin import read_builtin
from train.data.files.generated_series import integrate


def test_mackey_glass_follows_its_equation():
    steps_per_unit = 400  # Euler's method with steps of 1/400
    x = [1.2] * (17 * steps_per_unit + 1)
    for i in range(60 * steps_per_unit):
        x.append(x[-1] + (0.2 * x[i] / (1 + x[i] ** 10) - 0.1 * x[-1]) / steps_per_unit)
    np.testing.assert_allclose(
        integrate(61, 10), x[17 * steps_per_unit :: steps_per_unit], atol=2e-3
    )
    np.testing.assert_array_equal(
        read_builtin("mackey_glass")["x"].to_numpy()[:20], integrate(320, 10)[300:]
    )
