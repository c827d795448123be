"""Rows of a batch by the compiled kernel against numpy's indexing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.kernels import library
from nets.kernels.rows import take_rows
from tests.marks import needs_kernels

N = 37


def pool(random: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "numbers": random.normal(size=(N, 5)).astype(np.float32),
        "codes": random.integers(0, 9, (N, 3)).astype(np.int32),
        "weight": random.normal(size=N).astype(np.float32),
        "flags": random.random((N, 2, 3)) < 0.5,
        "short": random.normal(size=(N, 1)).astype(np.float16),
        "none": np.zeros((N, 0), np.float32),
    }


@needs_kernels()
def test_rows_are_those_that_numpy_takes() -> None:
    random = np.random.default_rng(0)
    arrays = pool(random)
    rows_b = random.integers(-N, N, 64).astype(np.int32)
    assert library.is_native()
    run = jax.jit(take_rows)
    assert "denseq_take" in run.lower(arrays, rows_b).as_text()
    made = run(arrays, rows_b)
    for name, array in arrays.items():
        assert made[name].dtype == array.dtype
        np.testing.assert_array_equal(made[name], array[rows_b])


@needs_kernels()
def test_rows_that_there_are_not_are_the_nearest_as_in_a_gather() -> None:
    assert library.is_native()
    x_n = jnp.arange(4.0)
    rows_b = jnp.asarray([-9, -5, -4, 3, 4, 2**31 - 1, -(2**31)], jnp.int32)
    np.testing.assert_array_equal(jax.jit(take_rows)(x_n, rows_b), [0, 0, 0, 3, 3, 3, 0])
    np.testing.assert_array_equal(x_n[rows_b], [0, 0, 0, 3, 3, 3, 0])


@needs_kernels()
@pytest.mark.parametrize(("own_arrays", "own_rows"), [(True, True), (True, False), (False, True)])
def test_members_take_their_rows_of_arrays_of_their_own_or_shared(
    own_arrays: bool, own_rows: bool
) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 2, N, 4)).astype(np.float32)
    rows = random.integers(0, N, (3, 2, 6)).astype(np.int32)
    x = x if own_arrays else x[0, 0]
    rows = rows if own_rows else rows[0, 0]
    axes = (0 if own_arrays else None, 0 if own_rows else None)
    made = jax.jit(jax.vmap(jax.vmap(take_rows, axes), axes))(x, rows)
    for i in range(3):
        for j in range(2):
            wanted = (x[i, j] if own_arrays else x)[rows[i, j] if own_rows else rows]
            np.testing.assert_array_equal(made[i, j], wanted)


@needs_kernels()
def test_arrays_without_rows_are_xlas_own() -> None:
    assert library.is_native()
    nothing = jnp.zeros((0, 3))
    assert take_rows(nothing, jnp.zeros(0, jnp.int32)).shape == (0, 3)
    with pytest.raises(TypeError, match="out of range"):
        take_rows(nothing, jnp.zeros(2, jnp.int32))


@needs_kernels()
def test_the_kernel_refuses_rows_of_an_array_that_has_none() -> None:
    assert library.is_native()
    asked = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    take = jax.ffi.ffi_call("denseq_take", asked)
    with pytest.raises(jax.errors.JaxRuntimeError, match="an array without rows does not fit"):
        take(jnp.zeros(2, jnp.int32), jnp.zeros((0, 3))).block_until_ready()


@needs_kernels()
@pytest.mark.parametrize("dtype", [jnp.int4, jnp.uint4, jnp.bfloat16])
def test_numbers_that_share_a_byte_and_those_of_no_numpy_are_xlas_own(dtype: jnp.dtype) -> None:
    assert library.is_native()
    whole = np.arange(35).reshape(7, 5) % 7
    rows_b = np.asarray([6, 0, -1, 3, 2], np.int32)
    made = jax.jit(take_rows)(jnp.asarray(whole).astype(dtype), rows_b)
    assert made.dtype == dtype
    np.testing.assert_array_equal(made.astype(np.int32), whole[rows_b])


def test_without_a_kernel_rows_are_jax_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "is_at_hand", lambda: False)
    arrays = pool(np.random.default_rng(2))
    rows_b = np.arange(0, N, 5, dtype=np.int32)
    run = jax.jit(lambda arrays, rows_b: take_rows(arrays, rows_b))
    assert "denseq_take" not in run.lower(arrays, rows_b).as_text()
    made = run(arrays, rows_b)
    for name, array in arrays.items():
        np.testing.assert_array_equal(made[name], array[rows_b])
