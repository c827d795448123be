"""The data of a run on the device: columns scaled once, and what each row counts for. n rows, f
numbers, k classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Statistics
from train.config.net_options import Dense
from train.config.options import Config
from train.core.augment import reads_spread
from train.core.program import Data, Program
from train.data.dataset import Dataset, Encoder, Head
from train.errors import UserError

START_ROWS = 20_000  # of which units are drawn at most


def to_device(program: Program, dataset: Dataset, statistics: Statistics) -> Data:
    """Columns and targets scaled once, by the compiled network, and put where training will find
    them.
    """
    config = program.config
    network = program.network
    prepare = jax.jit(lambda s, x: network.apply({"statistics": s}, x, method="preprocess"))
    prepare_target = jax.jit(
        lambda s, y: network.apply({"statistics": s}, y, method="preprocess_target")
    )
    arrays = dataset.prepared(partial(prepare, statistics), partial(prepare_target, statistics))
    net = config.net
    if (
        isinstance(net, Dense)
        and net.embedding == "piecewise_linear"
        and "numbers" in arrays.inputs
    ):
        train_numbers = np.asarray(arrays.inputs["numbers"][dataset.splits["train"]])
        statistics["inputs"]["edges"] = bin_edges(train_numbers, net.embedding_size)
    if reads_spread(config.augment):
        train_numbers = np.asarray(arrays.inputs["numbers"])[dataset.splits["train"]].astype(
            np.float64
        )
        fitted = {"mean": train_numbers.mean(0), "spread": train_numbers.std(0)}
        for name, values in fitted.items():
            statistics["inputs"][name] = values.astype(np.float32)
    return Data(
        arrays=jax.device_put(arrays),
        train_weight=jnp.asarray(dataset.weight * class_weights(config, dataset)),
        train=jnp.asarray(dataset.splits["train"]),
        valid=jnp.asarray(dataset.splits["valid"]),
        statistics=jax.device_put(statistics),
        key=jax.random.key(config.seed),
    )


def starting_rows(rows: np.ndarray, seed: int) -> np.ndarray:
    """The training rows among which weights begin that begin among rows: START_ROWS at most, in
    random order.
    """
    return np.random.default_rng(seed).permutation(rows)[:START_ROWS]


def bin_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """Quantiles of scaled training columns [f, n_bins + 1], for the piecewise-linear embedding."""
    return np.quantile(numbers_nf, np.linspace(0, 1, n_bins + 1), axis=0).T.astype(np.float32)


def class_weights(config: Config, dataset: Dataset) -> np.ndarray:
    """What each row counts for in the loss for its class [n]: ones, the config's weights, or
    "balanced": rows / (classes x rows of the class), over the training rows, as in scikit-learn.
    """
    if config.class_weight is None:
        return np.ones_like(dataset.weight)

    def count(head: Head) -> np.ndarray:
        return np.bincount(
            dataset.arrays.target[head.name][dataset.splits["train"]], minlength=len(head.classes)
        )

    head, factor_k = class_factors(config, dataset.encoder, count)
    return factor_k[dataset.arrays.target[head.name]]


def class_factors(
    config: Config, encoder: Encoder, count: Callable[[Head], np.ndarray]
) -> tuple[Head, np.ndarray]:
    """The head that classes are weighted by, and the weight of each [k]; `count` gives the training
    rows of each.
    """
    heads = [head for head in encoder.heads if head.kind != "regression"]
    if len(heads) != 1:
        raise UserError("config.class_weight: needs exactly one target that is a class")
    head = heads[0]
    if config.class_weight == "balanced":
        counts = count(head)
        weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
    else:
        given = config.class_weight or {}
        unknown = sorted(set(given) - set(head.classes))
        if unknown:
            raise UserError(
                f"config.class_weight: no class {unknown[0]!r} in {head.name}; classes: {head.classes}"
            )
        weights = np.array([given.get(name, 1.0) for name in head.classes])
    return head, weights.astype(np.float32)
