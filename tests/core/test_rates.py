"""Rates by the names of parameters."""

from __future__ import annotations

import jax.numpy as jnp

from train.core.rates import unmatched_names

PARAMS = {"layer": {"bias": jnp.zeros(2), "slope_0": jnp.zeros(2), "table_12": jnp.zeros(2)}}


def test_rates_that_no_parameter_has_are_named() -> None:
    rates = {"slope": 0.1, "slope_0": 0.1, "slope_1": 0.1, "table": 1.0, "phase": 2.0, "bias": 0.0}
    assert unmatched_names(rates, PARAMS) == ["phase", "slope_1"]
