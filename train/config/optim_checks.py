"""What the options of the optimizer must agree on, with each other and with the net."""

from __future__ import annotations

from fnmatch import fnmatch

from train.config import fields
from train.config.imported import Imported
from train.config.options import Config, Optim
from train.config.unread import is_idle
from train.errors import UserError


def check_optim(optim: Optim) -> None:
    """An option that would be passed over in silence is refused."""
    if isinstance(optim.name, Imported):
        return  # whatever belongs to another optimizer, `unread` tells
    if (optim.momentum or optim.nesterov) and optim.name not in ("sgd", "rmsprop"):
        field = "momentum" if optim.momentum else "nesterov"
        instead = f"leave it at {getattr(Optim, field)}"
        if not is_idle("optim.beta1", "optim.name", optim.name):
            instead = f"{optim.name} has config.optim.beta1 instead"
        raise UserError(f"config.optim.{field}: sgd and rmsprop have it; {instead}")
    if optim.nesterov and not optim.momentum:
        raise UserError("config.optim.nesterov: needs config.optim.momentum above 0, such as 0.9")
    _check_l1(optim)
    _check_schedule(optim)


def _check_l1(optim: Optim) -> None:
    """Raises UserError where proximal steps have nothing to do, or would be undone."""
    if optim.l1_step != "proximal":
        return
    if not optim.l1:
        raise UserError(
            "config.optim.l1_step: proximal is the step of config.optim.l1, which is 0; "
            "set it above 0"
        )
    if optim.schedule == "plateau":
        raise UserError(
            "config.optim.l1_step: proximal does not know the rate of config.optim.schedule=plateau"
        )
    if optim.ema:
        raise UserError(
            "config.optim.ema: an average keeps none of the exact zeros "
            "that config.optim.l1_step=proximal makes; set it to 0"
        )


def _check_schedule(optim: Optim) -> None:
    """Raises UserError where the warm-up or the end of a schedule contradicts it."""
    if optim.schedule == "exponential" and not optim.final:
        raise UserError(
            "config.optim.final: config.optim.schedule=exponential never comes to 0; "
            "set the share of the rate that it ends at, such as 0.01"
        )
    if optim.schedule == "one_cycle" and optim.warmup:
        raise UserError(
            "config.optim.warmup: config.optim.schedule=one_cycle rises on its own "
            "over its first 30 %; set it to 0"
        )
    if isinstance(optim.warmup, float) and optim.warmup >= 1:
        warmup = optim.warmup
        raise UserError(
            f"config.optim.warmup: {warmup} is no fraction below 1; for steps write {warmup:.0f}"
        )


def parameter_family(name: str) -> str:
    """What a parameter is one of: "slope" of "slope_0"."""
    return name.rstrip("0123456789").rstrip("_")


def check_rates(config: Config) -> None:
    """Rates go by the names of parameters; of these a kind of net has but a few."""
    known = config.net.parameters
    for name in config.optim.rates:
        family = parameter_family(name)
        if not any(fnmatch(name, known_name) or family == known_name for known_name in known):
            hint = fields.did_you_mean(family, known)
            kind = type(config.net).__name__
            raise UserError(
                f"config.optim.rates: no parameter of a {kind} is named {name!r}{hint} "
                f"(parameters: {', '.join(known)})"
            )
