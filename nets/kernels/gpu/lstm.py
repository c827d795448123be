"""An LSTM layer by the GPU's own kernel (lstm_forward.cu, lstm_backward.cu), for float32.

The kernel does the recurrence alone. x W + b before it, and the gradients of x and all weights
after it, are one product each for all steps, which XLA gives to its library.

Shapes: m members, t time, b batch, f inputs, h hidden, d directions, g = 4h gates.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array
from nets.kernels.gpu import library
from nets.kernels.gpu.plan import Asked, Pass, Unfit, plan
from nets.kernels.lstm_passes import Cotangents, Passes, Saved, layer_by
from nets.recurrence_scan import Answer, LayerInputs


def gpu_layer(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
    """What `scanned_layer` gives, its recurrence computed by the kernel, in float32.

    Raises ValueError where the layer fits no launch (plan.py), `compiling.Unavailable` where there
    is no kernel.
    """
    return layer_by(PASSES, reverse, layer)


def _forward(reverse: tuple[bool, ...], layer: LayerInputs, keep: bool) -> tuple[Answer, Saved]:
    z_btdg = _product("btf,dfg->btdg", layer.x_btf, layer.kernel_dfg) + layer.bias_dg[None, None]
    lengths_b, mask_dbh = _options(layer)
    given = (
        z_btdg,
        layer.recurrent_dhg.astype(jnp.float32),
        layer.h_dbh,
        layer.c_dbh,
        lengths_b,
        mask_dbh,
    )
    outputs_btdh, h_dbh, c_dbh, gates_btdg, cells_btdh = _call("forward", reverse, keep, given)
    return (outputs_btdh, h_dbh, c_dbh), Saved(outputs_btdh, gates_btdg, cells_btdh)


def _backward(
    reverse: tuple[bool, ...],
    needs_x: bool,
    layer: LayerInputs,
    saved: Saved,
    cotangents: Cotangents,
) -> LayerInputs:
    dtype = layer.x_btf.dtype
    lengths_b, mask_dbh = _options(layer)
    pull_btdh, *pulls = cotangents
    given = (
        layer.recurrent_dhg.astype(jnp.float32),
        layer.c_dbh,
        lengths_b,
        mask_dbh,
        saved.gates,
        saved.cells,
        _nothing() if pull_btdh is None else pull_btdh,
        *pulls,
    )
    dz_btdg, dh_dbh, dc_dbh = _call("backward", reverse, False, given)
    before_btdh = _before(reverse, layer, saved.outputs_btdh)
    masked_btdh = before_btdh
    dmask_dbh = None
    if layer.mask_dbh is not None:
        masked_btdh = before_btdh * jnp.moveaxis(layer.mask_dbh, 0, 1)[:, None]
        # A mask of dropout is a constant; what nobody asks for, XLA leaves out.
        pull_btdh = _product("btdg,dhg->btdh", dz_btdg.astype(dtype), layer.recurrent_dhg)
        dmask_dbh = jnp.moveaxis((before_btdh * pull_btdh).sum(1), 1, 0)
    narrow_btdg = dz_btdg.astype(dtype)
    dx_btf = None
    if needs_x:
        dx_btf = _product("btdg,dfg->btf", narrow_btdg, layer.kernel_dfg).astype(dtype)
    kernel_dfg = _product("btf,btdg->dfg", layer.x_btf, narrow_btdg)
    recurrent_dhg = _product("btdh,btdg->dhg", masked_btdh.astype(dtype), narrow_btdg)
    return LayerInputs(
        x_btf=dx_btf,  # type: ignore[arg-type]
        kernel_dfg=kernel_dfg.astype(dtype),
        recurrent_dhg=recurrent_dhg.astype(dtype),
        bias_dg=dz_btdg.sum((0, 1)),
        h_dbh=dh_dbh,
        c_dbh=dc_dbh,
        lengths_b=None,
        mask_dbh=dmask_dbh,
    )


PASSES = Passes(_forward, _backward)


def _before(reverse: tuple[bool, ...], layer: LayerInputs, outputs_btdh: Array) -> Array:
    """The h that each step began with; any number where a row has no such step."""
    parts = []
    for d, backwards in enumerate(reverse):
        first_b1h = layer.h_dbh[d][:, None]
        outputs_bth = outputs_btdh[:, :, d]
        if not backwards:
            parts.append(jnp.concatenate([first_b1h, outputs_bth[:, :-1]], 1))
            continue
        before_bth = jnp.concatenate([outputs_bth[:, 1:], first_b1h], 1)
        if layer.lengths_b is not None:
            steps = jnp.arange(outputs_bth.shape[1])
            is_first_bt = steps[None] == layer.lengths_b[:, None] - 1
            before_bth = jnp.where(is_first_bt[..., None], first_b1h, before_bth)
        parts.append(before_bth)
    return jnp.stack(parts, 2)


def _options(layer: LayerInputs) -> tuple[Array, Array]:
    """Lengths, those of whole rows if none are given, and the mask, empty if there is none."""
    n_rows, n_steps, _ = layer.x_btf.shape
    lengths_b = jnp.full((n_rows,), n_steps) if layer.lengths_b is None else layer.lengths_b
    mask_dbh = _nothing() if layer.mask_dbh is None else layer.mask_dbh
    return lengths_b.astype(jnp.int32), mask_dbh


def _nothing() -> Array:
    return jnp.zeros((0,), jnp.float32)


def _product(axes: str, a: Array, b: Array) -> Array:
    """Of operands in their own type, summed in float32."""
    return jnp.einsum(axes, a, b, preferred_element_type=jnp.float32)


def _call(
    which: Pass, reverse: tuple[bool, ...], keep: bool, given: Sequence[Array]
) -> list[Array]:
    """What a pass of the kernel gives of a layer."""
    results = _launcher(which, reverse, keep)(*(array[None] for array in given))
    return [array[0] for array in results]


@functools.cache
def _launcher(
    which: Pass, reverse: tuple[bool, ...], keep: bool
) -> Callable[..., tuple[Array, ...]]:
    """A pass over all members, the first axis of each array, which vmap makes longer."""

    @jax.custom_batching.custom_vmap
    def launch(*given_m: Array) -> tuple[Array, ...]:
        return _launch(which, reverse, keep, given_m)

    @launch.def_vmap
    def _(n: int, is_batched: Sequence[bool], *given: Array) -> tuple:
        given_nm = (
            array if batched else jnp.broadcast_to(array, (n, *array.shape))
            for array, batched in zip(given, is_batched, strict=True)
        )
        made_m = launch(*(a.reshape(n * a.shape[1], *a.shape[2:]) for a in given_nm))
        made_nm = tuple(a.reshape(n, a.shape[0] // n, *a.shape[1:]) for a in made_m)
        return made_nm, tuple(True for _ in made_nm)

    return launch


def _launch(
    which: Pass, reverse: tuple[bool, ...], keep: bool, given: Sequence[Array]
) -> tuple[Array, ...]:
    carry = given[2] if which == "forward" else given[1]
    n_members, n_directions, n_rows, size = carry.shape
    of_steps = given[0] if which == "forward" else given[4]  # z, or the gates
    steps = of_steps.shape[:-1]
    if which == "forward":
        kept = steps if keep else (n_members, 0)  # no number at all: not kept
        shapes = ((*steps, size), carry.shape, carry.shape, (*kept, 4 * size), (*kept, size))
    else:
        shapes = ((*steps, 4 * size), carry.shape, carry.shape)
    found = library.find()
    launch = plan(which, Asked(n_members, n_directions, n_rows, size), found.card)
    if isinstance(launch, Unfit):
        raise ValueError(f"no LSTM kernel: {launch.reason}")
    call = jax.ffi.ffi_call(
        library.TARGETS[which], [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    )
    return tuple(
        call(
            *given,
            key=found.key(which, launch),
            block_rows=np.int64(launch.rows),
            threads=np.int64(launch.threads),
            shared_bytes=np.int64(launch.shared_bytes),
            reverse=np.int64(sum(1 << d for d, backwards in enumerate(reverse) if backwards)),
        )
    )
