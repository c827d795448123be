"""What a run writes of its rounds as they end: scores, in the units that a user knows."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from train.data.dataset import Batch
from train.evaluation.score import score
from train.parallel.devices import fetch
from train.run.log import RunLog
from train.run.progress import Progress
from train.run.run import Run


def write_rounds(
    run: Run,
    log: RunLog | None,
    progress: Progress,
    truths: list[Batch],
    pending: tuple[Any, int] | None,
) -> None:
    """A line per split for every round, of every member, of a finished call; `truths` are the
    validation rows of each.

    Of several processes each must call this, but the first alone has a log.
    """
    if pending is None:
        return
    logs, count = fetch(pending)
    if log is None:
        return
    chosen = logs.pop("member", None)
    for i in range(int(count)):
        one_round = jax.tree.map(lambda leaf: leaf[i], logs)
        if chosen is None:
            told = [_write_round(run, log, 0, one_round, truths[0])]
        else:
            told = [
                _write_round(
                    run, log, k, jax.tree.map(lambda leaf: leaf[slot], one_round), truths[k]
                )
                for slot, k in enumerate(chosen)
                if one_round["ran"][slot]
            ]
        losses, scores = zip(*told, strict=True)
        mean = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        epoch = int(np.max(one_round["step"])) // run.program.steps_per_epoch
        progress.update(epoch, float(np.mean(losses)), mean)


def _write_round(
    run: Run, log: RunLog, member: int, logs: Any, truth: Batch
) -> tuple[float, dict[str, float]]:
    """The lines of one round of one net. Returns its training loss, and its scores on the
    validation rows.
    """
    step = int(logs["step"])
    loss = float(logs["train_loss"])
    scores = {"train": {"loss": loss, "penalty": float(logs["penalty"])}}
    valid = {}
    for name, norm in logs.get("gradient_norms", {}).items():
        scores["train"][f"gradient_norm.{name}"] = float(norm)
    if len(truth.weight):
        answers = {
            name: values[: len(truth.weight)] for name, values in logs["predictions"].items()
        }
        valid = score(run.dataset.encoder, answers, truth.target, truth.weight)
        scores["valid"] = {"loss": float(logs["valid_loss"]), **valid}
    number = run.members[member].number if run.members else 0
    log.write(step, step // run.program.steps_per_epoch, scores, number)
    return loss, valid
