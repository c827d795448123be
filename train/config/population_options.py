"""Options of nets that are trained side by side. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from train.config.bounded import bounded

GridValue = int | float | bool | str | tuple[int, ...]


@dataclass
class Population:
    """Nets trained side by side: `seeds` of every fold of every setting.

    `folds` divide the training and validation rows as `data.split` says; each net validates on one fold and trains on
    the others (by time: on those before it). `grid` gives fields several values, {"optim.l2": (0, 1e-4)}, and settings
    are all combinations of them; or, with `samples`, so many random ones, drawn from the range between two numbers, on
    a log scale if both are above 0, or from the values. `halving=3`: only the best third of the settings trains on
    after a 9th and after a 3rd of the epochs. What answers in the end (`keep`): the best net, the nets of the best
    setting averaged, the average of all, or (`refit`) one net of the best setting that is trained on all training and
    validation rows for as many epochs as were best in the folds, on average. `member` trains one of them alone.
    """

    seeds: int = bounded(1, 1)
    folds: int = bounded(1, 1)
    grid: dict[str, tuple[GridValue, ...]] = field(default_factory=dict)
    samples: int | None = bounded(None, 1)
    halving: int | None = bounded(None, 2)
    keep: Literal["ensemble", "best", "all", "refit"] = "ensemble"
    member: int | None = bounded(None, 0)
