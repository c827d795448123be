"""One more net after the folds: the best setting, trained on all rows that are not test rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from train.config.members import Member, config_of
from train.config.options import Config
from train.core.state import State
from train.data.dataset import Dataset
from train.data.resolve import resolve_config
from train.results.outcome import Answering, Outcome, single_outcome, write_answering
from train.results.records import MemberResult, RefitResult
from train.run.device_data import to_device
from train.run.prepare import make_program
from train.run.run import Run


def refit_run(
    config: Config, dataset: Dataset, runs: Sequence[Run], outcome: Outcome
) -> tuple[Run, int]:
    """The run of that net, and the number of its setting.

    It ends after as many whole epochs as were best in the folds, on average; an epoch of more rows
    has more steps. Schedules go on as long as in the folds: the net stops on the way, as the best
    weights of the folds did. Its folder bears the setting and the steps, so a run that is made
    longer begins anew.
    """
    results = _results_to_refit(outcome)
    setting = next(iter(results.values())).member.setting
    run, member = _first_member(runs, results)
    epochs = _best_epochs(runs, results)
    own = resolve_config(config_of(config, replace(member, seed=config.seed)), run.dataset)
    own = replace(own, train=replace(own.train, eval_every=1))
    program = make_program(own, dataset)
    ends_at = max(1, math.floor(np.mean(epochs) + 0.5)) * program.steps_per_epoch
    program = replace(program, ends_at=ends_at)
    data = to_device(program, dataset, dataset.statistics(dataset.splits["train"], own.data))
    subfolder = f"refit/{setting}-{program.last_step}"
    return Run(run.folder, own, dataset, program, data, subfolder=subfolder), setting


def _results_to_refit(outcome: Outcome) -> dict[int, MemberResult]:
    """{number: result} of the best setting's nets, of those that came to a finite value.

    Of the best net's setting where all nets of the best one diverged.
    """
    finite = [result for result in outcome.facts.per_member if np.isfinite(result.value)]
    setting = outcome.facts.settings[0].setting
    if all(result.member.setting != setting for result in finite):
        setting = min(finite, key=lambda result: result.value).member.setting
    return {r.member.number: r for r in finite if r.member.setting == setting}


def _first_member(runs: Sequence[Run], results: dict[int, MemberResult]) -> tuple[Run, Member]:
    """The first net of these results, and its run."""
    for run in runs:
        for member in run.members:
            if member.number in results:
                return run, member
    raise ValueError("no net of the setting is in the runs")


def _best_epochs(runs: Sequence[Run], results: dict[int, MemberResult]) -> list[float]:
    """The epochs that the best weights of each net were trained for."""
    epochs = []
    for run in runs:
        for member in run.members:
            if member.number in results:
                epochs.append(results[member.number].weights_step / run.program.steps_per_epoch)
    return epochs


def refitted(run: Run, state: State, outcome: Outcome, setting: int) -> Outcome:
    """The outcome where this net answers alone; the nets of the folds judge validation rows still.

    They did not see those rows. Writes into the run's folder that it answers.
    """
    one = single_outcome(run, state)
    steps = one.facts.steps
    write_answering(run, [Answering(run.subfolder, None)], steps, run.config)
    facts = replace(
        outcome.facts,
        answering=(),
        refit=RefitResult(setting, one.facts.epochs, steps, rows=len(run.data.train)),
        steps=steps,
        epochs=one.facts.epochs,
        weights_step=steps,
        examples=outcome.facts.examples + one.facts.examples,
    )
    return replace(outcome, predictor=one.predictor, facts=facts)
