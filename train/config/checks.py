"""What the fields of a config must agree on, beyond what each may hold alone."""

from __future__ import annotations

import re

from train.config.data_checks import (
    as_names,
    check_sequences,
    check_series,
    check_shares,
    check_table,
    check_target,
)
from train.config.data_options import Data, Sequences, Series, Table, has_valid_rows
from train.config.imported import Imported
from train.config.loss_checks import check_levels, check_nonnegative
from train.config.lstm_checks import check_forecast, check_sequence_net
from train.config.net_checks import (
    check_clusters,
    check_linear_start,
    check_members,
    check_parts,
    check_perceptron,
    check_reconstruction,
)
from train.config.net_options import LSTM, Competitive, Dense, Net, Perceptron, SelfOrganizingMap
from train.config.optim_checks import check_optim, check_rates
from train.config.options import Augment, Config
from train.config.own_net import Own
from train.config.stream_checks import check_stream
from train.config.truncate_checks import check_truncate
from train.errors import UserError

# Strengths of augment that one kind of data alone knows.
TABLE_STRENGTHS = ("noise", "drop", "swap", "cutmix")
SEQUENCE_STRENGTHS = (
    "scaling",
    "warp",
    "time_mask",
    "channel_mask",
    "reverse",
    "token_drop",
    "token_swap",
)


def check_together(config: Config) -> None:
    """Raises UserError at the first contradiction, of fields that are each right alone."""
    _check_names(config)
    _check_kinds(config.data, config.net)
    _check_net(config)
    _check_data(config.data)
    check_truncate(config)
    check_stream(config)
    check_shares(config.data)
    check_levels(config)
    check_nonnegative(config)
    _check_augment(config.data, config.augment)
    check_optim(config.optim)
    check_rates(config)
    _check_devices(config)
    _check_validation(config)


def _check_names(config: Config) -> None:
    if not re.fullmatch(r"\w[\w.+-]*", config.name):
        raise UserError(
            f"config.name: {config.name!r} names the run's folder: letters, digits and . _ + - only"
        )
    if not config.data.path:
        raise UserError(
            "config.data.path: no data; name a CSV, Parquet or JSON lines file, or builtin:NAME; "
            "a table in memory, loop.fit(config, data=table), may bear any name"
        )


def _check_kinds(data: Data, net: Net) -> None:
    """An LSTM reads steps, a user's own net what there is, all others read rows of a table."""
    if isinstance(net, Own):
        if isinstance(data, Sequences) and data.next_step:
            raise UserError(f"config.data.next_step: {net.path} may look ahead; use an LSTM")
        return
    if net.reads_steps and isinstance(data, Table):
        raise UserError(
            "config.net: an LSTM reads config.data=Series(...) or Sequences(...); "
            "for a Table use Dense"
        )
    if not net.reads_steps and not isinstance(data, Table):
        name = type(net).__name__
        kind = type(data).__name__
        raise UserError(f"config.net: {name} reads config.data=Table(...); for {kind} use an LSTM")


def _check_net(config: Config) -> None:
    """What the net, its data and its loss must agree on."""
    if isinstance(config.loss, Imported) and config.label_smoothing not in (0, "auto"):
        raise UserError(
            f"config.label_smoothing: {config.loss.path} knows nothing of it; set it to 0"
        )
    if isinstance(config.net, Perceptron):
        check_perceptron(config, config.net)
    if isinstance(config.net, Dense):
        check_members(config.net)
        check_linear_start(config.net, config.loss)
    match config.data, config.net:
        case Table() as data, Competitive() | SelfOrganizingMap() as net:
            check_clusters(config, net, data)
        case _ if config.loss == "reconstruction":
            check_reconstruction(config)
        case Table() as data, net:
            _check_supervised(data, net)
        case _:
            pass
    match config.data, config.net:
        case Sequences() as data, LSTM() as net:
            check_sequence_net(data, net)
        case Series() as data, LSTM() as net:
            check_forecast(data, net, config.loss)
        case _:
            pass


def _check_supervised(data: Table, net: Net) -> None:
    check_target(as_names(data.target))
    if isinstance(net, Dense) and net.code is not None:
        raise UserError(
            "config.net.code: is for config.loss=reconstruction, which learns without a target"
        )
    if data.label:
        raise UserError(
            "config.data.label: judges clusters; "
            "a net with a target is judged by config.data.target"
        )


def _check_data(data: Data) -> None:
    match data:
        case Table():
            check_table(data)
        case Series():
            check_series(data)
        case Sequences():
            check_sequences(data)


def _check_devices(config: Config) -> None:
    devices = config.devices
    if devices.parallel == "pmap" and devices.members not in (None, 1):
        raise UserError(
            "config.devices.members: pmap shares out batches only; set config.devices.parallel=jit"
        )
    if devices.exact:
        check_parts(config.net, devices.exact)


def _check_augment(data: Data, augment: Augment) -> None:
    """An augmentation must be one for this kind of data."""
    on = [name for name, strength in augment.strengths().items() if strength not in (0, "auto")]
    for name in on:
        kinds = _kinds_for(name)
        kind = type(data).__name__
        if kind not in kinds:
            fits = " or ".join(f"config.data={kind}(...)" for kind in kinds)
            instead = ""
            if name == "noise" and isinstance(data, Sequences):
                instead = "; of sequences it is config.net.noise"
            raise UserError(
                f"config.augment.{name}: is for {fits}, not {kind}; set it to 0{instead}"
            )
    if "mixup" in on and "cutmix" in on:
        raise UserError(
            "config.augment.cutmix: rows are mixed by config.augment.mixup already; "
            "set one of them to 0"
        )


def _kinds_for(name: str) -> list[str]:
    """The kinds of data that an augmentation is for."""
    kinds = []
    if name not in SEQUENCE_STRENGTHS:
        kinds.append("Table")
    if name not in TABLE_STRENGTHS:
        kinds.append("Sequences")
    return kinds


def _check_validation(config: Config) -> None:
    if has_valid_rows(config.data) or config.population.n_folds > 1:
        return
    needs = "needs validation rows; set config.data.valid"
    if config.train.patience is not None:
        off = "or to train without them config.train.patience=none"
        raise UserError(f"config.train.patience: early stopping {needs}, {off}")
    if config.optim.schedule == "plateau":
        raise UserError(f"config.optim.schedule: plateau {needs}, or another schedule")
