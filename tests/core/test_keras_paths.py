"""Fifty steps of every optimizer against Keras' own numbers, stored, and live where installed."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from keras_paths import CASES, SHOWN, START, STEPS, STORED, Case, gradients, keras_path

from train.core.optim import make_optimizer


def our_path(case: Case) -> np.ndarray:
    """The weights after SHOWN of the steps."""
    params = {"kernel": jnp.asarray(START)}
    optimizer = make_optimizer(case.options, STEPS)
    state = optimizer.init(params)
    path = []
    for gradient in gradients(case.size):
        updates, state = optimizer.update({"kernel": jnp.asarray(gradient)}, state, params)
        params = optax.apply_updates(params, updates)
        path.append(np.asarray(params["kernel"], np.float64))
    return np.array([path[step - 1] for step in SHOWN])


def assert_same(case: Case, theirs: list[list[float]]) -> None:
    """Within a ten-thousandth of how far the weights have moved at the most."""
    moved = np.abs(np.array(theirs) - START).max()
    np.testing.assert_allclose(our_path(case), theirs, rtol=0, atol=1e-4 * moved)


@pytest.mark.parametrize("name", CASES)
def test_paths_are_those_that_keras_gave(name: str) -> None:
    assert_same(CASES[name], json.loads(STORED.read_text())[name])


@pytest.mark.parametrize("name", CASES)
def test_paths_are_those_of_keras_where_it_is_installed(name: str) -> None:
    pytest.importorskip("keras", exc_type=ImportError)
    assert_same(CASES[name], keras_path(CASES[name]))
