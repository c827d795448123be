"""Scales, logarithms and asinh of columns of series, by hand, where windows are odd."""

from __future__ import annotations

import jax
import numpy as np

from nets.heads import HeadShape
from nets.series_levels import ColumnLevels
from nets.series_scales import SeriesScales, TargetScaling

STATISTICS = {
    "center": np.zeros(3, np.float32),
    "scale": np.ones(3, np.float32),
    "group_center": np.zeros((1, 3), np.float32),
    "group_scale": np.ones((1, 3), np.float32),
}
# A target, its mark and a column known ahead, of a group that is not known.
PAST = np.array([[[1, 0, 0], [3, 0, 0], [100, 1, 0], [5, 0, 0]]], np.float32)


def test_what_is_marked_does_not_scale_its_window():
    inputs = {"past": PAST, "series": np.array([-1], np.int32)}
    scaled = jax.jit(SeriesScales(by_group=(0,)).scaled, static_argnums=2)
    found = scaled(STATISTICS, inputs, 1)
    known = np.array([1, 3, 5])
    np.testing.assert_allclose(found["level"][0, :, 0], [3, known.std()], rtol=1e-6)
    all_marked = {**inputs, "past": np.where(np.arange(3) == 1, np.float32(1), PAST)}
    found = scaled(STATISTICS, all_marked, 1)
    np.testing.assert_allclose(found["level"][0, 0, 0], PAST[0, :, 0].mean(), rtol=1e-6)


def test_columns_known_ahead_are_the_last():
    inputs = {"past": PAST, "future": np.full((1, 2, 1), np.e - 1, np.float32)}
    found = jax.jit(SeriesScales(log1p=(2,)).scaled, static_argnums=2)(STATISTICS, inputs, 1)
    np.testing.assert_allclose(found["future"], np.ones((1, 2, 1)), rtol=1e-6)


def test_logarithms_are_numbers_wherever_they_are_taken():
    scales = SeriesScales(log1p=(0,), signed_log=(1,))
    x = np.array([[-5.0, -5.0], [3.0, 3.0]], np.float32)
    found = jax.jit(scales.in_logs)(x)
    np.testing.assert_allclose(found[1], np.log([4, 4]), rtol=1e-6)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, 1], -np.log(6), rtol=1e-6)
    back = jax.jit(scales.out_of_logs)(np.array([[1e3, 1e3], [-1e3, -1e3]], np.float32))
    assert np.isfinite(back).all()


def test_asinh_is_that_of_scaled_values_there_and_back_in_float64():
    scaling = TargetScaling(
        SeriesScales(asinh=(1,)),
        ColumnLevels(np.array([[1.0, 50, 1, 50]]), np.array([[2.0, 20, 2, 20]])),
        n_targets=2,
    )
    value = np.array([[3.0, -500, 7, 900], [0.0, 50, 1, 51]])
    wanted = (value - [1, 50, 1, 50]) / [2, 20, 2, 20]
    wanted[:, 1::2] = np.log(wanted[:, 1::2] + np.sqrt(wanted[:, 1::2] ** 2 + 1))
    found = jax.jit(scaling.scaled)(value.astype(np.float32))
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6)
    head = HeadShape("value", "regression", 4, floors=(-np.inf, -480.0, -np.inf, -np.inf))
    answers = jax.jit(lambda x: scaling.answers({"value": x}, head))(wanted.astype(np.float32))
    floored = np.maximum(value, [-np.inf, -480, -np.inf, -np.inf])
    np.testing.assert_allclose(answers["value"], floored, rtol=2e-6, atol=1e-6)
    # By how much a value moves where its asinh does: twice and twenty times the slope of sinh.
    moved = [[2, 20 * np.hypot(27.5, 1), 2, 20 * np.hypot(42.5, 1)], [2, 20, 2, 20 * 1.00125]]
    np.testing.assert_allclose(answers["value.scale"], moved, rtol=1e-5)


def test_quantiles_of_asinh_are_its_quantiles_and_far_ones_are_numbers():
    levels = ColumnLevels(np.full((1, 2), 5, np.float32), np.full((1, 2), 3, np.float32))
    scaling = TargetScaling(SeriesScales(asinh=(0,)), levels, n_targets=1)
    head = HeadShape("value", "regression", 2, quantiles=(0.1, 0.5, 0.9))
    z = np.array([[[-2, 0.5, 1], [-1e3, 0, 1e3]]], np.float32)
    outputs = {"value": z[..., 1], "value.quantiles": z}
    answers = jax.jit(lambda outputs: scaling.answers(outputs, head))(outputs)
    wanted = 5 + 3 * np.sinh(z[0, 0].astype(np.float64))
    np.testing.assert_allclose(answers["value.quantiles"][0, 0], wanted, rtol=1e-6)
    np.testing.assert_allclose(answers["value"][0], [wanted[1], 5], rtol=1e-6)
    assert np.isfinite(answers["value.quantiles"]).all()


def test_columns_known_ahead_are_read_as_asinh_in_their_places():
    inputs = {"past": PAST, "future": np.full((1, 2, 1), 3, np.float32)}
    statistics = {"center": np.array([0, 0, 1]), "scale": np.array([1, 1, 4])}
    found = jax.jit(SeriesScales(asinh=(2,)).scaled, static_argnums=2)(statistics, inputs, 1)
    np.testing.assert_allclose(found["future"], np.full((1, 2, 1), np.arcsinh(0.5)), rtol=1e-6)
    np.testing.assert_allclose(found["past"][0, :, 0], [1, 3, 100, 5])
    np.testing.assert_allclose(found["past"][0, :, 2], np.arcsinh([-0.25] * 4), rtol=1e-6)
