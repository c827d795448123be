"""Which loss a head gets, and what a row of several heads costs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from nets.heads import HeadShape
from nets.inputs import Inputs
from nets.perceptron import Perceptron
from train.core.losses import NUMBER_LOSSES
from train.core.tasks import (
    THRESHOLDS,
    Task,
    known_rows,
    make_tasks,
    row_errors,
    row_losses,
)

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


def test_loss_error_and_answer_of_a_threshold_agree_on_a_score_of_zero() -> None:
    outputs = {"sex": jnp.array([[-1.0], [-0.0], [0.0], [1.0]])}
    answers = Perceptron(Inputs(), (SEX,)).postprocess(outputs)["sex"]
    np.testing.assert_array_equal(answers, [0, 0, 0, 1])
    for target in (jnp.zeros(4, jnp.int32), jnp.ones(4, jnp.int32)):
        wrong_b = np.asarray(answers != target)
        for rule in THRESHOLDS:
            given = (Task(SEX, rule),), outputs, {"sex": target}
            np.testing.assert_array_equal(row_losses(*given), wrong_b)
            np.testing.assert_array_equal(row_errors(*given, {}), wrong_b)


def test_missing_numbers_cost_nothing_and_a_row_is_the_mean_of_the_others():
    random = np.random.default_rng(0)
    levels = np.array([0.1, 0.5, 0.9])
    outputs = {
        "value": random.normal(size=(4, 5)),
        "value.quantiles": random.normal(size=(4, 5, 3)),
        "value.deviation": random.uniform(0.5, 2, (4, 5)),
        "value.freedom": random.uniform(3, 30, (4, 5)),
    }
    target = random.normal(size=(4, 5))
    target[0, [1, 3]] = target[1, 0] = target[3] = np.nan
    missing = np.isnan(target)
    error = target - outputs["value"]
    deviation = outputs["value.deviation"]
    scale = deviation * np.sqrt(1 - 2 / outputs["value.freedom"])
    above = target[..., None] - outputs["value.quantiles"]
    cost = {
        "mse": error**2,
        "mae": np.abs(error),
        "huber": np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5),
        "log_cosh": np.log(np.cosh(error)),
        "quantile": np.maximum(levels * above, (levels - 1) * above).mean(-1),
        "gaussian": np.log(2 * np.pi * deviation**2) / 2 + (error / deviation) ** 2 / 2,
        "student_t": -stats.t(outputs["value.freedom"], outputs["value"], scale).logpdf(target),
    }
    # Those of counts and amounts have no standardised target.
    of_logs = {"poisson", "gamma", "negative_binomial", "zero_inflated"}
    assert set(cost) == set(NUMBER_LOSSES) - of_logs
    tasks = {}
    for loss in cost:
        (task,) = make_tasks(
            (HeadShape("value", "regression", 5),), loss, quantiles=(0.1, 0.5, 0.9)
        )
        tasks[loss] = (task._replace(gaps=True),)

    def losses(outputs):
        found = {loss: row_losses(task, outputs, {"value": target}) for loss, task in tasks.items()}
        return sum(found.values()).sum(), (
            found,
            row_errors(tasks["mse"], outputs, {"value": target}, {}),
        )

    gradient, (found, errors) = jax.jit(jax.grad(losses, has_aux=True))(outputs)
    for loss, cost_bo in cost.items():
        np.testing.assert_allclose(found[loss][:3], np.nanmean(cost_bo[:3], 1), rtol=1e-5)
        assert found[loss][3] == 0
    np.testing.assert_array_equal(errors, found["mse"])
    for name, array in gradient.items():
        assert np.isfinite(array).all() and not np.asarray(array)[missing].any(), name


def test_errors_of_tags_are_those_of_the_path_that_is_answered():
    tags = HeadShape("tags", "tags", 2)
    outputs = {"tags": jnp.array([[[0.0, 1.0], [0.2, 0.0], [5.0, 0.0]]])}
    target = {"tags": jnp.array([[1, 1, -1]])}
    # A tag that may not follow another changes the path, of which f1 and token_accuracy are.
    answers = {"tags": jnp.array([[1, 1, -1]])}
    (task,) = make_tasks((tags,), "auto", steps=2.0)
    np.testing.assert_array_equal(row_errors((task,), outputs, target, answers), [0])
    np.testing.assert_array_equal(
        row_errors((task,), outputs, target, {"tags": jnp.array([[0, 1, -1]])}), [0.5]
    )


def test_a_class_beyond_those_of_the_head_costs_nothing_and_is_an_error():
    tasks = tuple(task._replace(gaps=True) for task in make_tasks((SEX, KIND), "auto"))
    known = {name: TARGET[name] for name in ("sex", "kind")}
    unseen = {"sex": jnp.array([1, 2]), "kind": jnp.array([4, 2])}
    wanted = [float(row_losses((task,), OUTPUTS, known)[i]) for i, task in enumerate(tasks)]
    np.testing.assert_allclose(row_losses(tasks, OUTPUTS, unseen), wanted, rtol=1e-6)
    np.testing.assert_array_equal(row_errors(tasks, OUTPUTS, unseen, {}), [1, 1])
    np.testing.assert_array_equal(known_rows(tasks[1:], unseen), [0, 1])
    np.testing.assert_array_equal(known_rows(tasks, unseen), [0, 0])
    np.testing.assert_array_equal(known_rows(tasks, known), [1, 1])
