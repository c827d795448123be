"""Nets for rows of a table that the compiled kernel answers by (`nets/kernels/tables.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from nets.base import DataNetwork, Tree, Variables
from nets.kernels import library
from nets.kernels.tables import NativeTable, suits
from train.data.dataset import HostArrays

# Weights of the first layer up to which the kernel answers. It keeps up to five times as many, in
# float64 while they are made: of 20,000 columns 4 GB, where XLA needs none.
MAX_FIRST = 1 << 22


class NativeNets:
    """The nets of some trees of variables, each of one net or of members along a first axis."""

    def __init__(self, trees: Sequence[Sequence[NativeTable]], has_members: bool):
        self._trees = trees
        self._has_members = has_members

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> list[HostArrays]:
        """For each tree the answers to encoded rows {head: [n, ...]}, or [members, n, ...]."""
        answers = []
        for nets in self._trees:
            each = [net(inputs) for net in nets]
            if self._has_members:
                answers.append({name: np.stack([one[name] for one in each]) for name in each[0]})
            else:
                answers.append(each[0])
        return answers


def native_nets(
    network: DataNetwork, trees: Sequence[Variables], has_members: bool
) -> NativeNets | None:
    """The nets by the kernel; None where it does not suit the network, or does not run."""
    if not suits(network) or not library.is_native():
        return None
    for tree in trees:
        if tree["params"]["body"]["layer_0"]["kernel"].size > MAX_FIRST:
            return None

    def net_of(tree: Variables, place: int) -> NativeTable:
        def own(leaf: Tree) -> np.ndarray:
            return np.asarray(leaf)[place] if has_members else np.asarray(leaf)

        return NativeTable(network, jax.tree.map(own, dict(tree)))

    made = []
    for tree in trees:
        n_nets = len(jax.tree.leaves(tree)[0]) if has_members else 1
        made.append([net_of(tree, place) for place in range(n_nets)])
    return NativeNets(made, has_members)
