"""Fields of options that have limits, and fields that may be left to a rule. Imports nothing
heavy.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal, TypeVar

Auto = Literal["auto"]
T = TypeVar("T")


def resolved(value: T | Auto) -> T:
    """A field that may be "auto", of a config in which `train.config.recipe` has replaced it."""
    assert not (isinstance(value, str) and value == "auto"), (
        "train.config.recipe.resolve comes first"
    )
    return value


# A key of jax's generator holds 32 bits of a seed: 2**32 + 1 would silently be the run of seed 1.
LAST_SEED = 2**32 - 1


def bounded(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A field with a default and the range its numbers must lie in: low <= value <= high, above <
    value < below.

    The numbers of a tuple or of a dict are each held to it. A dict as default is copied for every
    instance.
    """
    limits = {"low": low, "high": high, "above": above, "below": below}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=limits)
    return field(default=default, metadata=limits)
