"""What may be asked of a net beside its answers: intervals, quantiles, samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
import pyarrow as pa

from train.config.fields import did_you_mean
from train.data.answer_names import beside
from train.data.dataset import Columns, Encoder, HostArrays, Rows
from train.errors import UserError
from train.evaluation.conformal import check_numbers
from train.evaluation.paths import Draws, quantile_columns, sample_columns
from train.evaluation.spread import is_share

Errors = Callable[[], "np.ndarray | None"]  # of validation rows [m, o], None where none are kept


def no_errors() -> None:
    """The `Errors` of a net that keeps none."""


class Asked(TypedDict, total=False):
    """What is asked for; `first` is the place of the first row in its file.

    `horizon`: steps to forecast, where they are not those that the net forecasts at once.
    """

    interval: float | None
    dropout_samples: int | None
    quantiles: tuple[float, ...]
    samples: int | None
    seed: int
    first: int
    horizon: int | None


def check_asked(asked: Asked) -> None:
    """Raises UserError if there is no such thing, or two of them are of different answers.

    TypeError for a name that is none of these, as of any argument that Python does not know.
    """
    for name in asked:
        if name not in Asked.__annotations__:
            hint = did_you_mean(name, tuple(Asked.__annotations__))
            raise TypeError(f"got an unexpected keyword argument {name!r}{hint}")
    levels = asked.get("quantiles", ())
    if not isinstance(levels, tuple | list):
        raise UserError(f"--quantiles: expected a list, such as (0.1, 0.9), got {levels}")
    for level in levels:
        if not is_share(level):
            raise UserError(f"--quantiles: expected numbers, above 0 and below 1, got {level}")
    count = asked.get("samples")
    if count is not None and not (isinstance(count, int | np.integer) and count >= 1):
        raise UserError(f"--samples: expected an integer, at least 1, got {count}")
    horizon = asked.get("horizon")
    if horizon is not None and not (isinstance(horizon, int | np.integer) and horizon >= 1):
        raise UserError(f"--horizon: expected an integer, at least 1, got {horizon}")
    if asked.get("dropout_samples") is None:
        return
    if asked.get("interval") is not None:
        raise UserError(
            "--interval: measured on answers without dropout; leave out --dropout_samples"
        )
    for name in ("quantiles", "samples"):
        if asked.get(name):
            raise UserError(f"--{name}: of answers without dropout; leave out --dropout_samples")


def asked_columns(
    encoder: Encoder,
    predictions: Mapping[str, np.ndarray],
    levels: tuple[float, ...],
    asked: Asked,
    errors: Errors,
    tell: Callable[[str], None],
) -> HostArrays:
    """The quantiles and samples that are asked for, by what a net itself says of its spread.

    `levels` are those of its own quantiles. Raises UserError where it says nothing.
    """
    more: HostArrays = {}
    quantiles = asked.get("quantiles", ())
    count = asked.get("samples")
    if not quantiles and not count:
        return more
    head = check_numbers(encoder, "--quantiles" if quantiles else "--samples")
    if quantiles:
        more |= quantile_columns(encoder, head, predictions, levels, quantiles)
    if count:
        known_mo = errors()
        if known_mo is None and head.size > 1:
            tell(
                "--samples: no errors of validation rows are kept, so the numbers of a row are "
                "drawn apart; train with config.data.valid above 0"
            )
        draws = Draws(count, asked.get("seed", 0), known_mo, asked.get("first", 0))
        more |= sample_columns(encoder, head, predictions, levels, draws)
    return more


def row_columns(rows: Rows) -> Columns:
    """The number in the file of each row that is answered, null of one it lacks, and its names."""
    columns: Columns = {}
    if rows.numbers is not None:
        columns["row"] = pa.array(rows.numbers, mask=rows.numbers < 0)
    return columns | dict(rows.names)


def with_extras(
    columns: Columns, extras: Columns, where: str, tell: Callable[[str], None]
) -> Columns:
    """Columns, and extras behind them; an extra whose name is taken gets another, which is told."""
    whole = beside(columns, extras)
    for wanted, given in zip(extras, list(whole)[len(columns) :], strict=True):
        if wanted != given:
            tell(f"{where}: answers: {given!r} stands for {wanted!r}, which is a target")
    return whole
