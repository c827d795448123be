"""The LSTM recurrence as scans, for every device: what any other way is compared with.

Shapes: t time, b batch, f inputs, h hidden, d directions, g = 4h gates. Layers are batch-major,
scans time-major.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array


class LayerInputs(NamedTuple):
    """All that one layer is a function of; h and c are the carry, mask is recurrent dropout's."""

    x_btf: Array
    kernel_dfg: Array
    recurrent_dhg: Array
    bias_dg: Array
    h_dbh: Array
    c_dbh: Array
    lengths_b: Array | None
    mask_dbh: Array | None


Answer = tuple[Array, Array, Array]  # outputs_btdh, h_dbh, c_dbh, all in the carry's type


def scanned_layer(
    reverse: tuple[bool, ...], layer: LayerInputs, forward_mode: bool = False
) -> Answer:
    """`nets.recurrence.lstm` of arguments in their final types, by a scan for each direction.

    `forward_mode` leaves derivatives to jax: of every mode, in more memory.
    """
    run = _run if forward_mode else _direction
    x_tbf = jnp.swapaxes(layer.x_btf, 0, 1)
    outputs = []
    hidden = []
    cells = []
    for d, backwards in enumerate(reverse):
        weights = (layer.kernel_dfg[d], layer.recurrent_dhg[d], layer.bias_dg[d])
        mask_bh = None if layer.mask_dbh is None else layer.mask_dbh[d]
        given = _Direction(
            x_tbf, *weights, layer.h_dbh[d], layer.c_dbh[d], layer.lengths_b, mask_bh
        )
        h_tbh, h_bh, c_bh = run(backwards, given)
        outputs.append(jnp.swapaxes(h_tbh, 0, 1))
        hidden.append(h_bh)
        cells.append(c_bh)
    return jnp.stack(outputs, 2), jnp.stack(hidden), jnp.stack(cells)


class _Direction(NamedTuple):
    """All that one direction is a function of."""

    x_tbf: Array
    kernel_fg: Array
    recurrent_hg: Array
    bias_g: Array
    h_bh: Array
    c_bh: Array
    lengths_b: Array | None
    mask_bh: Array | None


Outputs = tuple[Array, Array, Array]  # h_tbh, zero beyond a row's length; final h_bh; final c_bh


def _run(reverse: bool, given: _Direction) -> Outputs:
    """One direction, nothing kept for a derivative."""
    x_tbf = given.x_tbf
    lengths_b = given.lengths_b
    mask_bh = given.mask_bh
    kernel_fg, recurrent_hg, bias_g = (
        _halved(part) for part in (given.kernel_fg, given.recurrent_hg, given.bias_g)
    )
    # In every step either the kernel or a projected batch passes through the cache: choose the
    # smaller. In a program for any number of rows that number is no integer.
    n_rows = x_tbf.shape[1]
    project_first = not isinstance(n_rows, int) or x_tbf.shape[2] > n_rows

    def step(carry, inputs):
        (h_bh, c_bh) = carry
        (x_bf, t) = inputs
        z_bg = x_bf if project_first else _product(x_bf, kernel_fg)
        i, f, n, o = _gates(
            z_bg + _product(_masked(h_bh, mask_bh), recurrent_hg, x_tbf.dtype) + bias_g[None]
        )
        new_c_bh = f * c_bh + i * n
        new_h_bh = o * jnp.tanh(new_c_bh)
        mask_b1 = _valid(t, lengths_b)
        carry = _where(mask_b1, new_h_bh, h_bh), _where(mask_b1, new_c_bh, c_bh)
        return carry, _where(mask_b1, new_h_bh, jnp.zeros_like(h_bh))

    inputs = (_product(x_tbf, kernel_fg) if project_first else x_tbf, jnp.arange(len(x_tbf)))
    (h_bh, c_bh), h_tbh = lax.scan(step, (given.h_bh, given.c_bh), inputs, reverse=reverse)
    return h_tbh, h_bh, c_bh


def _forward(reverse: bool, given: _Direction) -> tuple[Outputs, tuple]:
    """`_run`, and what `_backward` needs.

    On a CPU fresh memory costs as much as arithmetic, so one buffer of [t, b, 4h] holds in turn x
    W, the derivatives of the gates (both here) and, in `_backward`, the gradient of z. XLA updates
    it in place because each slice is read once and wholly before it is written;
    tests/nets/test_recurrence.py holds that.
    """
    x_tbf = given.x_tbf
    lengths_b = given.lengths_b
    mask_bh = given.mask_bh
    recurrent_hg = _halved(given.recurrent_hg)
    bias_g = _halved(given.bias_g)

    def step(carry, t):
        h_bh, c_bh, buffer_tbg = carry
        z_bg = lax.dynamic_index_in_dim(buffer_tbg, t, keepdims=False)
        i, f, n, o = _gates(
            z_bg + _product(_masked(h_bh, mask_bh), recurrent_hg, x_tbf.dtype) + bias_g[None]
        )
        new_c_bh = f * c_bh + i * n
        tanh_c_bh = jnp.tanh(new_c_bh)
        # dc/dz for i, f and n, dh/dz for o; then dh/dc and dc/dc_previous. A step beyond the end is
        # an identity.
        dz = (n * i * (1 - i), c_bh * f * (1 - f), i * (1 - n * n), tanh_c_bh * o * (1 - o))
        dh_dc_bh = o * (1 - tanh_c_bh * tanh_c_bh)
        mask_b1 = _valid(t, lengths_b)
        dz = [_where(mask_b1, part, jnp.zeros_like(part)) for part in dz]
        dh_dc_bh = _where(mask_b1, dh_dc_bh, jnp.zeros_like(f))
        dc_dc_bh = _where(mask_b1, f, jnp.ones_like(f))
        buffer_tbg = lax.dynamic_update_index_in_dim(buffer_tbg, jnp.concatenate(dz, -1), t, 0)
        new_h_bh = o * tanh_c_bh
        output_bh = _where(mask_b1, new_h_bh, jnp.zeros_like(h_bh))
        h_bh = _where(mask_b1, new_h_bh, h_bh)
        c_bh = _where(mask_b1, new_c_bh, c_bh)
        return (h_bh, c_bh, buffer_tbg), (output_bh, dh_dc_bh, dc_dc_bh)

    first = (given.h_bh, given.c_bh, _product(x_tbf, _halved(given.kernel_fg)))
    (h_bh, c_bh, buffer_tbg), (h_tbh, *slopes) = lax.scan(
        step, first, jnp.arange(len(x_tbf)), reverse=reverse
    )
    return (h_tbh, h_bh, c_bh), (given, h_tbh, slopes, buffer_tbg)


def _backward(reverse: bool, saved: tuple, gradients: Outputs) -> tuple[_Direction]:
    """The gradient of all in `given`: a scan for dz, then every weight's in one product."""
    given, h_tbh, slopes, buffer_tbg = saved
    x_tbf = given.x_tbf
    lengths_b = given.lengths_b
    mask_bh = given.mask_bh
    dtype = given.x_tbf.dtype
    n_steps, n_rows, n_inputs = x_tbf.shape
    recurrent_gh = given.recurrent_hg.T

    def step(carry, inputs):
        dh_bh, dc_bh, buffer_tbg = carry
        output_dh_bh, (dh_dc_bh, dc_dc_bh), t = inputs
        i, f, n, o = jnp.split(lax.dynamic_index_in_dim(buffer_tbg, t, keepdims=False), 4, -1)
        mask_b1 = _valid(t, lengths_b)
        dh_bh = dh_bh + _where(mask_b1, output_dh_bh, jnp.zeros_like(dh_bh))
        dc_bh = dc_bh + dh_bh * dh_dc_bh
        dz_bg = jnp.concatenate([dc_bh * i, dc_bh * f, dc_bh * n, dh_bh * o], -1)
        buffer_tbg = lax.dynamic_update_index_in_dim(buffer_tbg, dz_bg, t, 0)
        before_bh = _masked(_product(dz_bg, recurrent_gh, dtype), mask_bh)
        return (_where(mask_b1, before_bh, dh_bh), dc_bh * dc_dc_bh, buffer_tbg), None

    (dh_tbh, dh_bh, dc_bh) = gradients
    steps = jnp.arange(n_steps)
    (dh_bh, dc_bh, dz_tbg), _ = lax.scan(
        step, (dh_bh, dc_bh, buffer_tbg), (dh_tbh, slopes, steps), reverse=not reverse
    )
    before_tbh = _states_before(reverse, given, h_tbh, steps)
    # A column of ones makes the bias a weight like the others: dz is read once for all three.
    masked_tbh = before_tbh if mask_bh is None else before_tbh * mask_bh[None]
    left_tbk = jnp.concatenate(
        [x_tbf, masked_tbh.astype(dtype), jnp.ones((n_steps, n_rows, 1), dtype)], -1
    )
    left_nk, dz_ng = (part.reshape(n_steps * n_rows, part.shape[-1]) for part in (left_tbk, dz_tbg))
    weights_kg = _product(left_nk.T, dz_ng, dtype)
    dmask_bh = None
    # A mask of dropout is a constant; what nobody asks for, XLA leaves out.
    if mask_bh is not None:
        dmask_bh = (before_tbh * _product(dz_tbg, recurrent_gh, dtype)).sum(0)
    return (
        _Direction(
            x_tbf=_product(dz_tbg, given.kernel_fg.T, dtype).astype(dtype),
            kernel_fg=weights_kg[:n_inputs].astype(dtype),
            recurrent_hg=weights_kg[n_inputs:-1].astype(dtype),
            bias_g=weights_kg[-1],
            h_bh=dh_bh,
            c_bh=dc_bh,
            lengths_b=None,
            mask_bh=dmask_bh,
        ),
    )


def _states_before(reverse: bool, given: _Direction, h_tbh: Array, steps_t: Array) -> Array:
    """The hidden state that each step begins with [t, b, h]."""
    h_1bh = given.h_bh[None]
    before_tbh = (
        jnp.concatenate([h_tbh, h_1bh])[1:] if reverse else jnp.concatenate([h_1bh, h_tbh])[:-1]
    )
    if reverse and given.lengths_b is not None:
        last_tb = steps_t[:, None] == given.lengths_b[None] - 1
        before_tbh = jnp.where(last_tb[:, :, None], h_1bh, before_tbh)
    return before_tbh


_direction = jax.custom_vjp(_run, nondiff_argnums=(0,))
_direction.defvjp(_forward, _backward)


def _halved(weights: Array) -> Array:
    """Columns of i, f and o halved, so that one tanh over all gates is enough.

    sigmoid(z) = tanh(z/2)/2 + 1/2.
    """
    half = jnp.full(weights.shape[-1] // 4, 0.5, weights.dtype)
    one = jnp.ones(weights.shape[-1] // 4, weights.dtype)
    scale_g = jnp.concatenate([half, half, one, half])
    return weights * jnp.expand_dims(scale_g, range(weights.ndim - 1))


def _gates(halved_z_bg: Array) -> tuple[Array, Array, Array, Array]:
    """i, f, n, o from z whose i, f and o are halved."""
    i, f, n, o = jnp.split(jnp.tanh(halved_z_bg), 4, -1)
    return 0.5 * i + 0.5, 0.5 * f + 0.5, n, 0.5 * o + 0.5


def _product(a: Array, b: Array, dtype: jnp.dtype | None = None) -> Array:
    """a @ b of operands cast to `dtype`, summed in at least float32."""
    a = a if dtype is None else a.astype(dtype)
    b = b if dtype is None else b.astype(dtype)
    return jnp.matmul(a, b, preferred_element_type=jnp.promote_types(b.dtype, jnp.float32))


def _masked(h_bh: Array, mask_bh: Array | None) -> Array:
    return h_bh if mask_bh is None else h_bh * mask_bh


def _valid(t: Array, lengths_b: Array | None) -> Array | None:
    return None if lengths_b is None else (t < lengths_b)[:, None]


def _where(mask_b1: Array | None, new: Array, old: Array) -> Array:
    return new if mask_b1 is None else jnp.where(mask_b1, new, old)
