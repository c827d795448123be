"""Successive halving (Jamieson & Talwalkar 2016): of many settings only the best train on.

k members.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from train.config.values import to_text

MAX_NAMED = 5  # settings that a line names


@dataclass(frozen=True)
class Rung:
    """A number of epochs after which settings are compared, and who stopped there."""

    epochs: tuple[int, ...]
    """After how many epochs of each member [k]: the same for all unless settings vary them."""
    lost: tuple[int, ...] | None = None
    """The settings that stop here; None until it is decided."""

    def in_words(self) -> str:
        """When it is: epochs."""
        least, most = min(self.epochs), max(self.epochs)
        return f"epoch {least}" if least == most else f"epochs {least} to {most}"


def plan_rungs(epochs_k: Sequence[int], every: int, halving: int) -> list[Rung]:
    """The rungs of members of these epochs, in whole evaluations.

    For a `halving` of 3 and members of E epochs they come after E / 9 and E / 3 epochs; fewer where
    two of these are the same, or a member would have no epoch left.
    """
    found: list[Rung] = []
    for power in (2, 1):
        rung_k = []
        for epochs in epochs_k:
            rung_k.append(min(-(-epochs // (halving**power * every)) * every, epochs))
        rung = Rung(tuple(rung_k))
        if rung not in found and rung.epochs != tuple(epochs_k):
            found.append(rung)
    return found


def nobody_stops(every: int) -> str:
    """A line for members whose first evaluation is their last."""
    return (
        "config.population.halving: no setting can stop, for no evaluation comes before the last "
        f"epoch; train more epochs, or set config.train.eval_every below {every}"
        if every > 1
        else "config.population.halving: no setting can stop, for there is one epoch; train more"
    )


def count_left(n_settings: int, halving: int, place: int) -> int:
    """How many settings go on from the rung of this place."""
    return math.ceil(n_settings / halving ** (place + 1))


def find_lost(value_of: Mapping[int, Sequence[float]], n_left: int) -> tuple[int, ...]:
    """The settings that are not among the best `n_left`, by the mean of their members' values.

    Of equal ones the first stay; one without a finite value comes last.
    """
    means = {}
    for setting in sorted(value_of):
        mean = float(np.mean(np.asarray(value_of[setting], np.float64)))
        means[setting] = mean if math.isfinite(mean) else math.inf
    return tuple(sorted(sorted(means, key=means.__getitem__)[n_left:]))


def all_lost(rungs: Sequence[Rung]) -> set[int]:
    """The settings that stopped at any of these rungs."""
    lost: set[int] = set()
    for rung in rungs:
        lost.update(rung.lost or ())
    return lost


def decision_in_words(
    settings: Sequence[Mapping[str, object]], rungs: Sequence[Rung], place: int
) -> str:
    """What was decided at a rung: how many settings stop, and which."""
    lost = rungs[place].lost or ()
    n_before = len(settings) - len(all_lost(rungs[:place]))
    first = f"halving after {rungs[place].in_words()}: {len(lost)} of {n_before} settings stop"
    named = []
    for setting in lost[:MAX_NAMED]:
        named.append(_setting_in_words(settings[setting]))
    if len(lost) > MAX_NAMED:
        named.append(f"{len(lost) - MAX_NAMED} more")
    return f"{first}: {'; '.join(named)}" if named else first


def _setting_in_words(values: Mapping[str, object]) -> str:
    words = []
    for path, value in values.items():
        text = f"{value:.4g}" if isinstance(value, float) else to_text(value)
        words.append(f"{path}={text}")
    return " ".join(words)
