"""One more net after the folds: the best setting, trained on all rows that are not test rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from train.config.members import config_of
from train.config.options import Config
from train.core.state import State
from train.data.dataset import Dataset
from train.results.outcome import Outcome, single_outcome, write_kept
from train.run.device_data import to_device
from train.run.prepare import make_program, resolve_config
from train.run.run import Run


def refit_run(
    config: Config, dataset: Dataset, runs: Sequence[Run], outcome: Outcome
) -> tuple[Run, int]:
    """The run of that net, and the number of its setting. It ends after as many whole epochs as
    were best in the folds, on average; an epoch of more rows has more steps.

    Schedules go on as long as in the folds: the net stops on the way, as the best weights of the
    folds did. Its folder bears the setting and the steps, so a run that is made longer begins anew.
    """
    records = {record["member"]: record for record in outcome.facts["per_member"]}
    values = {
        number: record["value"]
        for number, record in records.items()
        if np.isfinite(record["value"])
    }
    best = outcome.facts["settings"][0]["setting"]
    if not any(records[number]["setting"] == best for number in values):  # all of its nets diverged
        best = records[min(values, key=lambda number: values[number])]["setting"]
    epochs = []
    template = None
    for run in runs:
        for member in run.members:
            if member.setting == best and member.number in values:
                epochs.append(records[member.number]["best_step"] / run.program.steps_per_epoch)
                template = template or (run, member)
    assert template is not None
    run, member = template
    own = resolve_config(config_of(config, replace(member, seed=config.seed)), run.dataset)
    own = replace(own, train=replace(own.train, eval_every=1))
    program = make_program(own, dataset)
    program = replace(
        program, ends_at=max(1, math.floor(np.mean(epochs) + 0.5)) * program.steps_per_epoch
    )
    data = to_device(program, dataset, dataset.statistics(dataset.splits["train"], own.data))
    return Run(
        run.folder, own, dataset, program, data, part=f"refit/{best}-{program.last_step}"
    ), best


def refitted(run: Run, state: State, outcome: Outcome, setting: int) -> Outcome:
    """This net answers alone; validation rows stay judged by the nets of the folds, which did not
    see them.

    Writes into the run's folder that it answers.
    """
    one = single_outcome(run, state)
    steps = int(state.step)
    epochs = steps // run.program.steps_per_epoch
    write_kept(run.folder, [{"part": run.part, "slots": None}], steps, run.config)
    facts = outcome.facts | {
        "kept": [],
        "refit": {
            "setting": setting,
            "epochs": epochs,
            "steps": steps,
            "rows": len(run.data.train),
        },
        "steps": steps,
        "epochs": epochs,
        "best_step": steps,
        "examples": outcome.facts["examples"] + one.facts["examples"],
    }
    return Outcome(one.predictor, facts, outcome.valid)
