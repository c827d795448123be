"""Fields of options: the limits of their numbers, and "auto" where a rule may fill them in."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import field
from typing import Literal, TypeAlias, TypeVar

Auto: TypeAlias = Literal["auto"]
Limits: TypeAlias = Mapping[str, float | None]  # by "low", "high", "above" and "below"
T = TypeVar("T")

# A key of jax's generator holds 32 bits of a seed: 2**32 + 1 would silently be the run of seed 1.
LAST_SEED = 2**32 - 1


def resolved(value: T | Auto) -> T:
    """The value of a field of a config in which the recipe has replaced every "auto"."""
    assert not (isinstance(value, str) and value == "auto"), (
        "train.config.recipe.resolve comes first"
    )
    return value


def bounded(
    default: T,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
) -> T:
    """A field with a default and limits: low <= value <= high, above < value < below.

    The numbers of a tuple or of a dict are each held to them. A dict as default is copied for
    every instance.
    """
    limits: Limits = {"low": low, "high": high, "above": above, "below": below}
    if isinstance(default, dict):
        return field(default_factory=lambda: copy(default), metadata=limits)
    return field(default=default, metadata=limits)


def filled(value: T | Auto, rule: T) -> T:
    """The value; what the rule says where it is "auto"."""
    return rule if isinstance(value, str) and value == "auto" else value
