"""What programs that call the compiled LSTM core hold: its calls, and no copies around them."""

from __future__ import annotations

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from nets.kernels.lstm import native_layer
from nets.lstm import LSTM
from nets.recurrence import lstm
from nets.recurrence_scan import LayerInputs, scanned_layer
from tests.marks import needs_kernels
from tests.nets.lstm_layers import (
    REVERSE,
    SMALL,
    TOLERANCE,
    assert_close,
    gradient,
    loss,
    make_layer,
    members,
    scanned_gradient,
)

pytestmark = needs_kernels()


def test_the_door_leads_to_the_kernel_and_float64_past_it() -> None:
    layer = make_layer(SMALL, REVERSE)

    def program(dtype: type) -> str:
        arrays = [a.astype(dtype) for a in layer[:4]]
        return jax.jit(lambda *given: lstm(*given, reverse=REVERSE)).lower(*arrays).as_text()

    assert "denseq_lstm_forward" in program(jnp.float32) and "while" not in program(jnp.float32)
    assert "denseq_lstm_forward" in program(jnp.bfloat16)
    with jax.enable_x64(True):
        assert "denseq_" not in program(jnp.float64)


def test_a_program_for_another_device_gets_the_scans() -> None:
    layer = make_layer(SMALL, REVERSE)
    exported = jax.export.export(
        jax.jit(lambda *given: lstm(*given, reverse=REVERSE)), platforms=["cuda"]
    )(*layer[:4])
    assert "denseq_" not in exported.mlir_module()


def test_shared_inputs_are_not_copied() -> None:
    stacked = members(3)
    x = stacked.x_btf[0]
    axes = LayerInputs(None, *(0,) * 7)
    program = jax.jit(jax.vmap(partial(native_layer, REVERSE), in_axes=(axes,))).lower(
        stacked._replace(x_btf=x)
    )
    n_rows, n_steps, n_inputs, _ = SMALL
    assert f"tensor<1x{n_rows}x{n_steps}x{n_inputs}xf32>" in program.as_text()
    assert f"tensor<3x{n_rows}x{n_steps}x{n_inputs}xf32>" not in program.as_text()


def test_the_gradient_of_x_is_taken_only_where_it_is_asked_for() -> None:
    layer = make_layer(SMALL, REVERSE)
    n_rows, n_steps, n_inputs, _ = SMALL

    def of_weights(kernel_dfg: jax.Array) -> jax.Array:
        return loss(native_layer, REVERSE, layer._replace(kernel_dfg=kernel_dfg))

    asked = f"tensor<2x{n_rows}x{n_steps}x{n_inputs}xf32>"
    assert asked not in jax.jit(jax.grad(of_weights)).lower(layer.kernel_dfg).as_text()
    assert asked in jax.jit(partial(gradient, native_layer)).lower(layer).as_text()
    assert_close(jax.grad(of_weights)(layer.kernel_dfg), scanned_gradient(layer).kernel_dfg)


def test_a_step_of_training_copies_neither_weights_nor_outputs() -> None:
    b, t, f, h = SMALL
    net = LSTM((h,), bidirectional=True)
    x_btf = jnp.ones((b, t, f))
    params = net.init(jax.random.key(0), x_btf)

    def loss_of(params: dict) -> jax.Array:
        return jnp.sum(jnp.sin(net.apply(params, x_btf)[0]))  # type: ignore[arg-type]

    program = jax.jit(jax.grad(loss_of)).lower(params).compile().as_text()
    assert "denseq_lstm_backward" in program
    weights = (f"2,{f},{4 * h}", f"2,{h},{4 * h}", f"2,{4 * h}")
    outputs = (f"{b},{t},2,{h}", f"{t},{b},2,{h}", f"{b},{t},{2 * h}", f"{t},{b},{2 * h}")
    for shape in (*weights, *outputs):
        assert not re.findall(rf"f32\[{shape}\]\S* (?:copy|transpose|concatenate)\(", program), (
            shape
        )


@pytest.mark.slow
def test_where_nothing_hangs_on_single_steps_no_zeros_are_made_for_them() -> None:
    layer = make_layer(SMALL, REVERSE)
    n_rows, n_steps, _, size = SMALL

    def of_carry(function, numbers: LayerInputs) -> jax.Array:
        _, h_dbh, c_dbh = function(REVERSE, numbers._replace(lengths_b=layer.lengths_b))
        return jnp.sum(jnp.sin(h_dbh)) + jnp.sum(c_dbh**2)

    def curvature(function, numbers: LayerInputs) -> jax.Array:
        return sum(
            jnp.sum(jnp.sin(s))
            for s in jax.tree.leaves(jax.grad(partial(of_carry, function))(numbers))
        )

    numbers = layer._replace(lengths_b=None)
    program = jax.jit(jax.grad(partial(of_carry, native_layer))).lower(numbers).as_text()
    backward = next(line for line in program.splitlines() if "denseq_lstm_backward" in line)
    # The answer, and no zeros of its shape.
    assert backward.count(f"tensor<{n_rows}x{n_steps}x2x{size}xf32>") == 1
    for of, tolerance in ((of_carry, TOLERANCE), (curvature, 1e-5)):
        ours, truth = (
            jax.jit(jax.grad(partial(of, function)))(numbers)
            for function in (native_layer, scanned_layer)
        )
        assert_close(ours, truth, tolerance)
    together = jax.jit(jax.vmap(jax.grad(partial(of_carry, native_layer))))(
        members(2)._replace(lengths_b=None)
    )
    for k in range(2):
        alone = jax.grad(partial(of_carry, scanned_layer))(
            make_layer(SMALL, REVERSE, k)._replace(lengths_b=None)
        )
        assert_close(jax.tree.map(lambda part, k=k: part[k], together), alone)
