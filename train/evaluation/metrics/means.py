"""Means over rows that may come in parts, merged as if all had come together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias


class Means(NamedTuple):
    """Weighted means over the `n` rows that count, which have this `weight` in all.

    `values` {what: its mean}; a "variance" is that about the mean "center". Nothing in them means
    anything where no row counts.
    """

    n: int
    weight: float
    values: Mapping[str, float]


# Means by what they are of, and the target.
AllMeans: TypeAlias = Mapping[tuple[str, str], Means]


def merge(one: Means, other: Means) -> Means:
    """The means over the rows of both, to the rounding of float64.

    Variances are merged as by Chan, Golub & LeVeque 1979.
    """
    if not one.n or not other.n:
        return other if other.n else one
    weight = one.weight + other.weight
    share = other.weight / weight
    values = {}
    for name, value in one.values.items():
        values[name] = (value * one.weight + other.values[name] * other.weight) / weight
    if "center" in values:
        # By the distance, so that a constant stays what it is, and has a variance of exactly 0.
        distance = other.values["center"] - one.values["center"]
        values["center"] = one.values["center"] + share * distance
        values["variance"] += share * (1 - share) * distance**2
    return Means(one.n + other.n, weight, values)


def merge_all(one: AllMeans, other: AllMeans) -> AllMeans:
    """`merge` of the entries of the same key; one of the two may be empty."""
    if not one or not other:
        return other or one
    return {key: merge(means, other[key]) for key, means in one.items()}
