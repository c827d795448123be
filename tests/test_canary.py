"""Wrong numbers of jaxlib 0.10.2 on CPU (jax#39103), which a population would meet first."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.mark.smoke
@pytest.mark.parametrize("n", [1, 7, 4096, 16_385, 32_768, 32_769, 65_537, 100_003])
def test_vmapped_matvec_then_reduction_is_exact(n: int):
    """Sums of squares of one whole number below 2**17: float32 rounds the square, once."""
    x_n3 = np.zeros((n, 3), np.float32)
    x_n3[:, 0] = np.arange(n)

    with jax.default_device(jax.devices("cpu")[0]):
        matrix_33 = jnp.eye(3, dtype=jnp.float32)
        squares_n = jax.jit(jax.vmap(lambda x_3: jnp.sum((matrix_33 @ x_3) ** 2)))(x_n3)

    expected_n = np.square(np.arange(n, dtype=np.float64)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(squares_n), expected_n)
