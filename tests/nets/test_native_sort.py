"""Rows sorted by the compiled kernel against numpy's stable sort."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.kernels import library, sort
from nets.kernels.sort import sorted_rows
from tests.marks import needs_kernels


@needs_kernels()
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


@needs_kernels()
@pytest.mark.parametrize("n", [1, 2, 353])
def test_few_rows_are_sorted_by_a_kernel_that_is_at_hand(n: int) -> None:
    assert library.is_native()
    keys_n = np.random.default_rng(n).integers(0, 50, n, dtype=np.uint32)
    rows_n = jnp.arange(n, dtype=jnp.int32)[::-1]
    run = jax.jit(sorted_rows)
    assert "denseq_sort" in run.lower(keys_n, rows_n).as_text()
    made = run(keys_n, rows_n)
    np.testing.assert_array_equal(made, rows_n[np.argsort(keys_n, kind="stable")])


@needs_kernels()
def test_a_kernel_that_was_kept_is_at_hand_before_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert library.is_native()
    monkeypatch.setattr(library, "_found", None)
    monkeypatch.setattr(library, "is_native", lambda: True)  # once a process may register it
    assert library.is_at_hand()
    monkeypatch.setenv("CXX", "/no/compiler")
    monkeypatch.setenv("PATH", "")
    assert not library.is_at_hand()


def test_for_few_rows_no_kernel_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "_found", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keys_n = np.random.default_rng(0).integers(0, 50, 350, dtype=np.uint32)
    rows_n = jnp.arange(350, dtype=jnp.int32)
    run = jax.jit(sorted_rows)
    assert "denseq_sort" not in run.lower(keys_n, rows_n).as_text()
    assert library._found is None and not list(tmp_path.rglob("*.so"))
    np.testing.assert_array_equal(run(keys_n, rows_n), np.argsort(keys_n, kind="stable"))


@needs_kernels()
def test_members_have_an_order_each_of_rows_that_they_share() -> None:
    keys_kn = np.random.default_rng(0).integers(0, 9, (3, sort.MIN_ROWS), dtype=np.uint32)
    rows_n = jnp.arange(sort.MIN_ROWS, dtype=jnp.int32)
    run = jax.jit(jax.vmap(sorted_rows, in_axes=(0, None)))
    assert "denseq_sort" in run.lower(keys_kn, rows_n).as_text()
    made = run(keys_kn, rows_n)
    np.testing.assert_array_equal(made, np.argsort(keys_kn, 1, kind="stable"))
