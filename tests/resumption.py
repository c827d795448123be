"""Runs stopped on purpose, and all that a run leaves behind: for the tests of resumption."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pyarrow.parquet as pq
import pytest

from train import loop
from train.config import Config
from train.config.bounded import resolved
from train.errors import StoppedError
from train.run.checkpoint import Checkpoints


def digest(folder: Path) -> dict:
    """All that a run learned and wrote, but for the seconds it took."""
    checkpoints = Checkpoints(folder, read_only=True)
    model = checkpoints.restore_model(checkpoints.steps()[0])
    result = json.loads((folder / "result.json").read_text())
    return {
        "model": hashlib.sha256(
            b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(model))
        ).hexdigest(),
        "history": (folder / "metrics.jsonl").read_bytes(),
        "predictions": pq.read_table(folder / "predictions.parquet"),
        "metrics": result["metrics"],
        "best_step": result["best_step"],
    }


def stop_after(calls: int, monkeypatch) -> None:
    """Makes a SIGTERM arrive during the given call to the device, each call being one round."""
    received: list[int] = []
    made = []

    @contextmanager
    def stopped_by_signals():
        yield received

    def rounds_wanted(*_) -> int:
        made.append(1)
        if len(made) == calls:
            received.append(15)
        return 1

    monkeypatch.setattr(loop, "stopped_by_signals", stopped_by_signals)
    monkeypatch.setattr(loop, "rounds_wanted", rounds_wanted)


@contextmanager
def stopped_after(calls: int):
    """`stop_after` while the block runs; 0 is never."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if calls:
            stop_after(calls, monkeypatch)
        yield


def check_within_an_epoch(config: Config, folder: Path, calls: int = 6) -> None:
    """A run that is stopped during the given call, within an epoch, ends as one that is not."""
    loop.fit(config, folder / "straight", verbose=False)
    with (
        stopped_after(calls),
        pytest.raises(StoppedError, match="stopped at step") as stopped,
    ):
        loop.fit(config, folder / "stopped", verbose=False)
    step = int(str(stopped.value).split("step ")[1].split(",")[0])
    n_train = json.loads((folder / "straight" / "result.json").read_text())["rows"]["train"]
    batch_size = resolved(config.train.batch_size)
    assert step % -(-n_train // batch_size), "stopped between epochs: within one is harder"
    loop.fit(config, folder / "stopped", verbose=False)
    assert digest(folder / "stopped") == digest(folder / "straight")
