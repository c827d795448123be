"""What the fields of a config must agree on, beyond what each may hold alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from train.errors import UserError
from train.options import Config, Optim, Table


def check_together(config: Config) -> None:
    """Raise UserError at the first contradiction. Takes fields that are each right alone."""
    if not re.fullmatch(r"\w[\w.+-]*", config.name):
        raise UserError(f"config.name: {config.name!r} names the run's folder: letters, digits and . _ + - only")
    _check_columns(config.data)
    _check_split(config.data)
    _check_optim(config.optim)
    if not (config.data.valid or config.data.valid_path):
        needs = "needs validation rows; set config.data.valid or config.data.valid_path"
        if config.train.patience is not None:
            raise UserError(f"config.train.patience: early stopping {needs}")
        if config.optim.schedule == "plateau":
            raise UserError(f"config.optim.schedule: plateau {needs}")


def _check_columns(data: Table) -> None:
    """A column is named once, and has one part to play."""
    if not data.path:
        raise UserError("config.data.path: no data; name a CSV, Parquet or JSON lines file, or builtin:NAME")
    targets = (data.target,) if isinstance(data.target, str) else data.target
    if not targets or "" in targets:
        raise UserError("config.data.target: no target; name the column, or columns, to predict")
    named = {
        "target": targets,
        "features": data.features or (),
        "ignore": data.ignore,
        "categorical": data.categorical or (),
        "numeric": data.numeric,
        "weight": (data.weight,),
        "group": (data.group,),
        "time": (data.time,),
    }
    for field, columns in named.items():
        twice = _shared(columns, columns, times=2)
        if twice:
            raise UserError(f"config.data.{field}: {twice!r} is named twice; name each column once")
    apart = [("target", other) for other in ("features", "ignore", "weight", "group", "time")]
    for one, other in [*apart, ("features", "ignore"), ("features", "weight"), ("categorical", "numeric")]:
        column = _shared(named[one], named[other])
        if column:
            raise UserError(f"config.data.{other}: {column!r} is in config.data.{one} too; leave it in one of them")


def _shared(some: Sequence[str | None], others: Sequence[str | None], times: int = 1) -> str | None:
    """The first name of `some` that stands at least so many times in `others`."""
    return next((name for name in some if name and others.count(name) >= times), None)


def _check_split(data: Table) -> None:
    for name, share in (("valid", data.valid), ("test", data.test)):
        if isinstance(share, float) and share >= 1:
            raise UserError(f"config.data.{name}: {share} is no fraction below 1; for rows write {share:.0f}")
    shares = [0 if path else share for share, path in ((data.valid, data.valid_path), (data.test, data.test_path))]
    if all(isinstance(share, float) for share in shares) and sum(shares) >= 1:
        sum_text = f"config.data.valid + config.data.test: {shares[0]} + {shares[1]}"
        raise UserError(f"{sum_text} leaves no rows to train on; their sum must be below 1")
    if data.split == "group" and not data.group:
        raise UserError("config.data.group: config.data.split=group needs a column whose rows stay together")
    if data.group and data.split != "group":
        raise UserError(f"config.data.group: not used by config.data.split={data.split}; set config.data.split=group")


def _check_optim(optim: Optim) -> None:
    """An option that would be passed over in silence is refused."""
    if (optim.momentum or optim.nesterov) and optim.name not in ("sgd", "rmsprop"):
        field = "momentum" if optim.momentum else "nesterov"
        raise UserError(f"config.optim.{field}: sgd and rmsprop have it; {optim.name} has config.optim.beta1 instead")
    if optim.nesterov and not optim.momentum:
        raise UserError("config.optim.nesterov: needs config.optim.momentum above 0, such as 0.9")
    if isinstance(optim.warmup, float) and optim.warmup >= 1:
        steps = f"{optim.warmup:.0f}"
        raise UserError(f"config.optim.warmup: {optim.warmup} is no fraction below 1; for steps write {steps}")
