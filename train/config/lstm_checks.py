"""What an LSTM and the series or sequences that it reads must agree on."""

from __future__ import annotations

import math
from typing import get_args

from train.config import values
from train.config.data_options import Sequences, Series
from train.config.net_options import LSTM
from train.config.options import Loss
from train.errors import UserError

NOT_FOR_FORECASTS = ("poisson", "gamma", "binary_crossentropy", "categorical_crossentropy")
MAX_STEPS = 128  # of a horizon that is answered step by step: each is compiled by itself
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


def check_forecast(data: Series, net: LSTM, loss: str) -> None:
    """Raises UserError if an option of an LSTM contradicts series, or would not be used."""
    if loss in NOT_FOR_FORECASTS:
        left_out = {*NOT_FOR_FORECASTS, "auto", "reconstruction"}
        *others, last = (name for name in get_args(Loss) if name not in left_out)
        choices = f"{', '.join(others)} or {last}"
        raise UserError(f"config.loss: {loss} is not for forecasts; choose {choices}")
    check_window(data, net)
    if net.group_size and not data.group:
        raise UserError(
            "config.net.group_size: needs config.data.group, the column that names the series"
        )
    if net.cycle != "none" and not data.calendar:
        raise UserError(
            f"config.net.cycle: a {net.cycle} is found by the calendar; "
            "set config.data.calendar=true"
        )
    _check_no_options_of_sequences(net)


def check_window(data: Series, net: LSTM) -> None:
    """Raises UserError if the rows that are read or forecast at once do not fit a window.

    What is "auto" is checked once the rows are read.
    """
    lookback = math.inf if data.lookback == "auto" else data.lookback
    horizon = 0 if data.horizon == "auto" else data.horizon
    if net.patch != "auto" and net.patch > lookback:
        raise UserError(
            f"config.net.patch: {net.patch} rows at once, but config.data.lookback is {lookback}"
        )
    if net.decoder == "steps" and net.patch != "auto" and horizon > MAX_STEPS * net.patch:
        raise UserError(
            f"config.net.decoder: a horizon of {horizon} rows in steps of {net.patch} is "
            f"{-(-horizon // net.patch)} steps one after the other; at most {MAX_STEPS} are "
            "compiled: set a larger config.net.patch, or config.net.decoder=segments"
        )
    if net.shortcut_period != "auto" and net.shortcut_period > lookback:
        raise UserError(
            f"config.net.shortcut_period: {net.shortcut_period} rows, "
            f"but config.data.lookback is {lookback}"
        )


def _check_no_options_of_sequences(net: LSTM) -> None:
    """Raises UserError if an option is set that an LSTM on sequences alone reads."""
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


def check_sequence_net(data: Sequences, net: LSTM) -> None:
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


def _check_at_default(net: LSTM, fields: tuple[str, ...], readers: str) -> None:
    """Raises UserError if one of these fields is set, which other data alone read."""
    for field in fields:
        default = getattr(LSTM(), field)
        if getattr(net, field) != default:
            raise UserError(f"config.net.{field}: is for {readers}; leave it at {default}")
