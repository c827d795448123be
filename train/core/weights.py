"""What a network is applied with beside the statistics: fresh, and counted."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct

Array = jax.Array


class Weights(struct.PyTreeNode):
    """What a network is applied with, beside the statistics."""

    params: Any
    batch_stats: Any

    def variables(self, statistics: Any) -> dict[str, Any]:
        """The collections as Linen wants them."""
        return {"params": self.params, "batch_stats": self.batch_stats, "statistics": statistics}


def init_weights(network: nn.Module, statistics: Any, inputs: Any, key: Array) -> Weights:
    """Fresh weights, a function of the run's key; `inputs` are those of any prepared batch."""
    rngs = {"params": jax.random.fold_in(key, 0)}
    _, variables = network.apply(
        {"statistics": statistics},
        inputs,
        train=False,
        rngs=rngs,
        mutable=["params", "batch_stats"],
    )
    return Weights(variables["params"], variables.get("batch_stats", {}))


def count_parameters(weights: Weights) -> int:
    """Trained numbers."""
    return sum(jnp.size(leaf) for leaf in jax.tree.leaves(weights.params))
