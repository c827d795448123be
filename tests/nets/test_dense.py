"""Dense nets against plain loops in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import flax
import jax
import numpy as np
import pytest
from small_nets import applied, drawn, initial, keep_mask

from nets.activations import ACTIVATIONS
from nets.dense import BatchNorm, Dense
from nets.linear import INITIALIZERS, Linear

KEY = jax.random.key(0)
X_BF = np.random.default_rng(3).normal(size=(24, 5)).astype(np.float32)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def initialise(net: Dense | Linear, **options: bool) -> dict:
    return drawn(net, X_BF, **options)


def forward(
    params: dict,
    x_bf: np.ndarray,
    activation: Callable = relu,
    *,
    residual: bool = False,
    ntk: bool = False,
    slope: bool = False,
) -> np.ndarray:
    """The net as an explicit loop over layers, rows and units."""
    for i in range(sum(name.startswith("layer_") for name in params)):
        kernel = np.asarray(params[f"layer_{i}"]["kernel"], np.float64)
        bias = np.asarray(params[f"layer_{i}"]["bias"], np.float64)
        h_bh = np.zeros((len(x_bf), len(bias)))
        for row in range(len(x_bf)):
            for unit in range(len(bias)):
                total = sum(float(x) * w for x, w in zip(x_bf[row], kernel[:, unit], strict=True))
                h_bh[row, unit] = total / (np.sqrt(len(kernel)) if ntk else 1) + bias[unit]
        a_bh = activation(h_bh)
        if slope:
            s_h = np.asarray(params[f"slope_{i}"], np.float64)
            a_bh = s_h * a_bh + (1 - s_h) * h_bh
        x_bf = x_bf + a_bh if residual and x_bf.shape == a_bh.shape else a_bh
    return x_bf


def test_a_plain_net_equals_the_loop() -> None:
    net = Dense((7, 3))
    variables = initialise(net, train=False)
    y_bh = applied(net, variables, X_BF, train=False)
    np.testing.assert_allclose(y_bh, forward(variables["params"], X_BF), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["tanh", "selu", "mish", "gelu"])
def test_the_named_activation_is_used_in_every_layer(name: str) -> None:
    net = Dense((6, 4), activation=name)
    variables = initialise(net, train=False)
    wanted = forward(
        variables["params"],
        X_BF,
        lambda h: np.asarray(jax.jit(ACTIVATIONS[name])(h.astype(np.float32))),
    )
    np.testing.assert_allclose(
        applied(net, variables, X_BF, train=False), wanted, rtol=1e-4, atol=1e-5
    )


def test_residual_adds_the_input_where_widths_agree() -> None:
    # The first two and the last add theirs, the third cannot.
    net = Dense((5, 5, 4, 4), residual=True)
    variables = initialise(net, train=False)
    y_bh = applied(net, variables, X_BF, train=False)
    np.testing.assert_allclose(
        y_bh, forward(variables["params"], X_BF, residual=True), rtol=1e-5, atol=1e-5
    )
    assert not np.allclose(y_bh, forward(variables["params"], X_BF), atol=0.1)


def test_activation_slope_mixes_activation_and_identity() -> None:
    net = Dense((7, 3), activation_slope=True)
    variables = initialise(net, train=False)
    wanted = forward(variables["params"], X_BF, slope=True)
    np.testing.assert_allclose(
        applied(net, variables, X_BF, train=False), wanted, rtol=1e-5, atol=1e-5
    )


def test_activation_slope_starts_as_the_plain_net() -> None:
    net = Dense((7, 3), activation_slope=True)
    params = initial(net, X_BF, train=False)["params"]
    for i, width in enumerate((7, 3)):
        np.testing.assert_array_equal(params[f"slope_{i}"], np.ones(width))
    y_bh = applied(net, {"params": params}, X_BF, train=False)
    plain = {name: layer for name, layer in params.items() if name.startswith("layer")}
    wanted = applied(Dense((7, 3)), {"params": plain}, X_BF, train=False)
    np.testing.assert_allclose(y_bh, wanted, atol=1e-6)


def test_no_hidden_layer_is_the_identity() -> None:
    net = Dense(())
    variables = drawn(net, X_BF, train=False)
    assert not jax.tree.leaves(variables)
    np.testing.assert_array_equal(applied(net, variables, X_BF, train=True), X_BF)


def test_ntk_divides_by_the_root_of_the_inputs_and_starts_normal() -> None:
    net = Dense((7, 3), parametrization="ntk")
    variables = initialise(net, train=False)
    wanted = forward(variables["params"], X_BF, ntk=True)
    np.testing.assert_allclose(
        applied(net, variables, X_BF, train=False), wanted, rtol=1e-5, atol=1e-5
    )
    row = np.ones((1, 300), np.float32)
    wide = initial(Linear(400, parametrization="ntk"), row)["params"]["kernel"]
    assert abs(wide.std() - 1) < 0.01 and abs(wide.mean()) < 0.015


def test_ntk_outputs_are_of_order_one_at_every_width() -> None:
    for width in (16, 1024):
        x_bf = np.random.default_rng(0).normal(size=(64, width)).astype(np.float32)
        net = Linear(width, parametrization="ntk")
        y_bf, _ = jax.jit(net.init_with_output)(KEY, x_bf)
        assert 0.8 < float(np.std(y_bf)) < 1.2


def test_zeros_are_zeros_in_either_parametrization() -> None:
    for parametrization in ("standard", "ntk"):
        kernel = initial(Linear(4, "zeros", parametrization), X_BF)["params"]["kernel"]
        np.testing.assert_array_equal(kernel, np.zeros((5, 4)))


# Deviations for 60 inputs and 80 outputs, from Glorot & Bengio 2010, He et al. 2015 and LeCun et
# al. 1998.
SPREADS = {
    "glorot_uniform": np.sqrt(2 / 140),
    "glorot_normal": np.sqrt(2 / 140),
    "he_uniform": np.sqrt(2 / 60),
    "he_normal": np.sqrt(2 / 60),
    "lecun_uniform": np.sqrt(1 / 60),
    "lecun_normal": np.sqrt(1 / 60),
}


@pytest.mark.parametrize("name", sorted(SPREADS))
def test_initial_weights_have_the_deviation_of_their_paper(name: str) -> None:
    kernel = np.asarray(jax.jit(INITIALIZERS[name], static_argnums=1)(KEY, (60, 80)))
    assert abs(kernel.std() / SPREADS[name] - 1) < 0.04
    if name.endswith("uniform"):
        assert np.abs(kernel).max() <= SPREADS[name] * np.sqrt(3)


def test_orthogonal_columns_are_orthonormal() -> None:
    kernel = np.asarray(jax.jit(INITIALIZERS["orthogonal"], static_argnums=1)(KEY, (60, 20)))
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(20), atol=1e-5)


def batch_norm_steps(
    batches: list[np.ndarray], momentum: float = 0.99, epsilon: float = 1e-3
) -> tuple:
    """Keras' formulas in float64: outputs of each training batch, then the moving moments."""
    mean = 0.0
    var = 1.0
    outputs = []
    for x_bf in (batch.astype(np.float64) for batch in batches):
        outputs.append((x_bf - x_bf.mean(0)) / np.sqrt(x_bf.var(0) + epsilon))
        mean = momentum * mean + (1 - momentum) * x_bf.mean(0)
        var = momentum * var + (1 - momentum) * x_bf.var(0)
    return outputs, mean, var


def test_batch_norm_equals_the_formulas_of_keras() -> None:
    noise = np.random.default_rng(0)
    batches = [(3 + 2 * noise.normal(size=(16, 4))).astype(np.float32) for _ in range(5)]
    outputs, mean, var = batch_norm_steps(batches)
    net = BatchNorm()
    variables = initial(net, batches[0], None, train=True)
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], np.zeros(4))
    np.testing.assert_array_equal(variables["batch_stats"]["var"], np.ones(4))
    for x_bf, wanted in zip(batches, outputs, strict=True):
        y_bf, moved = applied(net, variables, x_bf, None, train=True, mutable=("batch_stats",))
        variables = variables | moved
        np.testing.assert_allclose(y_bf, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(variables["batch_stats"]["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(variables["batch_stats"]["var"], var, rtol=1e-5)
    inference = applied(net, variables, batches[0], None, train=False)
    np.testing.assert_allclose(
        inference, (batches[0] - mean) / np.sqrt(var + 1e-3), rtol=1e-4, atol=1e-5
    )


def test_batch_norm_equals_keras() -> None:
    keras = pytest.importorskip("keras", exc_type=ImportError)
    theirs = keras.layers.BatchNormalization()
    ours = BatchNorm()
    variables = ours.init(KEY, X_BF, None, train=True)
    for shift in (0, 1, 2):
        wanted = theirs(X_BF + shift, training=True)
        y_bf, moved = ours.apply(
            variables, X_BF + shift, None, train=True, mutable=("batch_stats",)
        )
        variables = variables | moved
        np.testing.assert_allclose(y_bf, np.asarray(wanted), rtol=1e-4, atol=1e-5)
    wanted = theirs(X_BF, training=False)
    np.testing.assert_allclose(
        ours.apply(variables, X_BF, None, train=False), np.asarray(wanted), rtol=1e-4, atol=1e-5
    )


def test_batch_norm_scales_and_shifts_by_its_parameters() -> None:
    net = BatchNorm()
    variables = initial(net, X_BF, None, train=False)
    params = {"scale": np.arange(1.0, 6.0), "bias": np.arange(5.0)}
    y_bf = net.apply(variables | {"params": params}, X_BF, None, train=False)
    wanted = X_BF / np.sqrt(1 + 1e-3) * np.arange(1, 6)[None] + np.arange(5)[None]
    np.testing.assert_allclose(y_bf, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_padding", [1, 8, 40])
def test_batch_norm_ignores_padding_rows(n_padding: int) -> None:
    padded_bf = np.concatenate([X_BF, np.full((n_padding, 5), 1e4, np.float32)])
    weight_b = np.concatenate([np.linspace(0.5, 2, len(X_BF)), np.zeros(n_padding)]).astype(
        np.float32
    )
    net = BatchNorm()
    variables = initial(net, X_BF, None, train=True)
    y_bf, moved = applied(net, variables, X_BF, None, train=True, mutable=("batch_stats",))
    padded_y_bf, padded_moved = applied(
        net, variables, padded_bf, weight_b, train=True, mutable=("batch_stats",)
    )
    np.testing.assert_allclose(padded_y_bf[: len(X_BF)], y_bf, rtol=1e-5, atol=1e-5)
    for name in ("mean", "var"):
        ours = padded_moved["batch_stats"][name]
        theirs = moved["batch_stats"][name]
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_batch_norm_learns_nothing_from_a_batch_of_padding() -> None:
    net = BatchNorm()
    variables = {"params": {"scale": np.ones(5), "bias": np.zeros(5)}}
    variables["batch_stats"] = {"mean": np.full(5, 3.0), "var": np.full(5, 4.0)}
    y_bf, moved = applied(
        net, variables, X_BF, np.zeros(len(X_BF), np.float32), train=True, mutable=("batch_stats",)
    )
    np.testing.assert_array_equal(moved["batch_stats"]["mean"], np.full(5, 3))
    np.testing.assert_array_equal(moved["batch_stats"]["var"], np.full(5, 4))
    assert np.isfinite(y_bf).all()


def test_a_net_hands_weights_to_its_batch_norm() -> None:
    net = Dense((6, 4), norm="batch")
    variables = drawn(net, X_BF, train=False)
    padded_bf = np.concatenate([X_BF, np.full((8, 5), 1e3, np.float32)])
    weight_b = np.concatenate([np.ones(len(X_BF)), np.zeros(8)]).astype(np.float32)
    y_bh, moved = applied(net, variables, X_BF, None, train=True, mutable=("batch_stats",))
    padded_y_bh, padded = applied(
        net, variables, padded_bf, weight_b, train=True, mutable=("batch_stats",)
    )
    np.testing.assert_allclose(padded_y_bh[: len(X_BF)], y_bh, rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), padded, moved)
    assert not np.allclose(moved["batch_stats"]["norm_1"]["mean"], 0)


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_layer_norm_is_taken_over_the_units_of_a_row(offset: float) -> None:
    net = Dense((8,), activation="linear", norm="layer")
    variables = initialise(net, train=False)
    variables["params"]["layer_0"]["bias"] = np.full(8, offset)
    variables["params"]["norm_0"] = {"scale": np.ones(8), "bias": np.zeros(8)}
    y_bh = applied(net, variables, X_BF, train=False)
    h_bh = X_BF.astype(np.float64) @ np.asarray(
        variables["params"]["layer_0"]["kernel"], np.float64
    )
    wanted = (h_bh - h_bh.mean(1, keepdims=True)) / np.sqrt(h_bh.var(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(y_bh, wanted, rtol=1e-4, atol=1e-4 if offset == 0 else 2e-3)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norm_comes_before_the_activation(norm: str) -> None:
    net = Dense((8,), norm=norm)
    y_bh = applied(net, jax.tree.map(np.abs, initialise(net, train=False)), X_BF - 1, train=False)
    assert (np.asarray(y_bh) >= 0).all() and (np.asarray(y_bh) == 0).any()


def test_dropout_of_each_layer_is_its_own() -> None:
    """All rows and units being equal, every difference between them is one of masks."""
    net = Dense((64, 64), activation="linear", dropout=0.5)
    params = jax.tree.map(np.ones_like, initialise(net, train=False)["params"])
    y_bh = np.asarray(
        applied(net, {"params": params}, np.ones_like(X_BF), train=True, rngs={"dropout": KEY})
    )
    zeros = y_bh == 0
    assert 0.4 < zeros.mean() < 0.6
    sums = y_bh.max(1)  # counts what the first layer kept of a row: about 64 / 2, within chance
    kept_first = (sums / 2 - 1) / 12
    assert len(np.unique(kept_first)) > 5 and abs(kept_first.mean() - 32) < 5
    kept_second = (~zeros).sum(1)
    # One mask for both layers would keep the same number.
    assert np.abs(kept_first - kept_second).max() > 2


def test_dropout_without_randomness_is_refused() -> None:
    net = Dense((8,), dropout=0.5)
    variables = initialise(net, train=False)
    with pytest.raises(flax.errors.InvalidRngError):
        applied(net, variables, X_BF, train=True)
    applied(net, variables, X_BF, train=False)  # needs none


def test_a_rate_of_zero_needs_no_randomness() -> None:
    net = Dense((8,), dropout=0.0)
    variables = initialise(net, train=False)
    np.testing.assert_allclose(
        applied(net, variables, X_BF, train=True),
        applied(net, variables, X_BF, train=False),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_traced_rate_drops_by_that_rate() -> None:
    net = Dense((256,), activation="linear")
    variables = initialise(net, train=False)
    apply = jax.jit(
        lambda rate: net.clone(dropout=rate).apply(
            variables, X_BF, train=True, rngs={"dropout": KEY}
        )
    )
    for rate in (0.2, 0.7):
        assert abs(float((apply(rate) == 0).mean()) - rate) < 0.04
    np.testing.assert_allclose(apply(0.0), applied(net, variables, X_BF, train=False), atol=1e-6)


def test_dropout_of_a_net_uses_the_documented_hash() -> None:
    """The zeros of a single layer are those of keep_mask: no hidden second source of randomness."""
    net = Dense((32,), activation="linear", dropout=0.5)
    variables = initialise(net, train=False)
    y_bh = applied(net, variables, X_BF, train=True, rngs={"dropout": KEY})
    plain_bh = applied(net, variables, X_BF, train=False)
    kept = np.asarray(y_bh) != 0
    np.testing.assert_allclose(np.asarray(y_bh)[kept], 2 * np.asarray(plain_bh)[kept], rtol=1e-5)
    masks = jax.jit(partial(_layer_masks, net))(variables)
    assert any((np.asarray(mask) == kept).all() for mask in masks)


def _layer_masks(net: Dense, variables: dict) -> list[jax.Array]:
    draw = flax.linen.apply(lambda module: module.make_rng("dropout"), net)
    key = draw(variables, rngs={"dropout": KEY})
    return [keep_mask(jax.random.fold_in(key, i), 0.5, (24, 32)) for i in range(2)]


def test_running_statistics_are_used_where_they_cannot_be_changed():
    """Dropout alone can so be left on after training."""
    module = BatchNorm()
    x = np.random.default_rng(0).normal(2, 5, (6, 3)).astype(np.float32)
    variables = drawn(module, x, None, train=False)
    variables = variables | {
        "batch_stats": {"mean": np.float32([1.0, 2, 3]), "var": np.float32([4.0, 9, 1])}
    }
    fixed = applied(module, variables, x, None, train=True)
    np.testing.assert_array_equal(fixed, applied(module, variables, x, None, train=False))
    moved, _ = applied(module, variables, x, None, train=True, mutable=("batch_stats",))
    assert not np.allclose(fixed, moved)
