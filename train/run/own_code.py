"""What of a run cannot be with a net of the user's own, once its parameters are known."""

from __future__ import annotations

import jax

from train.config.own_net import Own
from train.core.penalties import kernels
from train.core.state import State
from train.errors import UserError
from train.run.driver import Driver
from train.run.run import Run

ON_KERNELS = ("l1", "l2", "weight_decay")


def check_own(run: Run, driver: Driver) -> None:
    """Raises UserError if an option goes by what a net of the user's own does not have."""
    net = run.config.net
    if not isinstance(net, Own):
        return
    state: State = jax.eval_shape(lambda: driver.init(run))
    whole = state.weights.params  # of rows its module is the "body", of steps it is "own"
    params = whole.get("body", whole.get("own", {}))
    for name in ON_KERNELS:
        if getattr(run.config.optim, name) and params and not kernels(params):
            raise UserError(
                f"config.optim.{name}: acts on parameters whose names end in kernel, and "
                f"{net.path} has none; set it to 0, or call its weights so"
            )
    field, off = ("exact", "none") if run.config.devices.exact else ("count", "1")
    if state.weights.batch_stats and run.program.parts.count > 1:
        raise UserError(
            f"config.devices.{field}: {net.path} keeps batch_stats, which are of a whole batch, "
            f"not of {run.program.parts.count} parts of it; set it to {off}"
        )
