"""What a backtest is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Refit: TypeAlias = Literal["never", "warm", "full"]
REFITS: tuple[Refit, ...] = ("never", "warm", "full")
MODELS = ("ets", "theta", "arima")  # of statsforecast


@dataclass(frozen=True)
class Plan:
    """How many origins, how many steps apart (None: a horizon), and whether nets are refitted.

    `interval` is the level of intervals, None for the usual one where a net has any; `models` are
    the `MODELS` that stand beside the net; `check_leaks`: whether rows after origins are spoiled,
    to see that no forecast changes.
    """

    origins: int = 20
    step: int | None = None
    refit: Refit = "never"
    interval: float | None = None
    models: tuple[str, ...] = ()
    check_leaks: bool = False

    @property
    def is_refitted(self) -> bool:
        """Whether each origin has a net of its own."""
        return self.refit != "never"
