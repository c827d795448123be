"""Where a population's data have an axis of members, and the data and states of some of them.

k members.
"""

from __future__ import annotations

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from nets.base import Array, Tree
from train.core.program import Data
from train.parallel.devices import ALONG_MEMBERS, EVERYWHERE, MEMBER
from train.run.driver import Specs

Leaves = TypeVar("Leaves")
OWN_FIELDS = ("train", "valid", "statistics", "key", "n_train", "n_valid", "mean_weight", "numbers")


def _each_field(shared: Tree, own: Tree) -> Data:
    """`Data` of one value for each field that members share, and another for each they do not."""
    return Data(
        arrays=shared,
        train_weight=shared,
        train=own,
        valid=own,
        statistics=own,
        key=own,
        n_train=own,
        n_valid=own,
        mean_weight=own,
        numbers=own,
    )


AXES = _each_field(None, 0)  # of a vmap
# Of members that devices share.
SPECS = Specs(
    _each_field(EVERYWHERE, ALONG_MEMBERS), ALONG_MEMBERS, logs=PartitionSpec(None, MEMBER)
)


def own_fields(data: Data) -> dict[str, Tree]:
    """The fields that have an axis of members."""
    return {name: getattr(data, name) for name in OWN_FIELDS}


def select_members(tree: Leaves, chosen: int | np.ndarray) -> Leaves:
    """The leaves of some members, or of one, from leaves with an axis of members first."""
    return jax.tree.map(lambda leaf: leaf[chosen], tree)


def select_data(data: Data, chosen: int | np.ndarray) -> Data:
    """The data of some members, or of one."""
    return data.replace(**select_members(own_fields(data), chosen))


def select_both(data: Data, state: Leaves, chosen: int | np.ndarray) -> tuple[Data, Leaves]:
    """The data and states of some members, or of one."""
    return select_data(data, chosen), select_members(state, chosen)


def where_training(training_k: Array, new: Leaves, old: Leaves) -> Leaves:
    """The new leaves of members that train, the old ones of the others."""

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(training_k.reshape(training_k.shape + (1,) * (new.ndim - 1)), new, old)

    return jax.tree.map(choose, new, old)
