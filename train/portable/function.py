"""A trained net, or several, as one pure function of encoded inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp

from nets.base import Arrays, Tree
from train.core.network import make_network
from train.inference.predictor import Predictor
from train.inference.together import as_one, has_paths, with_paths


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

    def of_each(method: str, inputs: Arrays) -> list[Tree]:
        return [network.apply(one, inputs, method=method) for one in members]

    def answer(inputs: Arrays) -> Mapping[str, Tree]:
        answers = of_each("predict", inputs)
        if len(answers) == 1:
            return answers[0]
        stacked = _stacked(answers)
        if has_paths(model.encoder):
            outputs = _stacked(of_each("outputs", inputs))
            stacked = with_paths(network, members[0], outputs, stacked)
        return as_one(stacked, model.encoder)

    return answer


def _stacked(trees: Sequence[Tree]) -> Tree:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
