"""Scales and logarithms of columns of series, by hand, where windows are odd."""

from __future__ import annotations

import jax
import numpy as np

from nets.series_scales import SeriesScales

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
