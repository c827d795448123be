"""Training from rung to rung of successive halving: who stops where, decided once and kept.

Settings compete over all groups and chunks of a population, each of which therefore waits at a rung
for the others. Who stops follows from the states at the rung, which are saved there, and is written
into the run's folder before anybody trains on: a run that was stopped finds it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from train.config.bounded import resolved
from train.config.members import settings_of
from train.config.options import Config
from train.core.state import State
from train.data.schema import read_record
from train.parallel.hosts import broadcast_text, on_process_zero
from train.population.halving import (
    Rung,
    all_lost,
    count_left,
    decision_in_words,
    find_lost,
    nobody_stops,
    plan_rungs,
)
from train.run.folder import write_json
from train.run.manifest import read_listed, rewriting
from train.run.run import Run
from train.run.schedule import WHOLE_RUN, Leg

FILE = "halving.json"


@dataclass(frozen=True)
class _RungFile:
    """What the file holds."""

    rungs: tuple[Rung, ...]


def train_by_rungs(
    config: Config,
    runs: Sequence[Run],
    train: Callable[[int, Leg], State],
    echo: Callable[[str], object],
) -> list[Rung]:
    """Trains all runs to the first rung, then to the next, to the end; where who stopped.

    `train` takes the run of this place through a leg, and returns its state on the host. Without
    halving there is one leg, all of training. Several processes call this alike.
    """
    rungs = _read_or_plan(config, runs)
    if config.population.halving is not None and not rungs:
        echo(nobody_stops(config.train.eval_every))
    for place, rung in enumerate(rungs):
        states = []
        for i, run in enumerate(runs):
            states.append(train(i, _leg(run, rung, rungs[:place])))
        if rung.lost is None:
            rungs = _decide(config, runs, states, rungs, place)
            echo(decision_in_words(settings_of(config), rungs, place))
    for i, run in enumerate(runs):
        train(i, _leg(run, None, rungs))
    return rungs


def _leg(run: Run, rung: Rung | None, before: Sequence[Rung]) -> Leg:
    """The leg of a run up to a rung, or to its end, without the settings that stopped before."""
    lost = all_lost(before)
    if rung is None and not lost:
        return WHOLE_RUN
    stopped = tuple(member.setting in lost for member in run.members)
    return Leg(None if rung is None else _step_of(run, rung), stopped)


def _step_of(run: Run, rung: Rung) -> int:
    """The update that a rung comes after, of a run whose members have the same epochs."""
    return rung.epochs[run.members[0].number] * run.program.steps_per_epoch


def _read_or_plan(config: Config, runs: Sequence[Run]) -> list[Rung]:
    """The rungs that the run in this folder began with, or new ones; [] without halving.

    A run that is made longer keeps its rungs: who stopped did so for good.
    """
    halving = config.population.halving
    if halving is None:
        return []

    def read_or_plan() -> list[Rung]:
        folder = runs[0].folder
        if (folder / FILE).exists():
            plain = read_listed(folder, FILE, "a run's folder")
            return list(read_record(_RungFile, plain, str(folder / FILE), further=True).rungs)
        epochs_of = {}
        for run in runs:
            for member in run.members:
                epochs_of[member.number] = resolved(run.config.train.epochs)
        epochs_k = [epochs_of[number] for number in sorted(epochs_of)]
        rungs = plan_rungs(epochs_k, config.train.eval_every, halving)
        _write(folder, rungs)
        return rungs

    return _broadcast_rungs(on_process_zero(read_or_plan))


def _decide(
    config: Config, runs: Sequence[Run], states: Sequence[State], rungs: list[Rung], place: int
) -> list[Rung]:
    """The rungs with who stops at this one, as process 0 found it and wrote it down."""
    halving = config.population.halving
    assert halving is not None

    def decide() -> list[Rung]:
        value_of = _values(runs, states, all_lost(rungs[:place]))
        lost: tuple[int, ...] = ()
        if not _is_passed(runs, states, rungs[place]):
            n_left = count_left(len(settings_of(config)), halving, place)
            lost = find_lost(value_of, n_left)
        decided = list(rungs)
        decided[place] = replace(rungs[place], lost=lost)
        _write(runs[0].folder, decided)
        return decided

    return _broadcast_rungs(on_process_zero(decide))


def _write(folder: Path, rungs: Sequence[Rung]) -> None:
    with rewriting(folder, FILE):
        write_json(folder / FILE, {"rungs": _to_json(rungs)})


def _values(runs: Sequence[Run], states: Sequence[State], lost: set[int]) -> dict[int, list[float]]:
    """{setting: the value that ranks each of its members}, of the settings that compete."""
    by_number = {}
    for run, state in zip(runs, states, strict=True):
        for member, value in zip(run.members, np.asarray(state.best.kept), strict=True):
            by_number[member.number] = member.setting, float(value)
    found: dict[int, list[float]] = {}
    for number in sorted(by_number):
        setting, value = by_number[number]
        if setting not in lost:
            found.setdefault(setting, []).append(value)
    return found


def _is_passed(runs: Sequence[Run], states: Sequence[State], rung: Rung) -> bool:
    """Whether a run has trained beyond the rung, as one of a version that wrote no decisions."""
    for run, state in zip(runs, states, strict=True):
        if int(np.max(state.step)) > _step_of(run, rung):
            return True
    return False


def _broadcast_rungs(rungs: Sequence[Rung] | None) -> list[Rung]:
    """Process 0's rungs, in every process."""
    return _from_json(json.loads(broadcast_text(json.dumps(_to_json(rungs or ())))))


def _to_json(rungs: Sequence[Rung]) -> list[dict[str, object]]:
    return [asdict(rung) for rung in rungs]


def _from_json(plain: Sequence[Mapping[str, list[int] | None]]) -> list[Rung]:
    rungs = []
    for each in plain:
        lost = each["lost"]
        rungs.append(Rung(tuple(each["epochs"] or ()), None if lost is None else tuple(lost)))
    return rungs
