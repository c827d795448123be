"""Several nets that answer as one: by the mean of their answers, or, of tags, by one path of all.

m nets, b rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from nets.base import DataNetwork, Tree, Variables
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Array, Arrays, Encoder
from train.inference.mc_dropout import summarise


def has_paths(encoder: Encoder) -> bool:
    """Whether some head has no mean of answers, but is answered by all nets together."""
    return any(HEAD_KINDS[head.kind].together for head in encoder.heads)


def answers_of_trees(
    network: DataNetwork, trees: Sequence[Variables], inputs: Arrays
) -> dict[str, Array]:
    """The answers of all nets of these trees, each of which has an axis of nets first [m, b, ...].

    Heads that have no mean have the one answer of all [1, b, ...].
    """

    def answer(variables: Variables) -> tuple[Tree, Tree]:
        outputs = network.apply(variables, inputs, method="outputs")
        return outputs, network.apply(variables, outputs, method="postprocess")

    answered = [jax.vmap(answer)(tree) for tree in trees]
    outputs, answers = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *answered)
    first = jax.tree.map(lambda leaf: leaf[0], trees[0])
    return with_paths(network, first, outputs, answers)


def with_paths(
    network: DataNetwork, variables: Variables, outputs: Tree, answers: Arrays
) -> dict[str, Array]:
    """The answers of several nets [m, b, ...], of heads that have no mean one of all [1, b, ...].

    `variables` are those of any of the nets, for what was fitted on the training rows.
    """
    paths: Tree = network.apply(variables, outputs, method="together")
    return {**answers, **{name: path[None] for name, path in paths.items()}}


def as_one(answers: Arrays, encoder: Encoder) -> dict[str, Array]:
    """The mean of nets' answers [m, b, ...] and their deviation; an answer of all nets as it is."""
    n_nets = max(len(array) for array in answers.values())
    several = {name: array for name, array in answers.items() if len(array) == n_nets > 1}
    heads = encoder.heads
    spread = [head.name for head in heads if not HEAD_KINDS[head.kind].every_step]
    own = [name for name in spread if name in several]
    first = {name: array[0] for name, array in answers.items()}
    return {**first, **summarise(several, own)} if several else first
