"""Lines on rates that do not do what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from train.config.options import Config, Optim
from train.run.resume import long_warmup


def test_a_warmup_that_outlasts_the_run_is_said() -> None:
    def line(warmup: float) -> str:
        config = Config(optim=Optim(warmup=warmup))
        run: Any = SimpleNamespace(config=config, program=SimpleNamespace(last_step=100))
        return long_warmup(run)

    assert line(0) == line(0.99) == line(99) == ""
    assert line(100).startswith(
        "config.optim.warmup: the run ends after 100 updates, within the 100"
    )
