"""The variables of a network that training changes: fresh, applied, counted."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from nets.base import Array, Arrays, DataNetwork, Params, Statistics, Variables
from train.core.program import WEIGHTS_KEY


class Weights(struct.PyTreeNode):
    """The collections of a network that training changes; `batch_stats` is {} without any."""

    params: Params
    batch_stats: Params

    def variables(self, statistics: Statistics) -> Variables:
        """All collections that the network is applied with."""
        return {"params": self.params, "batch_stats": self.batch_stats, "statistics": statistics}


def init_weights(
    network: DataNetwork,
    statistics: Statistics,
    inputs: Arrays,
    key: Array,
    weight_b: Array | None = None,
) -> Weights:
    """Fresh weights, a function of the run's key; `inputs` are any batch's, preprocessed.

    `weight_b` are those of rows that units begin among, None where all weigh the same.
    """
    _, variables = network.apply(
        {"statistics": statistics},
        inputs,
        weight_b,
        train=False,
        rngs={"params": jax.random.fold_in(key, WEIGHTS_KEY)},
        mutable=["params", "batch_stats"],
    )
    return Weights(variables["params"], variables.get("batch_stats") or {})


def count_parameters(weights: Weights) -> int:
    """How many numbers are trained."""
    return sum(jnp.size(leaf) for leaf in jax.tree.leaves(weights.params))
