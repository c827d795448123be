"""Checks of a network's options as it is made; Python alone would take any value."""

from __future__ import annotations

from collections.abc import Collection

from nets.base import Array


def check_name(option: str, value: str, known: Collection[str]) -> None:
    """ValueError, which lists the names that there are, unless the value is one of them."""
    if value not in known:
        raise ValueError(f"{option}={value!r}: expected one of {', '.join(known)}")


def check_hidden(hidden: tuple[int, ...]) -> None:
    """ValueError unless there is a size for each layer."""
    if isinstance(hidden, int):
        raise ValueError(f"hidden={hidden}: expected a size for each layer, such as ({hidden},)")


def check_rate(option: str, rate: float | Array) -> None:
    """ValueError unless a rate of dropout is in [0, 1); a traced one is not checked."""
    if isinstance(rate, int | float) and not 0 <= rate < 1:
        raise ValueError(f"{option}={rate}: expected a share, at least 0 and below 1")
