"""A run over several devices: how they are laid out, where arrays stand, and what compiles the
program for them.

The mesh has two axes: members of a population stand along MEMBER, the rows of each batch along
BATCH. Every device holds all training rows, so that a batch is taken without a word between
devices; they speak once an update, to add up gradients, and once an evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from train.config.bounded import resolved
from train.config.options import Config, Devices
from train.core.batch_parts import BATCH, Parts
from train.core.program import Program
from train.core.state import State
from train.errors import UserError

MEMBER = "member"
MIN_ROWS = 64  # of a batch that a device is given, unless `devices.count` asks for more devices
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


def make_layout(
    config: Config, program: Program, n_members: int = 1
) -> tuple[Layout | None, Program]:
    """The devices of a run and its program with the parts of a batch; None where jax has one
    device.

    Members are shared by as many devices as divide both numbers, the batch by the others. Raises
    UserError if the config asks for devices that are not there, or for numbers that do not divide.
    """
    options = config.devices
    present = jax.devices()
    shares_batch = not program.network.learns_by_rule
    n_devices = _count(
        options, len(present), n_members, resolved(config.train.batch_size), shares_batch
    )
    along_members = _along_members(options, n_devices, n_members)
    along_batch = n_devices // along_members
    exact = options.exact if shares_batch else None
    if exact and exact % along_batch:
        raise UserError(
            f"config.devices.exact: {exact} parts cannot be shared evenly by {along_batch} devices; "
            f"set config.devices.count to a divisor of {exact}"
        )
    if len(present) == 1 and not exact and options.parallel == "jit":
        return None, program
    axes = (AxisType.Auto, AxisType.Auto)
    mesh = Mesh(
        np.array(present[:n_devices]).reshape(along_members, along_batch),
        (MEMBER, BATCH),
        axis_types=axes,
    )
    if shares_batch:
        program = replace(
            program, parts=Parts(2 * exact if exact else along_batch, along_batch, bool(exact))
        )
    return Layout(mesh, options.parallel), program


def _count(
    options: Devices, n_present: int, n_members: int, batch_size: int, shares_batch: bool
) -> int:
    """How many devices a run takes: those asked for, or as many as have enough to do."""
    if options.count is not None:
        if options.count > n_present:
            kind = jax.devices()[0].device_kind
            raise UserError(
                f"config.devices.count: {options.count} asked for, but {n_present} present ({kind})"
            )
        return options.count
    if jax.process_count() > 1:
        return n_present  # a process without a device in the program could not follow it
    most = max(1, batch_size // MIN_ROWS) if shares_batch else 1
    along_batch = [n for n in range(1, most + 1) if (options.exact or n) % n == 0]
    along_members = (
        [options.members]
        if options.members
        else [n for n in range(1, n_present + 1) if n_members % n == 0]
    )
    if options.parallel == "pmap":
        along_members = [1]
    found = [members * batch for members in along_members for batch in along_batch]
    return max((n for n in found if n <= n_present), default=1)


def _along_members(options: Devices, n_devices: int, n_members: int) -> int:
    if options.parallel == "pmap":
        return 1
    found = options.members or math.gcd(n_devices, n_members)
    for what, number in (("devices", n_devices), ("members", n_members)):
        if number % found:
            raise UserError(
                f"config.devices.members: {found} does not divide the {number} {what}; choose a divisor"
            )
    return found


def describe(layout: Layout | None) -> str:
    """A line for the user; "" where there is one device."""
    n_present = jax.device_count()
    if layout is None or n_present == 1:
        return ""
    if layout.mesh.size == 1:
        return f"devices: 1 of {n_present}; config.devices.count takes more"
    along_members, along_batch = layout.mesh.devices.shape
    n_processes = jax.process_count()
    shared = f"members over {along_members}, batches over {along_batch}, by {layout.parallel}"
    return f"devices: {layout.mesh.size} of {n_present}{f' in {n_processes} processes' * (n_processes > 1)}: {shared}"


def place(layout: Layout | None, tree: Any, specs: Any = EVERYWHERE) -> Any:
    """Arrays, the same in every process, put where `specs`, a tree of specs that may end early,
    says.
    """
    if layout is None:
        return tree
    shardings = jax.tree.map(
        lambda spec, part: jax.tree.map(lambda _: layout.sharding(spec), part),
        specs,
        tree,
        is_leaf=lambda node: isinstance(node, PartitionSpec),
    )
    if jax.process_count() == 1:
        return jax.device_put(tree, shardings)
    return jax.tree.map(_place_part, fetch(tree), shardings)


def _place_part(array: Any, sharding: NamedSharding) -> jax.Array:
    """What of an array belongs to this process' devices: `jax.device_put` would first compare all
    of it.
    """
    if isinstance(array, jax.Array) and jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(_place_part(jax.random.key_data(array), sharding))
    whole = np.asarray(array)
    return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])


def place_rows(layout: Layout | None, tree: Any, spec: PartitionSpec) -> Any:
    """Arrays of which each process has rows of its own, one process' after the other's."""
    if layout is None:
        return jax.device_put(tree)
    return jax.tree.map(
        lambda rows: jax.make_array_from_process_local_data(layout.sharding(spec), rows), tree
    )


def fetch(tree: Any) -> Any:
    """Arrays that this process can read whole: on the host, of several processes that share
    them.
    """

    def whole(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return leaf
        return (
            np.asarray(leaf)
            if leaf.is_fully_replicated
            else multihost_utils.process_allgather(leaf, tiled=True)
        )

    return jax.device_get(tree) if jax.process_count() == 1 else jax.tree.map(whole, tree)


def compiled(
    layout: Layout | None,
    call: Callable[..., tuple[State, Any, Any]],
    arguments: Sequence[Any],
    specs: tuple[Any, Any, Any] = (EVERYWHERE, EVERYWHERE, EVERYWHERE),
    more: Sequence[Any] = (),
) -> Callable[..., tuple[State, Any, Any]]:
    """`call`: (data, state, numbers ...) -> (state, logs, number), compiled for these arguments;
    the state is donated.

    `specs` are those of data, state and logs, `more` those of further arguments, unless they are
    everywhere. Within, arrays are what one device holds.
    """
    if layout is None:
        return jax.jit(call, donate_argnums=1).lower(*arguments).compile()
    if layout.parallel == "pmap":
        return _compiled_by_pmap(layout, call, arguments)
    data, state, logs = specs
    more = more or (EVERYWHERE,) * (len(arguments) - 2)
    inside = (data, state, *more)
    outside = (state, logs, EVERYWHERE)
    mapped = jax.shard_map(
        call, mesh=layout.mesh, in_specs=inside, out_specs=outside, check_vma=False
    )
    return jax.jit(mapped, donate_argnums=1).lower(*arguments).compile()


def _compiled_by_pmap(
    layout: Layout, call: Callable[..., Any], arguments: Sequence[Any]
) -> Callable[..., Any]:
    def with_place(place: jax.Array, *arguments: Any) -> Any:
        del place  # pmap wants an argument that differs between devices
        return call(*arguments)

    devices = list(layout.mesh.devices.flat)
    in_axes: Any = (0, *(None,) * len(arguments))
    out_axes: Any = None
    mapped = jax.pmap(
        with_place, BATCH, in_axes=in_axes, out_axes=out_axes, devices=devices, donate_argnums=2
    )
    places = np.arange(len(devices))
    program = mapped.lower(places, *arguments).compile()
    return lambda *arguments: program(places, *arguments)


def on_every_device(
    predict_block: Callable[..., Any], variables: Any, axis: int
) -> tuple[Callable[..., Any], Any, int]:
    """`of_block(variables, inputs)` for blocks of rows, one on each device of this process; the
    variables on all of them; and how many blocks. Answers have their rows along `axis`; a block's
    bits are those of one device.
    """
    devices = jax.local_devices()
    if len(devices) == 1:
        return jax.jit(predict_block), variables, 1
    mesh = Mesh(np.array(devices), ("blocks",), axis_types=(AxisType.Auto,))
    inside = (EVERYWHERE, PartitionSpec("blocks"))
    answers = PartitionSpec(*(None,) * axis, "blocks")
    mapped = jax.shard_map(
        predict_block, mesh=mesh, in_specs=inside, out_specs=answers, check_vma=False
    )
    return jax.jit(mapped), jax.device_put(variables, NamedSharding(mesh, EVERYWHERE)), len(devices)
