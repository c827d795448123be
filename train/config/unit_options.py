"""Options of the nets that learn by a rule: threshold neurons, and units that compete for rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from train.config.bounded import bounded
from train.config.net_base import NetOptions


@dataclass
class Perceptron(NetOptions):
    """One layer of threshold neurons: one for two classes, else one for each class.

    "rosenblatt" corrects itself by each row that it tells wrongly, and ends once there is none. For
    rows that no plane parts, "pocket" answers with the weights that told the longest run of rows,
    "averaged" with the mean of all. These rules take the place of `config.optim`;
    "straight_through" and "surrogate" descend by it, on a made-up derivative.
    """

    rule: Literal["rosenblatt", "pocket", "averaged", "straight_through", "surrogate"] = (
        "rosenblatt"
    )
    """How it learns: "straight_through" and "surrogate" descend a made-up derivative."""

    parameters: ClassVar[tuple[str, ...]] = ("*_kernel", "*_bias")


@dataclass
class Competitive(NetOptions):
    """Units that compete for the rows of a table; each cluster is the rows nearest to one.

    "kmeans" moves units to the means of their rows once an epoch, "mini_batch" at every update.
    "winner" (of two units the one that has won less often wins more easily, by `conscience`) and
    "neural_gas" (all units move by their rank, about `neighbours` of them, None: half) learn row by
    row at a rate that falls from `rate` to `final_rate`. Of `restarts` from other starts the one
    with the smallest error answers.
    """

    units: int = bounded(8, 2)
    """How many clusters there are."""
    rule: Literal["kmeans", "mini_batch", "winner", "neural_gas"] = "kmeans"
    """How units move: to means of their rows, or row by row."""
    start: Literal["kmeans++", "rows", "normal"] = "kmeans++"
    """Where units begin: rows far apart, any rows, or anywhere."""
    restarts: int = bounded(1, 1)
    """From how many starts; the one with the smallest error answers."""
    conscience: float = bounded(2.0, 0)
    """winner: how much more easily units win that have seldom won."""
    neighbours: float | None = bounded(None, above=0)
    """neural_gas: about how many units move with the nearest one; none: half of them."""
    rate: float = bounded(0.5, above=0, high=1)
    """Row by row: the share of the way to a row that a unit goes at first."""
    final_rate: float = bounded(0.01, above=0, high=1)
    """Row by row: that share in the end."""


@dataclass
class SelfOrganizingMap(NetOptions):
    """Units on a map, `shape`, that move with their neighbours (Kohonen 1982).

    The neighbourhood shrinks from `radius` (None: half of the longer side) to `final_radius`.
    "batch" moves units to means once an epoch, "online" row by row at a rate that falls from `rate`
    to `final_rate`.
    """

    shape: tuple[int, ...] = bounded((8, 8), 1)
    """How many units stand above and beside each other."""
    grid: Literal["rectangular", "hexagonal"] = "rectangular"
    """Whether a unit has four neighbours or six."""
    neighbourhood: Literal["gaussian", "bubble"] = "gaussian"
    """How neighbours move along: the less the farther, or all alike within the radius."""
    rule: Literal["batch", "online"] = "batch"
    """How units move: to means once an epoch, or row by row."""
    start: Literal["plane", "rows", "normal"] = "plane"
    """Where units begin: on the plane through the rows, on rows, or anywhere."""
    restarts: int = bounded(1, 1)
    """From how many starts; the one with the smallest error answers."""
    radius: float | None = bounded(None, above=0)
    """How far the neighbourhood reaches at first; none: half of the longer side."""
    final_radius: float = bounded(0.5, above=0)
    """How far it reaches in the end."""
    rate: float = bounded(0.5, above=0, high=1)
    """online: the share of the way to a row that a unit goes at first."""
    final_rate: float = bounded(0.01, above=0, high=1)
    """online: that share in the end."""
