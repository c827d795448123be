"""What a loss that says how sure an answer is must agree on with the other fields."""

from __future__ import annotations

from train.config.data_checks import as_names
from train.config.data_options import Sequences, Series, columns_by_log
from train.config.options import DENSITIES, MEDIAN, UNREAD_LEVELS, Config
from train.errors import UserError

READ_LEVELS = ("quantile", *DENSITIES)


def check_levels(config: Config) -> None:
    """Raises UserError if levels are not read, or are none, or the loss has no place here."""
    levels = config.quantiles
    if config.loss not in READ_LEVELS:
        if levels not in UNREAD_LEVELS:
            raise UserError(
                f"config.quantiles: not used by config.loss={config.loss}; set config.loss=quantile"
            )
        return
    if len(set(levels)) < len(levels):
        raise UserError(f"config.quantiles: a level stands there twice, got {levels}")
    if not set(levels) - {MEDIAN}:
        raise UserError(
            "config.quantiles: expected a level or more beside .5, which is the prediction, such "
            f"as (0.05, 0.95), got {levels}"
        )
    if isinstance(config.data, Series) and config.loss in DENSITIES:
        _check_no_logarithms(config.data, config.loss)
    if isinstance(config.data, Sequences) and config.data.next_step:
        raise UserError(
            f"config.loss: {config.loss} is not for config.data.next_step=true; leave it at auto"
        )


def _check_no_logarithms(data: Series, loss: str) -> None:
    """Raises UserError if a density would be one of logarithms."""
    for field, names in columns_by_log(data).items():
        for name in as_names(data.target):
            if name in names:
                raise UserError(
                    f"config.data.{field}: {name!r} is a target, whose density by "
                    f"config.loss={loss} is of the numbers themselves; set config.loss=quantile"
                )


def check_nonnegative(config: Config) -> None:
    """Raises UserError where nothing would be held above 0."""
    data = config.data
    if not data.nonnegative:
        return
    next_step = isinstance(data, Sequences) and data.next_step
    if next_step or not any(as_names(data.target)):
        raise UserError(
            "config.data.nonnegative: is for targets that are numbers, one a row, or forecasts; "
            "set it to false"
        )
    if data.stream:
        raise UserError(
            "config.data.nonnegative: goes by all training rows, which of a stream are not in "
            "memory; set it to false"
        )
