"""Options of nets that learn by a rule of their own. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from train.config.bounded import bounded


@dataclass
class Perceptron:
    """One layer of threshold neurons: one for two classes, else one for each class against all others.

    "rosenblatt" corrects itself by each row that it tells wrongly, and ends once there is none. For rows that no plane
    parts, "pocket" answers with the weights that told the longest run of rows, "averaged" with the mean of all. These
    rules take the place of `config.optim`; "straight_through" and "surrogate" descend by it, on a made-up derivative.
    """

    rule: Literal["rosenblatt", "pocket", "averaged", "straight_through", "surrogate"] = "rosenblatt"


@dataclass
class Competitive:
    """`units` that compete for the rows of a table without a target; each cluster is the rows nearest to one.

    "kmeans" moves units to the means of their rows once an epoch, "mini_batch" at every update. "winner" (of two units
    the one that has won less often wins more easily, by `conscience`) and "neural_gas" (all units move by their rank,
    about `neighbours` of them, None: half) learn row by row at a rate that falls from `rate` to `final_rate`. Of
    `restarts` from other starts the one with the smallest error answers.
    """

    units: int = bounded(8, 2)
    rule: Literal["kmeans", "mini_batch", "winner", "neural_gas"] = "kmeans"
    start: Literal["kmeans++", "rows", "normal"] = "kmeans++"
    restarts: int = bounded(1, 1)
    conscience: float = bounded(2.0, 0)
    neighbours: float | None = bounded(None, above=0)
    rate: float = bounded(0.5, above=0, high=1)
    final_rate: float = bounded(0.01, above=0, high=1)


@dataclass
class SelfOrganizingMap:
    """Units that stand on a map of rows and columns, `shape`, and move with their neighbours (Kohonen 1982).

    The neighbourhood shrinks from `radius` (None: half of the longer side) to `final_radius`. "batch" moves units to
    means once an epoch, "online" row by row at a rate that falls from `rate` to `final_rate`.
    """

    shape: tuple[int, ...] = bounded((8, 8), 1)
    grid: Literal["rectangular", "hexagonal"] = "rectangular"
    neighbourhood: Literal["gaussian", "bubble"] = "gaussian"
    rule: Literal["batch", "online"] = "batch"
    start: Literal["plane", "rows", "normal"] = "plane"
    restarts: int = bounded(1, 1)
    radius: float | None = bounded(None, above=0)
    final_radius: float = bounded(0.5, above=0)
    rate: float = bounded(0.5, above=0, high=1)
    final_rate: float = bounded(0.01, above=0, high=1)
