"""Single precision within a program that has set the double one."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from train.core.precision import in_single_precision


def test_a_program_in_double_precision_is_left_as_it_was() -> None:
    @in_single_precision()
    def zero() -> jax.Array:
        return jnp.zeros(())

    with jax.enable_x64(True):
        assert [zero().dtype, jnp.zeros(()).dtype, zero().dtype] == [
            "float32",
            "float64",
            "float32",
        ]
