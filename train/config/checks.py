"""What the fields of a config must agree on, beyond what each may hold alone."""

from __future__ import annotations

import dataclasses
import re

from train.config.data_checks import (
    as_names,
    check_sequences,
    check_series,
    check_shares,
    check_stream,
    check_table,
    check_target,
)
from train.config.data_options import Sequences, Series, Table
from train.config.net_checks import (
    check_clusters,
    check_forecast,
    check_perceptron,
    check_reconstruction,
    check_steps,
)
from train.config.net_options import LSTM, Competitive, Perceptron, SelfOrganizingMap
from train.config.options import Augment, Config, Optim
from train.errors import UserError


def check_together(config: Config) -> None:
    """Raise UserError at the first contradiction. Takes fields that are each right alone."""
    if not re.fullmatch(r"\w[\w.+-]*", config.name):
        raise UserError(
            f"config.name: {config.name!r} names the run's folder: letters, digits and . _ + - only"
        )
    if not config.data.path:
        raise UserError(
            "config.data.path: no data; name a CSV, Parquet or JSON lines file, or builtin:NAME"
        )
    if isinstance(config.net, LSTM) and isinstance(config.data, Table):
        raise UserError(
            "config.net: an LSTM reads config.data=Series(...) or Sequences(...); for a Table use Dense"
        )
    if not isinstance(config.net, LSTM) and not isinstance(config.data, Table):
        net = type(config.net).__name__
        kind = type(config.data).__name__
        raise UserError(f"config.net: {net} reads config.data=Table(...); for {kind} use an LSTM")
    if isinstance(config.net, Perceptron):
        check_perceptron(config, config.net)
    if isinstance(config.net, Competitive | SelfOrganizingMap) and isinstance(config.data, Table):
        check_clusters(config, config.net, config.data)
    elif config.loss == "reconstruction":
        check_reconstruction(config)
    elif isinstance(config.data, Table):
        check_target(as_names(config.data.target))
        if getattr(config.net, "code", None) is not None:
            raise UserError(
                "config.net.code: is for config.loss=reconstruction, which learns without a target"
            )
        if config.data.label:
            raise UserError(
                "config.data.label: judges clusters; a net with a target is judged by config.data.target"
            )
    if isinstance(config.data, Sequences) and isinstance(config.net, LSTM):
        check_steps(config.data, config.net)
    if isinstance(config.data, Series) and isinstance(config.net, LSTM):
        check_forecast(config.data, config.net, config.loss)
    check_data = {Table: check_table, Series: check_series, Sequences: check_sequences}
    check_data[type(config.data)](config.data)
    check_stream(config)
    check_shares(config.data)
    _check_quantiles(config)
    _check_augment(config.data, config.augment)
    _check_optim(config.optim)
    _check_devices(config)
    if not (config.data.valid or getattr(config.data, "valid_path", None)):
        needs = "needs validation rows; set config.data.valid"
        if config.train.patience is not None:
            raise UserError(f"config.train.patience: early stopping {needs}")
        if config.optim.schedule == "plateau":
            raise UserError(f"config.optim.schedule: plateau {needs}")


def _check_quantiles(config: Config) -> None:
    levels = config.quantiles
    if config.loss != "quantile":
        if levels != Config.quantiles:
            raise UserError(
                f"config.quantiles: not used by config.loss={config.loss}; set config.loss=quantile"
            )
    elif list(levels) != sorted(set(levels)) or 0.5 not in levels or len(levels) < 2:
        expected = "expected two or more in increasing order, .5 (the prediction) among them, such as (0.05, 0.5, 0.95)"
        raise UserError(f"config.quantiles: {expected}, got {levels}")
    if config.loss in ("quantile", "gaussian") and getattr(config.data, "next_step", False):
        raise UserError(
            f"config.loss: {config.loss} is not for config.data.next_step=true; leave it at auto"
        )


def _check_devices(config: Config) -> None:
    devices = config.devices
    if devices.parallel == "pmap" and devices.members not in (None, 1):
        raise UserError(
            "config.devices.members: pmap shares out batches only; set config.devices.parallel=jit"
        )
    if devices.exact and getattr(config.net, "norm", None) == "batch":
        raise UserError(
            f"config.devices.exact: config.net.norm=batch takes its mean over a whole batch, not over {devices.exact} "
            "parts of it; set config.net.norm=layer"
        )


OF_TABLES = ("noise", "drop", "swap", "cutmix")
OF_SEQUENCES = (
    "scaling",
    "warp",
    "time_mask",
    "channel_mask",
    "reverse",
    "token_drop",
    "token_swap",
)


def _check_augment(data: Table | Series | Sequences, augment: Augment) -> None:
    """An augmentation must be one for this kind of data."""
    on = [field.name for field in dataclasses.fields(augment) if getattr(augment, field.name) != 0]
    for name in on:
        kinds = ["Table"] * (name not in OF_SEQUENCES) + ["Sequences"] * (name not in OF_TABLES)
        if type(data).__name__ not in kinds:
            instead = (
                "; of sequences it is config.net.noise"
                if name == "noise" and isinstance(data, Sequences)
                else ""
            )
            fits = " or ".join(f"config.data={kind}(...)" for kind in kinds)
            raise UserError(
                f"config.augment.{name}: is for {fits}, not {type(data).__name__}; set it to 0{instead}"
            )
    if "mixup" in on and "cutmix" in on:
        raise UserError(
            "config.augment.cutmix: rows are mixed by config.augment.mixup already; set one of them to 0"
        )


def _check_optim(optim: Optim) -> None:
    """An option that would be passed over in silence is refused."""
    if (optim.momentum or optim.nesterov) and optim.name not in ("sgd", "rmsprop"):
        field = "momentum" if optim.momentum else "nesterov"
        raise UserError(
            f"config.optim.{field}: sgd and rmsprop have it; {optim.name} has config.optim.beta1 instead"
        )
    if optim.nesterov and not optim.momentum:
        raise UserError("config.optim.nesterov: needs config.optim.momentum above 0, such as 0.9")
    if optim.l1_step == "proximal" and not optim.l1:
        raise UserError(
            "config.optim.l1_step: proximal is the step of config.optim.l1, which is 0; set it above 0"
        )
    if optim.l1_step == "proximal" and optim.schedule == "plateau":
        raise UserError(
            "config.optim.l1_step: proximal does not know the rate of config.optim.schedule=plateau"
        )
    if isinstance(optim.warmup, float) and optim.warmup >= 1:
        warmup = optim.warmup
        raise UserError(
            f"config.optim.warmup: {warmup} is no fraction below 1; for steps write {warmup:.0f}"
        )
