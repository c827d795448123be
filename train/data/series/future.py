"""What a trained forecaster is asked of a file: the steps after the last target of each group.

g groups, l lookback, h horizon, c columns, k columns known ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.dataset import HostArrays
from train.data.series.flat import Flat
from train.errors import UserError


@dataclass(frozen=True)
class Future:
    """The window that each group ends in, and the steps after it.

    `inputs` {"past": [g, l, c], "future": [g, h, k] if any column is known ahead}, in encoded
    units. Of each step to come: `rows` [g, h], its number in the file, there or not yet; `groups`
    [g] and `stamps` [g, h], None where a file has none.
    """

    inputs: HostArrays
    rows: np.ndarray
    groups: np.ndarray | None
    stamps: np.ndarray | None


def check_past(flat: Flat, end_g: np.ndarray, lookback: int, where: str) -> None:
    """Raises UserError at the first group with too few rows before its end."""
    past_g = end_g - flat.firsts
    for g in np.flatnonzero(past_g < lookback):
        found = f"{past_g[g]} rows with a target, but the net looks back {lookback}"
        advice = "give it more rows, or leave it out"
        raise UserError(f"{where}: {flat.group_name(g)} has {found}; {advice}")


def check_ahead(
    flat: Flat, end_g: np.ndarray, horizon: int, known: Sequence[str], where: str
) -> None:
    """Raises UserError at the first group that lacks rows of `known` columns after its end."""
    ahead_g = flat.sizes - (end_g - flat.firsts)
    for g in np.flatnonzero(ahead_g < horizon):
        found = f"{ahead_g[g]} rows after its last target"
        needs = f"{' and '.join(map(repr, known))} must be given for the {horizon} rows to come"
        raise UserError(f"{where}: {flat.group_name(g)} has {found}; {needs}")
