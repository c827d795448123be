"""A trained net, or several, as one pure function of encoded inputs."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from nets.base import Array, Arrays
from train.core.network import make_network
from train.core.tasks import HEAD_KINDS
from train.inference.mc_dropout import summarise
from train.inference.predictor import Predictor


def answer_function(model: Predictor) -> Callable[[Arrays], dict[str, Array]]:
    """Encoded inputs -> answers of a predictor's net, or the mean of several with their deviation.

    The weights are in it.
    """
    network, _ = make_network(model.config, model.encoder)
    members = []
    for variables in model.ensemble.variables:
        if not model.ensemble.has_members:
            members.append(jax.tree.map(jnp.asarray, variables))
            continue
        for i in range(len(jax.tree.leaves(variables)[0])):
            members.append(jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf)[i], variables))
    heads = model.encoder.heads
    names = [head.name for head in heads if not HEAD_KINDS[head.kind].every_step]

    def answer(inputs: Arrays) -> dict[str, Array]:
        answers = [network.apply(one, inputs, method="predict") for one in members]
        if len(answers) == 1:
            return dict(answers[0])
        stacked = {name: jnp.stack([one[name] for one in answers]) for name in answers[0]}
        return dict(summarise(stacked, names))

    return answer
