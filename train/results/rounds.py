"""The log of a run's rounds, written as they end: losses, and scores in raw units."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from absl import logging

from nets.base import Tree
from train.data.dataset import HostArrays
from train.evaluation.kinds import score
from train.parallel.devices import fetch
from train.parallel.hosts import on_process_zero
from train.run.driver import Logs, Validation
from train.run.layers import is_scaled
from train.run.listener import Listener
from train.run.log import NAME as LOG
from train.run.log import RunLog, Scored
from train.run.manifest import has_only_grown, read_manifest, record_files
from train.run.progress import Progress
from train.run.run import Run


class Pending(NamedTuple):
    """The logs of a call that was made, and how many rounds are in them."""

    logs: Logs
    n_rounds: int


@dataclass(frozen=True)
class RoundWriter:
    """Writes the rounds of calls into the log and shows them; only process 0 has a `log`."""

    run: Run
    nets: Sequence[Validation]
    log: RunLog | None
    progress: Progress
    reported_skipped: dict[int, int] = field(default_factory=dict)
    """{net: how many skipped updates the last warning reported}."""

    @property
    def log_failure(self) -> str | None:
        """Why evaluations could not be written, if so: no state is saved before them."""
        return None if self.log is None else self.log.failure

    def write(self, pending: Pending | None) -> None:
        """Writes a line per split for every round of every net in a finished call, if there is one.

        Every process must call this.
        """
        if pending is None:
            return
        logs = fetch(pending.logs)
        if self.log is None:
            return
        for i in range(pending.n_rounds):
            losses = []
            scores = []
            nets = []
            for net, net_log in _by_net(logs, i):
                scored, valid = self._score_net(net, net_log)
                losses.append(scored.scores["train"]["loss"])
                scores.append(valid)
                nets.append(scored)
            self.log.write_round(nets)
            mean = {name: float(np.mean([own[name] for own in scores])) for name in scores[0]}
            epoch = int(max(scored.epoch for scored in nets))
            self.progress.update(epoch, float(np.mean(losses)), mean)

    def _score_net(self, net: int, net_log: Logs) -> tuple[Scored, dict[str, float]]:
        """The log lines of a round of one net, and its scores on the validation rows."""
        member, rows = self.nets[net]
        step = int(net_log["step"])
        loss = float(net_log["train_loss"])
        scores = {"train": {"loss": loss, "penalty": float(net_log["penalty"])}}
        if skipped := int(net_log["skipped"]):
            scores["train"]["skipped"] = skipped
            self._warn_of_skipped(member, step, skipped)
        if "learning_rate" in net_log:
            scores["train"]["learning_rate"] = float(net_log["learning_rate"])
        for name, norm in net_log.get("gradient_norms", {}).items():
            scores["train"][f"gradient_norm.{name}"] = float(norm)
        valid = {}
        n = len(rows.weight)
        if n:
            predictions = {name: values[:n] for name, values in net_log["predictions"].items()}
            target = _up_to_predictions(rows.target, predictions)
            valid = score(self.run.dataset.encoder, predictions, target, rows.weight)
            monitored = {"loss": float(net_log["valid_loss"])}
            if "valid_error" in net_log:
                monitored["error"] = float(net_log["valid_error"])
            scores["valid"] = {**monitored, **valid}
        epoch = step // self.run.program.steps_per_epoch
        return Scored(step, epoch, scores, member), valid

    def _warn_of_skipped(self, member: int, step: int, skipped: int) -> None:
        """Warns of skipped updates, and again once they are twice as many."""
        if skipped >= 2 * self.reported_skipped.get(member, 0):
            self.reported_skipped[member] = skipped
            of_whom = f" of member {member}" if self.run.members else ""
            logging.warning("left out by step %s%s: %s", step, of_whom, skipped_in_words(skipped))


def _up_to_predictions(target: HostArrays, predictions: HostArrays) -> HostArrays:
    """Targets of every step up to the step that predictions reach, where training reads no more."""
    read = {}
    for name, array in target.items():
        answer = predictions.get(name, array)  # a label to judge by has none
        is_cut = answer.ndim > 1 and array.ndim == answer.ndim and answer.shape[1] < array.shape[1]
        read[name] = array[:, : answer.shape[1]] if is_cut else array
    return read


@contextlib.contextmanager
def round_writer(
    run: Run, nets: Sequence[Validation], resumed: int | None, listener: Listener
) -> Iterator[RoundWriter]:
    """The writer of a run that begins, or is resumed at the step `resumed`; closed with the block.

    Progress is reported to the listener. Raises StorageError.
    """
    n_steps = run.program.steps_per_epoch
    after_step = -1 if resumed is None else resumed
    log = on_process_zero(lambda: _open_log(run, after_step))
    progress = Progress(
        run.program.last_step // n_steps,
        run.dataset.n_train * len(nets),
        (resumed or 0) // n_steps,
        listener=listener,
        scaled=is_scaled(run.program),
    )
    with log or contextlib.nullcontext(), progress:
        yield RoundWriter(run, nets, log, progress)


def skipped_in_words(skipped: int) -> str:
    """How many updates were left out, and why they may have been."""
    updates = "1 update" if skipped == 1 else f"{skipped} updates"
    return f"{updates}, whose loss or gradient was not finite, or a spike"


def _open_log(run: Run, after_step: int) -> RunLog:
    """The log, cut to the step where the run goes on; warns if others changed the file."""
    name = (Path(run.subfolder) / LOG).as_posix()
    manifest = read_manifest(run.folder)
    entry = manifest.files.get(name) if manifest else None
    if after_step >= 0 and entry and not has_only_grown(run.folder, name, entry):
        lost = "is not the file that was written: evaluations before step"
        shown = "are lost, or others than they were, in the report"
        logging.warning("%s %s %s %s", run.folder / name, lost, after_step, shown)
    log = RunLog(run.folder / run.subfolder, after_step)
    if manifest:
        record_files(run.folder, [name])
    return log


def _by_net(logs: Logs, i: int) -> Iterator[tuple[int, Logs]]:
    """The number of every net that trained in round `i`, and its log."""
    nets = logs.get("member")
    one_round = _at({name: tree for name, tree in logs.items() if name != "member"}, i)
    if nets is None:
        yield 0, one_round
        return
    for slot, net in enumerate(nets):
        if one_round["ran"][slot]:
            yield int(net), _at(one_round, slot)


def _at(tree: Tree, i: int) -> Tree:
    """The i-th of the first axis of every leaf."""
    return jax.tree.map(lambda leaf: leaf[i], tree)
