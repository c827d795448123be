"""The gates of the compiled LSTM core against float64 formulas, far out on both sides."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.kernels.lstm import native_layer
from nets.recurrence_scan import LayerInputs, scanned_layer
from tests.marks import needs_kernels, slow

pytestmark = needs_kernels()

OPEN = 100.0
UNIT = 2.0**-24  # half of what float32 can tell apart just above 1
# Where each function turns, far beyond where it is flat, and close to zero.
NEAR = np.linspace(-20, 20, 801)
GRID = np.concatenate([np.linspace(-100, 100, 801), NEAR, 10.0 ** np.arange(-30, 1)])
GRID = np.unique(np.float32(GRID))
REVERSE = (False,)


class Gates(NamedTuple):
    """One function of each number of the grid: its value, and its derivative."""

    value: np.ndarray
    slope: np.ndarray


def layer_of(x_b: np.ndarray, weights: np.ndarray, bias: np.ndarray, c_bh: np.ndarray):
    """One step of as many units as there are columns, without a state before it but c."""
    n_rows, size = c_bh.shape
    zeros = jnp.zeros((1, n_rows, size))
    return LayerInputs(
        x_btf=jnp.asarray(x_b)[:, None, None],
        kernel_dfg=jnp.asarray(weights, jnp.float32).reshape(1, 1, 4 * size),
        recurrent_dhg=jnp.zeros((1, size, 4 * size)),
        bias_dg=jnp.asarray(bias, jnp.float32).reshape(1, 4 * size),
        h_dbh=zeros,
        c_dbh=jnp.asarray(c_bh, jnp.float32)[None],
        lengths_b=None,
        mask_dbh=None,
    )


@pytest.fixture(scope="module")
def gates() -> dict[str, Gates]:
    """sigmoid by the forget and by the output gate, tanh by the new value and by the cell.

    Unit 0's cell is f c with c = 1; unit 1's is n, unit 2's answer is o tanh(50), unit 3's is
    tanh(c) of the number itself.
    """
    #             units 0, 1, 2, 3 of the gates i, f, n, o
    weights = [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    bias = [[OPEN] * 4, [0, OPEN, OPEN, OPEN], [0, 0, 0, 0], [OPEN, OPEN, 0, OPEN]]
    ones = np.ones_like(GRID)
    c_bh = np.stack([ones, 0 * ones, 50 * ones, GRID], 1)
    layer = layer_of(GRID, np.array(weights), np.array(bias), c_bh)

    def answers(x_btf: jax.Array, c_dbh: jax.Array) -> tuple[jax.Array, jax.Array]:
        _, h_dbh, c_after_dbh = native_layer(REVERSE, layer._replace(x_btf=x_btf, c_dbh=c_dbh))
        return h_dbh[0], c_after_dbh[0]

    @jax.jit
    def all_of(x_btf: jax.Array, c_dbh: jax.Array):
        (h_bh, c_bh), pull = jax.vjp(answers, x_btf, c_dbh)

        def slope(of_h: bool, unit: int) -> tuple[jax.Array, jax.Array]:
            one = jnp.zeros_like(h_bh).at[:, unit].set(1.0)
            none = jnp.zeros_like(h_bh)
            dx_btf, dc_dbh = pull((one, none) if of_h else (none, one))
            return dx_btf[:, 0, 0], dc_dbh[0, :, unit]

        return {
            "forget": (c_bh[:, 0], slope(False, 0)[0]),
            "new": (c_bh[:, 1], slope(False, 1)[0]),
            "output": (h_bh[:, 2], slope(True, 2)[0]),
            "cell": (h_bh[:, 3], slope(True, 3)[1]),
        }

    made = all_of(layer.x_btf, layer.c_dbh)
    return {name: Gates(*(np.asarray(part) for part in pair)) for name, pair in made.items()}


def exact_sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@pytest.mark.parametrize("name", ["forget", "output"])
def test_a_gate_is_the_sigmoid_to_its_last_digits_on_both_sides(
    name: str, gates: dict[str, Gates]
) -> None:
    value, slope = gates[name]
    truth = exact_sigmoid(GRID)
    np.testing.assert_allclose(value, truth, atol=2 * UNIT, rtol=0)
    inside = GRID >= -87  # beyond, float32 has no digits left
    np.testing.assert_allclose(value[inside], truth[inside], rtol=10 * UNIT)
    assert (value[~inside] <= 2e-38).all()
    assert (value[GRID > 17.4] == 1).all()
    assert value[GRID == 0] == 0.5
    # s (1 - s): as good as the stored s allows.
    np.testing.assert_allclose(slope, truth * (1 - truth), atol=2 * UNIT, rtol=0)
    small = inside & (GRID < -1)
    np.testing.assert_allclose(slope[small], (truth * (1 - truth))[small], rtol=12 * UNIT)
    assert (slope[GRID > 17.4] == 0).all()


@pytest.mark.parametrize("name", ["new", "cell"])
def test_tanh_ends_at_one_and_keeps_its_digits_near_zero(
    name: str, gates: dict[str, Gates]
) -> None:
    value, slope = gates[name]
    truth = np.tanh(GRID.astype(np.float64))
    np.testing.assert_allclose(value, truth, rtol=8 * UNIT)
    assert (np.abs(value) <= 1).all()
    assert (value[np.abs(GRID) > 9.03] == np.sign(GRID[np.abs(GRID) > 9.03])).all()
    np.testing.assert_allclose(slope, 1 - truth**2, atol=16 * UNIT, rtol=0)


# At 17.5 the scans too must be compiled as users have them: the fast suite rounds their tanh.
@pytest.mark.parametrize("forget", [OPEN, *slow(17.5)])
def test_a_carry_lasts_where_its_gate_is_open(forget: float) -> None:
    n_steps = 5000
    x_b = np.zeros(1, np.float32)
    bias = np.array([[-OPEN], [forget], [0.0], [0.0]])
    layer = layer_of(x_b, np.zeros(4), bias, np.ones((1, 1)))
    layer = layer._replace(x_btf=jnp.zeros((1, n_steps, 1)))
    ours = native_layer(REVERSE, layer)
    truth = scanned_layer(REVERSE, layer)
    assert ours[2].item() == truth[2].item() == 1.0
    np.testing.assert_allclose(ours[0], truth[0], rtol=4 * UNIT)
