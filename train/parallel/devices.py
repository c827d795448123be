"""A run over several devices: where arrays stand, and what compiles the program for them.

The mesh has two axes: members of a population stand along MEMBER, the rows of each batch along
BATCH. Every device holds all training rows, so that a batch is taken without a word between
devices; they speak once an update, to add up gradients, and once an evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from nets.base import Tree
from train.core.batch_parts import BATCH
from train.core.state import State

# Arrays that come back as they were given, in another place.
T = TypeVar("T")
# A tree of PartitionSpec that may end early: a spec is that of all arrays below it.
Specs: TypeAlias = Tree
# (data, state, numbers ...) -> (state, logs, number); once compiled, for arguments of one shape.
Call: TypeAlias = Callable[..., tuple[State, Tree, Tree]]

MEMBER = "member"
EVERYWHERE = PartitionSpec()
ALONG_MEMBERS = PartitionSpec(MEMBER)


@dataclass(frozen=True)
class Layout:
    """Devices [member, batch], and which of `jit` and `pmap` compiles for them."""

    mesh: Mesh
    parallel: str

    def sharding(self, spec: PartitionSpec) -> NamedSharding:
        """Where an array of this spec stands."""
        return NamedSharding(self.mesh, spec)


def place(layout: Layout | None, tree: T, specs: Specs = EVERYWHERE) -> T:
    """Arrays, the same in every process, put where their specs say."""
    if layout is None:
        return tree

    def shardings_below(spec: PartitionSpec, part: Tree) -> Tree:
        return jax.tree.map(lambda _: layout.sharding(spec), part)

    shardings = jax.tree.map(shardings_below, specs, tree, is_leaf=_is_spec)
    if jax.process_count() == 1:
        return jax.device_put(tree, shardings)
    return jax.tree.map(_place_part, fetch(tree), shardings)


def _is_spec(node: object) -> bool:
    return isinstance(node, PartitionSpec)


def _place_part(array: jax.Array | np.ndarray, sharding: NamedSharding) -> jax.Array:
    """An array of which this process' devices take their part, without comparing all of it.

    `jax.device_put` would compare it between processes first.
    """
    if isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_place_part(jax.random.key_data(array), sharding))
    whole = np.asarray(array)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])


def place_rows(layout: Layout | None, tree: T, spec: PartitionSpec) -> T:
    """Arrays of which each process has rows of its own, one process' after the other's."""
    if layout is None:
        return jax.device_put(tree)
    sharding = layout.sharding(spec)
    return jax.tree.map(lambda rows: jax.make_array_from_process_local_data(sharding, rows), tree)


def fetch(tree: T) -> T:
    """Arrays that this process can read whole; on the host, if it is the only one."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    return jax.tree.map(_gather_whole, tree)


def _gather_whole(leaf: Tree) -> Tree:
    """An array with what other processes hold of it; anything else as it is."""
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return leaf
    if leaf.is_fully_replicated:
        return np.asarray(leaf)
    return multihost_utils.process_allgather(leaf, tiled=True)


def compiled(
    layout: Layout | None,
    call: Call,
    arguments: Sequence[Tree],
    specs: tuple[Specs, Specs, Specs] = (EVERYWHERE, EVERYWHERE, EVERYWHERE),
    more: Sequence[Specs] = (),
) -> Call:
    """A call compiled for these arguments and for the devices; its state is donated.

    `specs` are those of data, state and logs, `more` those of further arguments, unless they are
    everywhere. Within, arrays are what one device holds.
    """
    if layout is None:
        return jax.jit(call, donate_argnums=1).lower(*arguments).compile()
    if layout.parallel == "pmap":
        return _compiled_by_pmap(layout, call, arguments)
    data, state, logs = specs
    others = more or (EVERYWHERE,) * (len(arguments) - 2)
    mapped = jax.shard_map(
        call,
        mesh=layout.mesh,
        in_specs=(data, state, *others),
        out_specs=(state, logs, EVERYWHERE),
        check_vma=False,
    )
    return jax.jit(mapped, donate_argnums=1).lower(*arguments).compile()


def _compiled_by_pmap(layout: Layout, call: Call, arguments: Sequence[Tree]) -> Call:
    def with_place(place: jax.Array, *arguments: Tree) -> tuple[State, Tree, Tree]:
        del place  # pmap wants an argument that differs between devices
        return call(*arguments)

    devices = list(layout.mesh.devices.flat)
    everywhere: Tree = None
    mapped = jax.pmap(
        with_place,
        BATCH,
        in_axes=(0, *(everywhere,) * len(arguments)),
        out_axes=everywhere,
        devices=devices,
        donate_argnums=2,
    )
    places = np.arange(len(devices))
    program = mapped.lower(places, *arguments).compile()
    return partial(program, places)


class BlockPrediction(NamedTuple, Generic[T]):
    """A function of one tree of variables and blocks of rows, all trees, and how many blocks."""

    predict: Callable[[Tree, Tree], Tree]
    variables: T
    n_blocks: int


def on_every_device(
    predict_block: Callable[[Tree, Tree], Tree], variables: T, axis: int
) -> BlockPrediction[T]:
    """A function that predicts blocks of rows, one block on each device of this process.

    Predictions have their rows along `axis`; a block's bits are those of one device.
    """
    devices = jax.local_devices()
    if len(devices) == 1:
        return BlockPrediction(jax.jit(predict_block), variables, 1)
    mesh = Mesh(np.array(devices), ("blocks",), axis_types=(AxisType.Auto,))
    mapped = jax.shard_map(
        predict_block,
        mesh=mesh,
        in_specs=(EVERYWHERE, PartitionSpec("blocks")),
        out_specs=PartitionSpec(*(None,) * axis, "blocks"),
        check_vma=False,
    )
    placed = jax.device_put(variables, NamedSharding(mesh, EVERYWHERE))
    return BlockPrediction(jax.jit(mapped), placed, len(devices))
