"""Predictions of a trained net with its dropout left on: their mean, and how far they lie apart.

Gal & Ghahramani 2016. A sample is one thinned network that answers every row, so a row's answer
does not depend on the rows beside it. Only what is dropped is random: batch normalisation keeps its
running statistics, and nothing is added to the inputs. The rates are those of the config; where a
schedule let them fade, the net was trained on lower ones towards its end. b rows, s samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Variables
from nets.densities import as_mixture
from train.config.options import Config
from train.config.own_net import Own
from train.core.network import make_network
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Array, Arrays, Encoder, HostArrays
from train.errors import UserError

Sampler: TypeAlias = Callable[[Variables, HostArrays, jax.Array], dict[str, Array]]


def make_sampler(config: Config, encoder: Encoder) -> Sampler:
    """A function of variables, encoded inputs of b rows and keys [s] that samples their answers.

    It gives {head: mean of its answers, head.deviation: their deviation}. The deviation divides by
    s - 1; where the net predicts one itself, it is that of the mixture: the root of the mean square
    of the net's own and the square of the one between samples. Raises UserError if nothing would be
    dropped, or if some answer is not one for a row.
    """
    _check(config, encoder)
    config = replace(config, net=config.net.undisturbed())
    network, tasks = make_network(config, encoder)
    names = [task.head.name for task in tasks]

    def predict_row(variables: Variables, row: HostArrays, key: jax.Array) -> Arrays:
        one = jax.tree.map(lambda value: value[None], row)
        inputs = network.apply(variables, one, method="preprocess")
        outputs = network.apply(variables, inputs, train=True, rngs={"dropout": key})
        outputs = network.apply(variables, outputs, method="averaged")
        predictions = network.apply(variables, outputs, method="postprocess")
        return jax.tree.map(lambda prediction: prediction[0], predictions)

    def sample(variables: Variables, inputs: HostArrays, keys_s: jax.Array) -> dict[str, Array]:
        predict_rows = jax.vmap(predict_row, in_axes=(None, 0, None))
        samples = lax.map(lambda key: predict_rows(variables, inputs, key), keys_s)
        return summarise(samples, names)

    return jax.jit(sample)


def summarise(samples: Arrays, names: list[str]) -> dict[str, Array]:
    """Means over samples [s, b, ...], and of each head in `names` its deviation beside it."""
    means: dict[str, Array] = {name: sample.mean(0) for name, sample in samples.items()}
    for name in names:
        variance = samples[name].var(0, ddof=1)
        if (own := samples.get(f"{name}.deviation")) is not None:
            variance += jnp.square(own).mean(0)
        means[f"{name}.deviation"] = jnp.sqrt(variance)
        means = as_mixture(name, means)
    return means


def _check(config: Config, encoder: Encoder) -> None:
    """Raises UserError if nothing would be dropped, or if some answer is not one for a row."""
    if isinstance(config.net, Own):
        raise UserError(
            f"--dropout_samples: whether {config.net.path} drops anything is not known; "
            "it is for nets of denseq"
        )
    if not config.net.has_dropout():
        raise UserError(
            "--dropout_samples: this net has no dropout, so all samples would be the same; "
            "train one with config.net.dropout above 0"
        )
    of_steps = next((head.name for head in encoder.heads if HEAD_KINDS[head.kind].every_step), None)
    if of_steps is not None:
        raise UserError(
            f"--dropout_samples: {of_steps!r} is answered at every step; "
            "samples are of a row's one answer"
        )
    if config.loss == "reconstruction":
        raise UserError(
            "--dropout_samples: a code is no answer with a right and a wrong; "
            "samples are of predictions"
        )
