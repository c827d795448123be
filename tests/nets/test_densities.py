"""Densities of heads: what a layer means, in units, of counts, and of several members together."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nets import densities
from nets.heads import HeadShape, add_log_means, predictions_of, split_outputs, standardise_target
from nets.members import average_members

RANDOM = np.random.default_rng(0)
STATISTICS = {"center": jnp.array([3.0, 40.0]), "scale": jnp.array([2.0, 9.0])}


def head(density: densities.Density) -> HeadShape:
    return HeadShape("y", "regression", 2, deviation=True, density=density)


def answers(shape: HeadShape, raw: np.ndarray) -> dict[str, np.ndarray]:
    outputs = add_log_means(split_outputs(jnp.asarray(raw), shape), (shape,), {"y": STATISTICS})
    found = predictions_of(outputs, shape, STATISTICS, clip=False, log_link=shape.counts)
    return {name: np.asarray(array) for name, array in found.items()}


def test_a_new_head_of_counts_answers_the_mean_of_training_rows():
    shape = head("zero_inflated")
    found = answers(shape, np.zeros((1, shape.width), np.float32))
    assert set(found) == {"y", "y.deviation", "y.dispersion", "y.zeros"}
    np.testing.assert_allclose(found["y"], STATISTICS["center"][None], rtol=1e-5)
    np.testing.assert_allclose(found["y.dispersion"], 1, rtol=1e-5)
    np.testing.assert_allclose(found["y.zeros"], 0.2, rtol=1e-5)
    target = jnp.array([[3.0, 7.0]])
    np.testing.assert_array_equal(standardise_target(target, shape, STATISTICS), target)


@pytest.mark.slow
def test_students_t_is_answered_by_its_deviation():
    shape = head("student_t")
    found = answers(shape, RANDOM.normal(size=(50, shape.width)).astype(np.float32) * 3)
    assert (found["y.freedom"] > 2).all() and (found["y.deviation"] > 0).all()
    new = answers(shape, np.zeros((1, shape.width), np.float32))
    freedom = new["y.freedom"]
    scale = (1 + densities.EPSILON) * np.asarray(STATISTICS["scale"])
    np.testing.assert_allclose(
        new["y.deviation"], scale * np.sqrt(freedom / (freedom - 2)), rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("density", ["negative_binomial", "zero_inflated", "student_t"])
def test_members_answer_by_the_moments_of_their_mixture(density: densities.Density):
    """3 rows of 4 members each: the law of total variance."""
    shape = head(density)
    raw = RANDOM.normal(size=(12, shape.width)).astype(np.float32)
    outputs = add_log_means(split_outputs(jnp.asarray(raw), shape), (shape,), {"y": STATISTICS})
    own = predictions_of(outputs, shape, STATISTICS, clip=False, log_link=shape.counts)
    together = average_members(outputs, (shape,), 4, log_link=shape.counts)
    found = predictions_of(together, shape, STATISTICS, clip=False, log_link=shape.counts)
    mean = np.asarray(own["y"], np.float64).reshape(3, 4, 2)
    deviation = np.asarray(own["y.deviation"], np.float64).reshape(3, 4, 2)
    np.testing.assert_allclose(found["y"], mean.mean(1), rtol=1e-5)
    variance = np.square(deviation).mean(1) + mean.var(1, ddof=1)
    np.testing.assert_allclose(found["y.deviation"], np.sqrt(variance), rtol=1e-4)


@pytest.mark.slow
def test_answers_that_are_a_mixture_have_a_dispersion_that_fits():
    mean = jnp.asarray(RANDOM.uniform(0.1, 50, (9, 2)))
    dispersion = jnp.asarray(RANDOM.uniform(0.01, 3, (9, 2)))
    zeros = jnp.asarray(RANDOM.uniform(0, 0.8, (9, 2)))
    deviation = densities.deviation_of_counts(mean, dispersion, zeros)
    variance = mean + mean**2 * (dispersion + zeros) / (1 - zeros)
    np.testing.assert_allclose(deviation, np.sqrt(variance), rtol=1e-5)
    given = {"y": mean, "y.deviation": deviation, "y.zeros": zeros}
    found = densities.as_mixture("y", given | {"y.dispersion": jnp.zeros((9, 2))})
    np.testing.assert_allclose(found["y.dispersion"], dispersion, rtol=1e-2, atol=1e-3)
    assert densities.as_mixture("y", {"y": mean}) == {"y": mean}


def test_a_forecast_of_counts_is_a_line_above_0_and_never_below():
    x = jnp.array([[[20.0], [-2.4]], [[-60.0], [-400.0]]])  # 90 and near 0; below 0
    step = jnp.array([[[1.0]], [[0.5]]])
    levels = jnp.full((1, 2), 10.0), jnp.full((1, 2), 4.0)
    found = np.asarray(densities.log_counts(x, step, *levels))
    zero = -10 / 4
    wanted = 4 * step * np.logaddexp((x - zero) / step, 0)
    np.testing.assert_allclose(np.exp(found[0]), wanted[0], rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[0, 0]), 90, rtol=1e-5)
    assert np.isfinite(found).all() and (np.exp(found[1]) < 1e-20).all()


def test_answers_do_not_fall_below_their_floors():
    shape = HeadShape("y", "regression", 2, (0.1, 0.5, 0.9), floors=(-1.5, -np.inf))
    outputs = {"y": jnp.array([[-9.0, -9.0]]), "y.quantiles": jnp.full((1, 2, 3), -9.0)}
    found = predictions_of(outputs, shape, STATISTICS, clip=False, log_link=False)
    np.testing.assert_allclose(found["y"], [[-1.5, -41]])
    np.testing.assert_allclose(found["y.quantiles"][0, :, 0], [-1.5, -41])
