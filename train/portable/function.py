"""A trained net, or several, as one pure function of encoded inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from nets.base import Arrays, Tree
from train.core.network import make_network
from train.core.tasks import HEAD_KINDS
from train.inference.mc_dropout import summarise
from train.inference.predictor import Predictor


def variables_of(model: Predictor) -> list[Tree]:
    """The variables of each net that answers."""
    found = []
    for variables in model.ensemble.variables:
        if not model.ensemble.has_members:
            found.append(jax.tree.map(jnp.asarray, variables))
            continue
        for i in range(len(jax.tree.leaves(variables)[0])):
            found.append(jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf)[i], variables))
    return found


def answer_function(model: Predictor) -> Callable[[Arrays], Mapping[str, Tree]]:
    """Encoded inputs -> answers of a predictor's net, or the mean of several with their deviation.

    The weights are in it.
    """
    network, _ = make_network(model.config, model.encoder)
    members = variables_of(model)
    heads = model.encoder.heads
    names = [head.name for head in heads if not HEAD_KINDS[head.kind].every_step]

    def predict(variables: Tree, inputs: Arrays) -> Tree:
        return network.apply(variables, inputs, method="predict")

    def answer(inputs: Arrays) -> Mapping[str, Tree]:
        answers = [predict(one, inputs) for one in members]
        if len(answers) == 1:
            return answers[0]
        stacked = {name: jnp.stack([one[name] for one in answers]) for name in answers[0]}
        return summarise(stacked, names)

    return answer
