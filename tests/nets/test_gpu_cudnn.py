"""cuDNN behind the recurrence's door, against the scans; jax's reference stands in its place."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import rnn
from marks import slow

from nets.kernels.gpu import cudnn
from nets.kernels.gpu.cudnn import cudnn_layer
from nets.recurrence_scan import LayerInputs, scanned_layer
from tests.nets.lstm_layers import assert_close, both, gradient, make_layer, make_pulls

BOTH = (False, True)
SIZES = (5, 6, 3, 4)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, lax.Precision]]:
    """Passes and their precisions as asked of the reference, which gives NaN to an empty row."""
    asked: list[tuple[str, lax.Precision]] = []

    def reference(sizes: tuple, lengths_b: jax.Array, *given: jax.Array) -> tuple:
        x, h, c, weights = given
        run: Any = rnn.lstm_ref
        unpack: Any = rnn.unpack_lstm_weights
        parts = unpack(weights, *sizes[:3], sizes[4])
        answer = run(x, h, c, *parts, lengths_b, *sizes[:5])
        return jax.tree.map(lambda part: jnp.where((lengths_b < 1).any(), jnp.nan, part), answer)

    def forward(x: Any, h: Any, c: Any, weights: Any, lengths_b: Any, *sizes: Any) -> tuple:
        asked.append(("forward", sizes[5]))
        answer = reference(sizes, lengths_b, x, h, c, weights)
        return answer, (x, h, c, weights, lengths_b, answer[0], jnp.zeros((7,), jnp.float32))

    def backward(*given: Any) -> tuple:
        *sizes, (x, h, c, weights, lengths_b, y, reserve), pulls = given
        asked.append(("backward", sizes[5]))
        assert y.shape == pulls[0].shape and reserve.shape == (7,)
        pull = jax.vjp(partial(reference, tuple(sizes), lengths_b), x, h, c, weights)[1]
        return (*pull(pulls), jnp.zeros_like(lengths_b))

    monkeypatch.setattr(rnn, "lstm_fwd", forward)
    monkeypatch.setattr(rnn, "lstm_bwd", backward)
    return asked


def given(reverse: tuple[bool, ...]) -> LayerInputs:
    layer = make_layer(SIZES, reverse, masked=False)
    return layer._replace(lengths_b=jnp.asarray([6, 0, 1, 4, 0], jnp.int32))


@pytest.mark.parametrize("reverse", [BOTH, *slow(((False,),))])
def test_answers_and_gradients_equal_those_of_the_scans(calls, reverse: tuple[bool, ...]) -> None:
    pulls = make_pulls(SIZES, reverse)
    ours = jax.jit(partial(both, cudnn_layer, reverse))(given(reverse), pulls)
    assert [name for name, _ in calls] == ["forward", "backward"]
    assert_close(ours, jax.jit(partial(both, scanned_layer, reverse))(given(reverse), pulls), 1e-5)


@pytest.mark.slow
def test_members_are_computed_one_after_the_other(calls) -> None:
    del calls
    layers = [make_layer(SIZES, BOTH, seed, masked=False) for seed in range(3)]
    members = jax.tree.map(lambda *parts: jnp.stack(parts), *layers)
    members = members._replace(kernel_dfg=members.kernel_dfg[0])
    axes = LayerInputs(0, None, 0, 0, 0, 0, 0, None)  # type: ignore[arg-type]
    ours, truth = (
        jax.jit(jax.vmap(partial(gradient, f), (axes,)))(members)
        for f in (cudnn_layer, scanned_layer)
    )
    assert_close(ours, truth, 1e-5)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("highest", lax.Precision.HIGHEST),
        ("default", lax.Precision.HIGH),
        (None, lax.Precision.HIGH),
    ],
)
def test_precision_is_one_that_it_takes(asked: str | None, expected: lax.Precision) -> None:
    with jax.default_matmul_precision(asked):
        assert cudnn.sizes_of((False,), given((False,))) == (3, 4, 1, 0.0, False, expected)


@pytest.mark.slow
def test_all_rows_may_be_empty(calls) -> None:
    del calls
    layer = given(BOTH)._replace(lengths_b=jnp.zeros(5, jnp.int32))
    outputs, h, c = cudnn_layer(BOTH, layer)
    np.testing.assert_array_equal(outputs, np.zeros((5, 6, 2, 4)))
    np.testing.assert_array_equal(h, layer.h_dbh)
    np.testing.assert_array_equal(c, layer.c_dbh)
