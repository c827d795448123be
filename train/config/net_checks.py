"""What a net, its data and its loss must agree on."""

from __future__ import annotations

import dataclasses
from typing import get_args

from train.config import values
from train.config.data_options import Sequences, Series, Table
from train.config.net_options import LSTM, Competitive, Dense, Net, Perceptron, SelfOrganizingMap
from train.config.options import COUNT_LOSSES, Config, Loss, Optim
from train.config.unread import Unread, refuse
from train.errors import UserError


def check_perceptron(config: Config, net: Perceptron) -> None:
    """Raises UserError if an option contradicts threshold neurons, or would not be used."""
    if config.loss not in ("auto", "binary_crossentropy", "categorical_crossentropy"):
        raise UserError(
            f"config.loss: {config.loss} is not for a Perceptron, which tells classes; "
            "leave it at auto"
        )
    if config.label_smoothing not in (0, "auto"):
        raise UserError("config.label_smoothing: a threshold answers yes or no; set it to 0")
    if net.rule not in ("straight_through", "surrogate"):
        _check_no_descent(config, f"config.net.rule={net.rule}")


NOT_FOR_FORECASTS = ("poisson", "binary_crossentropy", "categorical_crossentropy")


def check_clusters(config: Config, net: Competitive | SelfOrganizingMap, data: Table) -> None:
    """Raises UserError if an option contradicts units that learn clusters, or would not be used."""
    name = type(net).__name__
    if any(data.target):
        raise UserError(
            f"config.data.target: a {name} learns without; "
            "a column to judge by is config.data.label"
        )
    if config.loss != "auto":
        raise UserError(
            f"config.loss: a {name} has its own, the squared distance; leave it at auto"
        )
    _check_no_classes(config, f"a {name}")
    if isinstance(net, SelfOrganizingMap):
        _check_map(net)
    _check_no_descent(config, f"a {name}")


def _check_no_classes(config: Config, learner: str) -> None:
    """What only classes are learned by must be at its default."""
    if config.class_weight is not None or config.label_smoothing not in (0, "auto"):
        field = "label_smoothing" if config.class_weight is None else "class_weight"
        raise UserError(f"config.{field}: {learner} learns from no class; leave it at its default")


def _check_map(net: SelfOrganizingMap) -> None:
    if len(net.shape) != 2:
        raise UserError(
            f"config.net.shape: {net.shape} is no map; give rows and columns, such as (8, 8)"
        )
    if net.shape[0] * net.shape[1] < 2:
        raise UserError(
            "config.net.shape: a map of one unit tells nothing apart; give it two at the least"
        )


def _check_no_descent(config: Config, rule: str) -> None:
    """What only a gradient reads must be as it was."""
    no_gradient = f"{rule} takes no gradient"
    found = []
    for field in dataclasses.fields(Optim):
        default = getattr(Optim(), field.name)
        if field.name == "beta2" and config.optim.has_own_beta2():
            continue
        if getattr(config.optim, field.name) != default:
            found.append(Unread(f"optim.{field.name}", no_gradient, default))
    for name in ("gradient_norms", "skip_spikes"):
        if getattr(config.train, name):
            found.append(Unread(f"train.{name}", no_gradient, False))
    for name in ("mixup", "cutmix"):
        if getattr(config.augment, name) not in (0, "auto"):
            found.append(Unread(f"augment.{name}", f"{rule} learns from whole rows", 0))
    refuse(found)


# Losses of nets that start from no line.
NOT_LINEAR = (*COUNT_LOSSES, "reconstruction")


def check_linear_start(net: Dense, loss: str) -> None:
    """Raises UserError if the loss is of a net that starts from no line."""
    if net.linear_start is True and loss in NOT_LINEAR:
        raise UserError(
            f"config.net.linear_start: no line is fitted for config.loss={loss}; set it to false"
        )


def check_members(net: Dense) -> None:
    """Raises UserError if an option contradicts members that share weights."""
    if net.members == 1:
        return
    if net.norm == "batch":
        raise UserError(
            "config.net.norm: batch takes its mean over rows, which members vary each in its way; "
            "set config.net.norm=layer, or config.net.members=1"
        )
    if net.code is not None:
        raise UserError("config.net.members: an autoencoder has no members; set it to 1")


def check_reconstruction(config: Config) -> None:
    """Raises UserError if an option contradicts an autoencoder, or would not be used."""
    if not (isinstance(config.net, Dense) and isinstance(config.data, Table)):
        net = type(config.net).__name__
        raise UserError(
            f"config.loss: reconstruction is for config.net=Dense(code=...), not {net}; "
            "leave it at auto"
        )
    if config.net.code is None:
        raise UserError(
            "config.net.code: an autoencoder needs one; "
            "set how many numbers a row is told by, such as 2"
        )
    if any(config.data.target):
        raise UserError(
            "config.data.target: not used by config.loss=reconstruction; "
            "name it in config.data.label"
        )
    _check_no_classes(config, "config.loss=reconstruction")
    if config.net.clip_outputs:
        raise UserError("config.net.clip_outputs: is for numbers to predict; set it to false")
    for name in ("mixup", "cutmix"):
        if getattr(config.augment, name) not in (0, "auto"):
            raise UserError(
                f"config.augment.{name}: is for nets with a target; "
                "set it to 0, and noise or drop above"
            )


MOST_STEPS = 128  # of a horizon that is answered step by step: each is compiled by itself


def check_forecast(data: Series, net: LSTM, loss: str) -> None:
    """Raises UserError if an option of an LSTM contradicts series, or would not be used."""
    if loss in NOT_FOR_FORECASTS:
        left_out = {*NOT_FOR_FORECASTS, "auto", "reconstruction"}
        *others, last = (name for name in get_args(Loss) if name not in left_out)
        choices = f"{', '.join(others)} or {last}"
        raise UserError(f"config.loss: {loss} is not for forecasts; choose {choices}")
    if net.patch != "auto" and net.patch > data.lookback:
        raise UserError(
            f"config.net.patch: {net.patch} rows at once, "
            f"but config.data.lookback is {data.lookback}"
        )
    if net.decoder == "steps" and net.patch != "auto" and data.horizon > MOST_STEPS * net.patch:
        raise UserError(
            f"config.net.decoder: a horizon of {data.horizon} rows in steps of {net.patch} is "
            f"{-(-data.horizon // net.patch)} steps one after the other; at most {MOST_STEPS} are "
            "compiled: set a larger config.net.patch, or config.net.decoder=segments"
        )
    if net.shortcut_period != "auto" and net.shortcut_period > data.lookback:
        raise UserError(
            f"config.net.shortcut_period: {net.shortcut_period} rows, "
            f"but config.data.lookback is {data.lookback}"
        )
    if net.group_size and not data.group:
        raise UserError(
            "config.net.group_size: needs config.data.group, the column that names the series"
        )
    if net.cycle != "none" and not data.calendar:
        raise UserError(
            f"config.net.cycle: a {net.cycle} is found by the calendar; "
            "set config.data.calendar=true"
        )
    for field, off in (("noise", 0), ("offset", 0), ("crop", 1)):
        if getattr(net, field) != off:
            raise UserError(
                f"config.net.{field}: varies config.data=Sequences(...); for Series set it to {off}"
            )
    of_tokens = ("token_size", "character_size", "rare")
    _check_at_default(net, of_tokens, "tokens of config.data=Sequences(...)")
    of_numbers = ("convolutions", "fixed_filters", "own_scale")
    _check_at_default(net, of_numbers, "config.data=Sequences(...)")
    if net.crf:
        raise UserError(
            "config.net.crf: it decodes tags; config.data=Series(...) has none; set it to false"
        )


SERIES_FIELDS = (
    "window",
    "columns",
    "shortcut",
    "shortcut_period",
    "linear_fallback",
    "patch_units",
    "decoder",
    "tells_columns",
    "group_size",
    "cycle",
)


def check_steps(data: Sequences, net: LSTM) -> None:
    """Raises UserError if an option of an LSTM contradicts sequences, or would not be used."""
    if data.next_step and net.bidirectional is True:
        raise UserError(
            "config.net.bidirectional: with config.data.next_step=true "
            "it would read what it predicts; set it to false"
        )
    if data.next_step and net.patch not in (1, "auto"):
        raise UserError(
            f"config.net.patch: {net.patch} steps at once have no next step each; "
            "set config.net.patch=1"
        )
    for field, off in (("convolutions", ()), ("fixed_filters", 0), ("own_scale", False)):
        if data.next_step and getattr(net, field) not in (off, "auto"):
            raise UserError(
                f"config.net.{field}: looks ahead, and with config.data.next_step=true would read "
                f"what it predicts; set it to {values.to_text(off) or off}"
            )
    _check_convolutions(net)
    _check_at_default(net, SERIES_FIELDS, "config.data=Series(...)")


def _check_at_default(net: LSTM, fields: tuple[str, ...], readers: str) -> None:
    """Raises UserError if one of these fields is set, which other data alone read."""
    for field in fields:
        default = getattr(LSTM(), field)
        if getattr(net, field) != default:
            raise UserError(f"config.net.{field}: is for {readers}; leave it at {default}")


def check_parts(net: Net, n_parts: int) -> None:
    """Raises UserError for a net whose batch norm needs a batch in one piece."""
    over = f"takes its mean over a whole batch, not over {n_parts} parts of it"
    if isinstance(net, Dense) and net.norm == "batch":
        raise UserError(
            f"config.devices.exact: config.net.norm=batch {over}; set config.net.norm=layer"
        )
    if isinstance(net, LSTM) and net.convolutions not in ((), "auto"):
        raise UserError(
            f"config.devices.exact: the batch norm of config.net.convolutions {over}; "
            "set config.net.convolutions=()"
        )


def _check_convolutions(net: LSTM) -> None:
    if isinstance(net.convolutions, str) or isinstance(net.widths, str) or not net.convolutions:
        return
    if not net.widths:
        raise UserError("config.net.widths: the first layer has none; give some, such as (9, 19)")
    if net.convolutions[0] < len(net.widths):
        raise UserError(
            f"config.net.convolutions: {net.convolutions[0]} filters of the first layer for "
            f"{len(net.widths)} widths; give it {len(net.widths)} at the least"
        )
