"""How many devices a run takes, and how they are shared out between members and batches."""

from __future__ import annotations

import math
from dataclasses import replace

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from train.config.bounded import resolved
from train.config.options import Config, Devices
from train.core.batch_parts import BATCH, Parts
from train.core.program import Program
from train.errors import UserError
from train.parallel.devices import MEMBER, Layout

MIN_ROWS = 64  # of a batch that a device is given, unless `devices.count` asks for more devices


def make_layout(
    config: Config, program: Program, n_members: int = 1
) -> tuple[Layout | None, Program]:
    """The devices of a run, None for the only one, and its program with the parts of a batch.

    Members are shared by as many devices as divide both numbers, the batch by the others. Raises
    UserError if the config asks for devices that are not there, or for numbers that do not divide.
    """
    options = config.devices
    present = jax.devices()
    shares_batch = not program.network.learns_by_rule
    batch_size = resolved(config.train.batch_size) if shares_batch else 1
    n_devices = _count_devices(options, len(present), n_members, batch_size)
    along_members = _along_members(options, n_devices, n_members)
    along_batch = n_devices // along_members
    exact = options.exact if shares_batch else None
    if exact and exact % along_batch:
        raise UserError(
            f"config.devices.exact: {exact} parts cannot be shared evenly by "
            f"{along_batch} devices; set config.devices.count to a divisor of {exact}"
        )
    if len(present) == 1 and not exact and options.parallel == "jit":
        return None, program
    if shares_batch:
        n_parts = 2 * exact if exact else along_batch
        program = replace(program, parts=Parts(n_parts, along_batch, bool(exact)))
    devices = np.array(present[:n_devices]).reshape(along_members, along_batch)
    mesh = Mesh(devices, (MEMBER, BATCH), axis_types=(AxisType.Auto, AxisType.Auto))
    return Layout(mesh, options.parallel), program


def _count_devices(options: Devices, n_present: int, n_members: int, batch_size: int) -> int:
    """How many devices a run takes: those asked for, or as many as have enough to do.

    `batch_size`: rows that devices may share, 1 where they share no batch.
    """
    if options.count is not None:
        if options.count > n_present:
            kind = jax.devices()[0].device_kind
            raise UserError(
                f"config.devices.count: {options.count} asked for, but {n_present} present ({kind})"
            )
        return options.count
    if jax.process_count() > 1:
        return n_present  # a process without a device in the program could not follow it
    most = max(1, batch_size // MIN_ROWS)
    along_batch = [n for n in range(1, most + 1) if (options.exact or n) % n == 0]
    if options.parallel == "pmap":
        along_members = [1]
    elif options.members:
        along_members = [options.members]
    else:
        along_members = [n for n in range(1, n_present + 1) if n_members % n == 0]
    found = (members * batch for members in along_members for batch in along_batch)
    return max((n for n in found if n <= n_present), default=1)


def _along_members(options: Devices, n_devices: int, n_members: int) -> int:
    """How many of the devices stand along the members. Raises UserError."""
    if options.parallel == "pmap":
        return 1
    found = options.members or math.gcd(n_devices, n_members)
    for what, number in (("devices", n_devices), ("members", n_members)):
        if number % found:
            raise UserError(
                f"config.devices.members: {found} does not divide the {number} {what}; "
                "choose a divisor"
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
    within = f" in {n_processes} processes" if n_processes > 1 else ""
    shared = f"members over {along_members}, batches over {along_batch}, by {layout.parallel}"
    return f"devices: {layout.mesh.size} of {n_present}{within}: {shared}"
