"""A simpler net in the same weights, which answers unless training finds one that does better."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from train.core.batch_parts import WHOLE
from train.core.forward import evaluate_split, monitored
from train.core.program import Data, Program
from train.core.state import State


def with_fallback(program: Program, data: Data, state: State) -> State:
    """A fresh state whose best weights are those of the network's fallback, if it has one.

    Validation rows judge them as they judge any weights that training finds. Patience is counted
    without them.
    """
    params = program.network.fallback(state.best.weights.params, data.statistics)
    if params is None or data.valid.shape[0] == 0 or program.config.train.restore == "last":
        return state
    # The training program is donated the state, but not the statistics.
    weights = state.best.weights.replace(params=jax.tree.map(jnp.array, params))
    whole = replace(program, parts=WHOLE)
    _, sums = evaluate_split(whole, data, weights, data.valid, data.n_valid)
    value = monitored(program, sums)
    # Nothing would ever be lower than a nan.
    kept = jnp.where(jnp.isnan(value), jnp.inf, value)
    return state.replace(best=state.best.replace(weights=weights, kept=kept))
