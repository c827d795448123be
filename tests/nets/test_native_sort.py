"""Rows sorted by the compiled kernel against numpy's stable sort."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.kernels import sort
from nets.kernels.sort import sorted_rows
from tests.marks import needs_kernels

pytestmark = needs_kernels()


@pytest.mark.parametrize("n", [sort.MIN_ROWS, 5000])
def test_rows_are_in_the_order_of_their_keys(n: int) -> None:
    random = np.random.default_rng(n)
    bits = random.integers(0, 2**32, n, dtype=np.uint32)
    floats = np.float32(random.exponential(100, n))
    floats[: n // 2] = np.inf  # as those of rows that are not a member's own
    rows = random.permutation(n).astype(np.int32)
    for keys in (bits, bits >> 20, floats):
        made = sorted_rows(jnp.asarray(keys), jnp.asarray(rows))
        np.testing.assert_array_equal(made, rows[np.argsort(keys, kind="stable")])


def test_few_rows_need_no_kernel() -> None:
    rows_n = jnp.arange(sort.MIN_ROWS - 1, dtype=jnp.int32)
    assert "denseq_sort" not in jax.jit(sorted_rows).lower(rows_n * 1.0, rows_n).as_text()


def test_members_have_an_order_each_of_rows_that_they_share() -> None:
    keys_kn = np.random.default_rng(0).integers(0, 9, (3, sort.MIN_ROWS), dtype=np.uint32)
    rows_n = jnp.arange(sort.MIN_ROWS, dtype=jnp.int32)
    run = jax.jit(jax.vmap(sorted_rows, in_axes=(0, None)))
    assert "denseq_sort" in run.lower(keys_kn, rows_n).as_text()
    made = run(keys_kn, rows_n)
    np.testing.assert_array_equal(made, np.argsort(keys_kn, 1, kind="stable"))
