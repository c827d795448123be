"""The outcome of training: the predictor that answers from now on, and the facts of each net.

k members, n rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from nets.base import Variables
from train import config as configs
from train.config.members import Member, config_of
from train.config.options import Config
from train.core.state import State
from train.core.weights import Weights, count_parameters
from train.data.blocks import join_arrays
from train.data.dataset import Dataset
from train.data.resolve import resolve_config
from train.evaluation.kinds import score
from train.evaluation.metrics.seasonal_scales import scales_of
from train.inference.load import ANSWERING_FILE
from train.inference.predictor import Predicted, Predictor
from train.parallel.hosts import is_first
from train.population.halving import Rung
from train.population.vmapped import validation_rows
from train.results.ranking import answering_members, rank, rank_settings, spread
from train.results.records import Facts, MemberResult
from train.results.sample import scored_rows
from train.run.folder import write_json
from train.run.log import read_history, write_history
from train.run.manifest import rewriting
from train.run.run import Run


class Answering(NamedTuple):
    """Which of the nets saved in a folder answer."""

    subfolder: str
    """The folder, within the run's."""
    places: list[int] | None
    """Their places on the axis of members; None where one net is saved alone."""

    def to_json(self) -> dict[str, object]:
        """The record in the file that names who answers."""
        return {"part": self.subfolder, "slots": self.places}


class Chosen(NamedTuple):
    """Some members of a run, by their places in it, and their states."""

    run: Run
    state: State
    places: list[int]

    @property
    def answering(self) -> Answering:
        """Where they are saved."""
        return Answering(self.run.subfolder, self.places)

    @property
    def variables(self) -> Variables:
        """The members' best weights, and their statistics [k, ...]."""
        variables = self.state.best.weights.variables(self.run.data.statistics)
        places = np.array(self.places)
        return jax.tree.map(lambda leaf: leaf[places], jax.device_get(variables))


class OutOfFold(NamedTuple):
    """Predictions of rows by the nets that they validated, of all folds together."""

    rows: np.ndarray
    """The numbers of the rows in the data set."""
    predicted: Predicted


@dataclass(frozen=True)
class Outcome:
    """The nets that answer, and what result.json says of their training."""

    predictor: Predictor
    facts: Facts
    out_of_fold: OutOfFold | None = None
    """Of a population with folds, whose validation rows are no split of the data set."""


def report_split(dataset: Dataset) -> str:
    """The split whose scores are shown: the test rows where there are any."""
    return next(split for split in ("test", "valid", "train") if len(dataset.splits[split]))


def single_outcome(run: Run, state: State) -> Outcome:
    """The outcome of one net, which is scored later."""
    best = state.best
    step = int(state.step)
    epochs = step // run.program.steps_per_epoch
    n_rows = run.dataset.n_train
    result = MemberResult(
        member=Member(0, 0, 0, run.config.seed, {}),
        value=float(best.kept),
        weights_step=int(best.step),
        epochs=epochs,
        diverged=bool(state.diverged),
        n_rows=n_rows,
        metrics={},
        skipped=int(state.faults.skipped),
    )
    facts = Facts(
        n_parameters=count_parameters(best.weights),
        steps=step,
        epochs=epochs,
        weights_step=result.weights_step,
        examples=epochs * n_rows,
        per_member=(result,),
        spread={},
    )
    variables = jax.device_get(best.weights.variables(run.data.statistics))
    return Outcome(Predictor.of(run.config, run.dataset.encoder, variables), facts)


def population_outcome(
    config: Config,
    dataset: Dataset,
    runs: Sequence[Run],
    states: Sequence[State],
    rungs: Sequence[Rung] = (),
) -> Outcome:
    """The outcome of a population: members are scored, settings ranked, and members chosen.

    Members are ranked by their monitored value on validation rows (on training rows where there are
    none), settings by the mean value of their members. Writes which members answer into the run's
    folder, unless a refit is to answer.
    """
    results = _member_results(dataset, runs, states, config.seed)
    settings = rank_settings(results)
    best_setting = settings[0].setting
    heads = dataset.encoder.heads
    answering = answering_members(config.population, heads, results, best_setting)
    chosen = _choose(runs, states, answering)
    first = chosen[0]
    own = resolve_config(config_of(config, first.run.members[first.places[0]]), first.run.dataset)
    steps = [int(np.max(state.step)) for state in states]
    if config.population.keep != "refit":
        write_answering(runs[0], [each.answering for each in chosen], max(steps), own)
    if len(runs) > 1 and is_first():
        _join_histories(runs)
    variables = tuple(each.variables for each in chosen)
    n_parameters = count_parameters(Weights(variables[0]["params"], {})) // len(first.places)
    facts = Facts(
        n_parameters=n_parameters,
        steps=max(steps),
        epochs=max(result.epochs for result in results),
        weights_step=min(results, key=lambda result: rank(result.value)).weights_step,
        examples=sum(result.epochs * result.n_rows for result in results),
        per_member=tuple(results),
        spread=_spread_of_setting(results, best_setting),
        answering=tuple(sorted(answering)),
        settings=tuple(settings),
        rungs=tuple(rungs),
    )
    predictor = Predictor.of(own, dataset.encoder, variables)
    if config.population.n_folds == 1:
        return Outcome(predictor, facts)
    return Outcome(predictor, facts, _out_of_fold(own, chosen))


def _spread_of_setting(
    results: Sequence[MemberResult], setting: int
) -> dict[str, dict[str, float]]:
    return spread([result.metrics for result in results if result.member.setting == setting])


def _join_histories(runs: Sequence[Run]) -> None:
    """Writes one history of all groups and chunks into the run's folder."""
    history = []
    for run in runs:
        history += read_history(run.folder / run.subfolder)
    write_history(runs[0].folder, history)


def _member_results(
    dataset: Dataset, runs: Sequence[Run], states: Sequence[State], seed: int
) -> list[MemberResult]:
    """The result of every member, by number, scored on the split that is reported."""
    rows = scored_rows(dataset, report_split(dataset), seed)
    batch = dataset.take(dataset.arrays, rows)
    scales = scales_of(dataset, rows)
    results = []
    for run, state in zip(runs, states, strict=True):
        variables = Chosen(run, state, list(range(len(run.members)))).variables
        predictor = Predictor.of(run.config, run.dataset.encoder, (variables,))
        predictions = predictor.each(batch.inputs)
        for k in range(len(run.members)):
            own = {name: array[k] for name, array in predictions.items()}
            metrics = score(dataset.encoder, own, batch.target, batch.weight, scales)
            results.append(_member_result(run, state, k, metrics))
    return sorted(results, key=lambda result: result.member.number)


def _member_result(run: Run, state: State, k: int, metrics: dict[str, float]) -> MemberResult:
    n_train = run.data.n_train
    return MemberResult(
        member=run.members[k],
        value=float(state.best.kept[k]),
        weights_step=int(state.best.step[k]),
        epochs=int(state.step[k]) // run.program.steps_per_epoch,
        diverged=bool(state.diverged[k]),
        n_rows=run.data.train.shape[1] if n_train is None else int(n_train[k]),
        metrics=metrics,
        skipped=int(state.faults.skipped[k]),
    )


def _choose(runs: Sequence[Run], states: Sequence[State], numbers: set[int]) -> list[Chosen]:
    """The members of these numbers, of the runs that have any."""
    chosen = []
    for run, state in zip(runs, states, strict=True):
        places = [k for k, member in enumerate(run.members) if member.number in numbers]
        if places:
            chosen.append(Chosen(run, state, places))
    return chosen


def write_answering(run: Run, nets: Sequence[Answering], step: int, config: Config) -> None:
    """Writes which nets answer from now on, their step and their config."""
    if is_first():
        parts = [net.to_json() for net in nets]
        content = {"parts": parts, "step": step, "config": configs.to_json(config)}
        with rewriting(run.folder, ANSWERING_FILE):
            write_json(run.folder / ANSWERING_FILE, content)


def _out_of_fold(config: Config, chosen: Sequence[Chosen]) -> OutOfFold:
    """The validation rows of all folds, each predicted by the chosen members of its fold."""
    folds = {run.members[k].fold for run, _, places in chosen for k in places}
    predicted = []
    numbers = []
    for fold in sorted(folds):
        own = []
        for run, state, places in chosen:
            of_fold = [k for k in places if run.members[k].fold == fold]
            if of_fold:
                own.append(Chosen(run, state, of_fold))
        run, _, places = own[0]
        rows = validation_rows(run)[places[0]]
        variables = tuple(each.variables for each in own)
        predictor = Predictor.of(config, run.dataset.encoder, variables)
        predicted.append(predictor.predict_rows(run.dataset, rows))
        numbers.append(rows)
    targets, weights, predictions = zip(*predicted, strict=True)
    joined = Predicted(join_arrays(targets), np.concatenate(weights), join_arrays(predictions))
    return OutOfFold(np.concatenate(numbers), joined)
