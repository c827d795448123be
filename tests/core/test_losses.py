"""Losses against hand arithmetic, float64 formulas, and Keras where it is installed."""

from __future__ import annotations

import math
import typing
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_gamma_deviance

from train.config.options import Loss
from train.core.losses import (
    CLASS_LOSSES,
    NUMBER_LOSSES,
    binary_crossentropy,
    categorical_crossentropy,
    gaussian,
    quantile,
)
from train.core.number_tasks import DENSITY_PARTS

LOSSES = NUMBER_LOSSES | CLASS_LOSSES
RANDOM = np.random.default_rng(2)
OUTPUTS = RANDOM.normal(0, 2, size=(12, 3)).astype(np.float32)
TARGET = RANDOM.normal(0, 2, size=(12, 3)).astype(np.float32)
COUNTS = RANDOM.poisson(2, size=(12, 3)).astype(np.float32)
CLASSES = RANDOM.integers(0, 3, 12).astype(np.int32)

FORMULAS = {
    "mse": lambda o, t: (o - t) ** 2,
    "mae": lambda o, t: np.abs(o - t),
    "huber": lambda o, t: np.where(np.abs(o - t) <= 1, (o - t) ** 2 / 2, np.abs(o - t) - 0.5),
    "log_cosh": lambda o, t: np.log(np.cosh(o - t)),
    "poisson": lambda o, t: np.exp(o) - t * o,
    "gamma": lambda o, t: t / np.exp(o) + o,
}


def test_every_option_has_a_function_and_a_formula() -> None:
    # Those that take more than outputs and a target: tests below, and in test_densities.py.
    assert {*FORMULAS, "quantile", *DENSITY_PARTS} == set(NUMBER_LOSSES)
    # What a row given back costs depends on its categories: nets.autoencoder has it.
    assert set(typing.get_args(Loss)) == {"auto", "reconstruction", *LOSSES}


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_row_costs_the_mean_over_its_outputs(name: str) -> None:
    target = COUNTS if name == "poisson" else TARGET
    wanted = FORMULAS[name](OUTPUTS.astype(np.float64), target.astype(np.float64)).mean(1)
    losses_b = LOSSES[name](jnp.asarray(OUTPUTS), jnp.asarray(target))
    assert losses_b.shape == (12,)
    np.testing.assert_allclose(losses_b, wanted, rtol=1e-5, atol=1e-6)


def test_hand_arithmetic() -> None:
    # errors of 0.5 and 3
    outputs = jnp.array([[1.0, -2.0]])
    target = jnp.array([[1.5, 1.0]])
    by_hand = {
        "mse": (0.25 + 9) / 2,
        "mae": 1.75,
        "huber": (0.125 + 2.5) / 2,
        "log_cosh": (0.120115 + 2.309329) / 2,
    }
    for name, wanted in by_hand.items():
        np.testing.assert_allclose(LOSSES[name](outputs, target), [wanted], rtol=1e-5)
    np.testing.assert_allclose(
        LOSSES["poisson"](outputs, target), [(np.e - 1.5 + np.exp(-2) + 2) / 2], rtol=1e-6
    )


KERAS_NAMES = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "huber": "Huber",
    "log_cosh": "LogCosh",
}


@pytest.mark.parametrize("name", sorted(KERAS_NAMES))
def test_numeric_losses_equal_keras(name: str) -> None:
    keras = pytest.importorskip("keras", exc_type=ImportError)
    theirs = getattr(keras.losses, KERAS_NAMES[name])(reduction=None)(TARGET, OUTPUTS)
    np.testing.assert_allclose(
        LOSSES[name](jnp.asarray(OUTPUTS), jnp.asarray(TARGET)), theirs, rtol=1e-4, atol=1e-6
    )


def test_poisson_equals_keras_on_the_exponential() -> None:
    keras = pytest.importorskip("keras", exc_type=ImportError)
    theirs = keras.losses.Poisson(reduction=None)(COUNTS, np.exp(OUTPUTS))
    np.testing.assert_allclose(
        LOSSES["poisson"](jnp.asarray(OUTPUTS), jnp.asarray(COUNTS)), theirs, rtol=1e-4
    )


def test_gamma_is_half_the_deviance_of_sklearn_but_for_what_outputs_do_not_change() -> None:
    amounts_n = np.exp(TARGET[:, 0].astype(np.float64))
    outputs_n1 = jnp.asarray(OUTPUTS[:, :1])
    mean = LOSSES["gamma"](outputs_n1, jnp.asarray(amounts_n, jnp.float32)[:, None]).mean()
    theirs = mean_gamma_deviance(amounts_n, np.exp(OUTPUTS[:, 0].astype(np.float64)))
    np.testing.assert_allclose(mean - np.log(amounts_n).mean() - 1, theirs / 2, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_binary_crossentropy_with_smoothing(smoothing: float) -> None:
    logits = OUTPUTS[:, :1]
    classes = (CLASSES > 0).astype(np.int32)
    p = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    target = classes * (1 - smoothing) + smoothing / 2
    wanted = -target * np.log(p) - (1 - target) * np.log1p(-p)
    ours = binary_crossentropy(jnp.asarray(logits), jnp.asarray(classes), smoothing)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)
    keras = pytest.importorskip("keras", exc_type=ImportError)
    loss = keras.losses.BinaryCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction=None
    )
    np.testing.assert_allclose(ours, loss(classes[:, None], logits), rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_categorical_crossentropy_with_smoothing(smoothing: float) -> None:
    logp = OUTPUTS.astype(np.float64) - np.log(
        np.exp(OUTPUTS.astype(np.float64)).sum(1, keepdims=True)
    )
    one_hot = np.eye(3)[CLASSES]
    wanted = -((one_hot * (1 - smoothing) + smoothing / 3) * logp).sum(1)
    ours = categorical_crossentropy(jnp.asarray(OUTPUTS), jnp.asarray(CLASSES), smoothing)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)
    keras = pytest.importorskip("keras", exc_type=ImportError)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction=None
    )
    np.testing.assert_allclose(ours, loss(one_hot, OUTPUTS), rtol=1e-5)


def test_two_logits_and_one_cost_the_same() -> None:
    """Softmax over (0, z) is the sigmoid of z."""
    z = jnp.asarray(OUTPUTS[:, :1])
    classes = jnp.asarray(CLASSES > 0).astype(jnp.int32)
    two = jnp.concatenate([jnp.zeros_like(z), z], 1)
    for smoothing in (0.0, 0.2):
        ours = categorical_crossentropy(two, classes, smoothing)
        np.testing.assert_allclose(
            ours, binary_crossentropy(z, classes, smoothing), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("size", [50.0, 1e4])
def test_confident_answers_cost_what_they_are_wrong_by(size: float) -> None:
    logits = jnp.array([[size], [-size]])
    np.testing.assert_allclose(
        binary_crossentropy(logits, jnp.array([0, 1])), [size, size], rtol=1e-6
    )
    np.testing.assert_allclose(binary_crossentropy(logits, jnp.array([1, 0])), [0, 0], atol=1e-6)
    logits = jnp.array([[size, 0.0, 0.0]])
    np.testing.assert_allclose(categorical_crossentropy(logits, jnp.array([1])), [size], rtol=1e-6)
    np.testing.assert_allclose(categorical_crossentropy(logits, jnp.array([0])), [0], atol=1e-6)


@pytest.mark.parametrize("name", ["huber", "log_cosh", "mae"])
def test_gradients_of_robust_losses_stay_bounded(name: str) -> None:
    gradient = jax.grad(lambda o: LOSSES[name](o, jnp.zeros((4, 1))).sum())(
        jnp.array([[-1e6], [-0.2], [0.2], [1e6]])
    )
    np.testing.assert_allclose(np.abs(gradient[jnp.array([0, 3])]), [[1], [1]], rtol=1e-6)
    assert gradient[1, 0] < 0 < gradient[2, 0]


LEVELS = (0.05, 0.5, 0.9)
QUANTILES = np.sort(RANDOM.normal(0, 2, size=(12, 3, 3)), axis=-1).astype(np.float32)
DEVIATION = RANDOM.uniform(0.1, 3, size=(12, 3)).astype(np.float32)


def test_the_pinball_loss_of_a_row_by_a_loop() -> None:
    wanted = np.zeros(12)
    for b in range(12):
        for o in range(3):
            for i, level in enumerate(LEVELS):
                error = float(TARGET[b, o]) - float(QUANTILES[b, o, i])
                wanted[b] += (level * error if error > 0 else (level - 1) * error) / 9
    np.testing.assert_allclose(
        quantile(jnp.asarray(QUANTILES), jnp.asarray(TARGET), LEVELS), wanted, rtol=1e-5
    )
    sklearn = pytest.importorskip("sklearn.metrics")
    theirs = [
        sklearn.mean_pinball_loss(TARGET.ravel(), QUANTILES[..., i].ravel(), alpha=level)
        for i, level in enumerate(LEVELS)
    ]
    np.testing.assert_allclose(np.mean(wanted), np.mean(theirs), rtol=1e-6)


def test_the_pinball_loss_is_least_at_the_quantile_of_its_level() -> None:
    """Of the numbers 1 to 99 it is least at the 10th, 50th and 90th, and falls towards them."""
    numbers = jnp.arange(1.0, 100.0)[:, None]
    levels = (0.1, 0.5, 0.9)

    def total(value: jax.Array) -> jax.Array:
        return quantile(jnp.broadcast_to(value, (99, 1, 3)), numbers, levels).sum()

    for i, best in enumerate((10.0, 50.0, 90.0)):
        around = [
            float(total(jnp.full(3, 50.0).at[i].set(best + step))) for step in (-1.0, 0.0, 1.0)
        ]
        assert around[1] < min(around[0], around[2])
    below, above = (jax.grad(total)(jnp.array([10.0, 50.0, 90.0]) + step) for step in (-5.5, 5.5))
    assert (below < 0).all() and (above > 0).all()
    np.testing.assert_allclose(
        jax.grad(total)(jnp.full(3, -1.0)), -33 * np.array(levels), rtol=1e-5
    )


def test_the_gaussian_loss_of_a_row_by_a_loop() -> None:
    wanted = np.zeros(12)
    for b in range(12):
        for o in range(3):
            normal = NormalDist(float(OUTPUTS[b, o]), float(DEVIATION[b, o]))
            error = (float(TARGET[b, o]) - normal.mean) / normal.stdev
            wanted[b] += (math.log(normal.stdev * math.sqrt(2 * math.pi)) + error**2 / 2) / 3
    ours = gaussian(jnp.asarray(OUTPUTS), jnp.asarray(DEVIATION), jnp.asarray(TARGET))
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)
    density = NormalDist(1.5, 0.5).pdf(2.25)
    one = gaussian(jnp.array([[1.5]]), jnp.array([[0.5]]), jnp.array([[2.25]]))
    np.testing.assert_allclose(one, [-math.log(density)], rtol=1e-6)


def test_the_gaussian_loss_moves_the_mean_to_the_target_and_the_deviation_to_the_error() -> None:
    def loss(mean: float, deviation: float) -> jax.Array:
        return gaussian(jnp.array([[mean]]), jnp.array([[deviation]]), jnp.zeros((1, 1)))[0]

    of_mean = jax.grad(loss, 0)
    of_deviation = jax.grad(loss, 1)
    assert of_mean(2.0, 1.0) == pytest.approx(2) and of_mean(-2.0, 0.5) == pytest.approx(-8)
    assert of_deviation(2.0, 1.0) < 0 < of_deviation(2.0, 3.0)
    assert of_deviation(2.0, 2.0) == pytest.approx(0, abs=1e-6)
