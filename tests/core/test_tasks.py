"""Which loss a head gets, and what a row of several heads costs."""

from __future__ import annotations

import typing

import jax.numpy as jnp
import numpy as np
import pytest

from nets.heads import HeadShape
from nets.sequence import STEP_KINDS
from train.core.losses import LOSSES
from train.core.tasks import HEAD_KINDS, Task, make_tasks, row_errors, row_losses
from train.data.dataset import Head

VALUE = HeadShape("value", "regression", 2)
SEX = HeadShape("sex", "binary", 1)
KIND = HeadShape("kind", "multiclass", 3)
HEADS = (VALUE, SEX, KIND)
OUTPUTS = {
    "value": jnp.array([[1.0, 2.0], [0.0, 0.0]]),
    "sex": jnp.array([[0.5], [-0.5]]),
    "kind": jnp.array([[2.0, 1.0, 0.0], [0.0, 0.0, 3.0]]),
}
TARGET = {
    "value": jnp.array([[1.0, 0.0], [3.0, 1.0]]),
    "sex": jnp.array([1, 1]),
    "kind": jnp.array([1, 2]),
}


def test_auto_follows_the_kind_of_each_head() -> None:
    losses = [task.loss for task in make_tasks(HEADS, "auto")]
    assert losses == ["mse", "binary_crossentropy", "categorical_crossentropy"]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", "poisson"])
def test_a_numeric_loss_is_for_the_numbers_alone(loss: str) -> None:
    assert [task.loss for task in make_tasks(HEADS, loss)] == [
        loss,
        "binary_crossentropy",
        "categorical_crossentropy",
    ]


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy"])
def test_a_class_loss_is_for_the_classes_alone(loss: str) -> None:
    assert [task.loss for task in make_tasks(HEADS, loss)] == [
        "mse",
        "binary_crossentropy",
        "categorical_crossentropy",
    ]


def test_a_row_costs_the_sum_over_its_heads() -> None:
    losses_b = row_losses(make_tasks(HEADS, "mae"), OUTPUTS, TARGET)
    sigmoid = 1 / (1 + np.exp(-0.5))
    by_hand = [
        1.0 - np.log(sigmoid) - np.log(np.e / (np.e**2 + np.e + 1)),
        2.0 - np.log(1 - sigmoid) - np.log(np.e**3 / (np.e**3 + 2)),
    ]
    np.testing.assert_allclose(losses_b, by_hand, rtol=1e-6)


def test_smoothing_reaches_the_classes_and_not_the_numbers() -> None:
    tasks = make_tasks(HEADS, "auto")
    for task in tasks:
        plain, smoothed = (row_losses((task,), OUTPUTS, TARGET, s) for s in (0.0, 0.2))
        if task.head is VALUE:
            np.testing.assert_array_equal(smoothed, plain)
        else:
            wanted = LOSSES[task.loss](OUTPUTS[task.head.name], TARGET[task.head.name], 0.2)
            np.testing.assert_allclose(smoothed, wanted)
            assert not np.allclose(smoothed, plain)


def test_a_row_errs_by_squares_and_by_wrong_classes() -> None:
    errors_b = row_errors(make_tasks(HEADS, "auto"), OUTPUTS, TARGET)
    np.testing.assert_allclose(errors_b, [2 + 0 + 1, 5 + 1 + 0])


def test_errors_of_numbers_are_squares_whatever_the_loss() -> None:
    tasks = make_tasks((VALUE,), "mae")
    np.testing.assert_allclose(row_errors(tasks, OUTPUTS, TARGET), [2, 5])


def test_errors_of_counts_are_of_counts_not_of_their_logarithms() -> None:
    tasks = (Task(HeadShape("value", "regression", 1), "poisson"),)
    errors_b = row_errors(
        tasks, {"value": jnp.log(jnp.array([[3.0], [5.0]]))}, {"value": jnp.array([[3.0], [1.0]])}
    )
    np.testing.assert_allclose(errors_b, [0, 16], atol=1e-5)


def test_a_loss_that_says_how_sure_shapes_the_heads_of_numbers_alone() -> None:
    levels = (0.1, 0.5, 0.7)
    value, sex, _ = (task.head for task in make_tasks(HEADS, "quantile", quantiles=levels))
    assert (value.quantiles, value.width, sex) == (levels, 6, SEX)
    value, sex, _ = (task.head for task in make_tasks(HEADS, "gaussian", quantiles=levels))
    assert (value.quantiles, value.deviation, value.width, sex) == ((), True, 4, SEX)
    assert make_tasks(HEADS, "mse", quantiles=levels)[0].head is VALUE


def test_a_row_costs_what_its_quantiles_or_its_deviation_are_off() -> None:
    target = {"value": jnp.array([[1.0, 0.0]])}
    quantiles = {
        "value": jnp.array([[2.0, 0.5]]),
        "value.quantiles": jnp.array([[[0.0, 2.0], [0.5, 0.5]]]),
    }
    tasks = make_tasks((VALUE,), "quantile", quantiles=(0.2, 0.5))
    np.testing.assert_allclose(
        row_losses(tasks, quantiles, target), [(0.2 * 1 + 0.5 * 1 + 0.8 * 0.5 + 0.5 * 0.5) / 4]
    )
    np.testing.assert_allclose(row_errors(tasks, quantiles, target), [(1 + 0.25) / 2])
    normal = {"value": jnp.array([[2.0, 0.0]]), "value.deviation": jnp.array([[0.5, 2.0]])}
    wanted = (np.log(0.5) + 2 + np.log(2)) / 2 + np.log(2 * np.pi) / 2
    tasks = make_tasks((VALUE,), "gaussian")
    np.testing.assert_allclose(row_losses(tasks, normal, target), [wanted], rtol=1e-6)
    np.testing.assert_allclose(row_errors(tasks, normal, target), [0.5])


def test_every_kind_of_head_that_data_can_have_is_in_the_table() -> None:
    kinds = typing.get_args(typing.get_type_hints(Head)["kind"])
    assert set(HEAD_KINDS) == set(kinds)


def test_kinds_that_answer_at_every_step_are_those_of_the_network() -> None:
    of_steps = {name for name, kind in HEAD_KINDS.items() if kind.every_step}
    assert of_steps == set(STEP_KINDS)


def test_default_losses_of_numbers_and_classes_have_formulas() -> None:
    for kind in ("regression", "binary", "multiclass", "tags"):
        assert HEAD_KINDS[kind].loss in LOSSES


def test_what_a_row_costs_at_its_steps_is_for_a_row_of_the_usual_length() -> None:
    """Two numbers of two steps, each off by 1: twice what they cost at 2 steps, if 1 is usual."""
    head = HeadShape("next", "next_numbers", 1)
    outputs = {"next": jnp.ones((1, 2, 1))}
    target = {"next": jnp.zeros((1, 2, 1))}
    for steps, wanted in ((1.0, 2.0), (2.0, 1.0)):
        tasks = make_tasks((head,), "auto", steps)
        np.testing.assert_allclose(row_losses(tasks, outputs, target), [wanted])
        np.testing.assert_allclose(row_errors(tasks, outputs, target), [wanted])
