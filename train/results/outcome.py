"""What training came to: the predictor that answers from now on, and what result.json says of each
net.

k members, n rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from train import config as configs
from train.config.members import Member, config_of
from train.config.options import Config
from train.core.state import State
from train.core.tasks import HEAD_KINDS
from train.core.weights import Weights, count_parameters
from train.data.dataset import Dataset
from train.evaluation.score import score
from train.inference.load import KEPT
from train.inference.predictor import Predictor
from train.parallel.hosts import is_first
from train.population.vmapped import own_valid_rows
from train.run.folder import write_json
from train.run.log import read_history, write_history
from train.run.prepare import resolve_config
from train.run.run import Run

Arrays = dict[str, np.ndarray]
Rows = tuple[Mapping[str, np.ndarray], np.ndarray, Arrays]  # targets, weights, answers


@dataclass(frozen=True)
class Outcome:
    """`facts` go into result.json; `valid` are the validation rows where they are not the data
    set's split.
    """

    predictor: Predictor
    facts: dict[str, Any]
    valid: Rows | None = None


def report_split(dataset: Dataset) -> str:
    """The split whose scores are shown: the test rows where there are any."""
    return next(split for split in ("test", "valid", "train") if len(dataset.splits[split]))


def single_outcome(run: Run, state: State) -> Outcome:
    """Of one net."""
    best = state.best
    step = int(state.step)
    variables = jax.device_get(best.weights.variables(run.data.statistics))
    facts = {
        "n_parameters": count_parameters(best.weights),
        "members": 1,
        "steps": step,
        "epochs": step // run.program.steps_per_epoch,
        "best_step": int(best.step),
        "examples": step // run.program.steps_per_epoch * run.dataset.n_train,
        "per_member": [
            {"seed": run.config.seed, "value": float(best.kept), "best_step": int(best.step)}
        ],
        "spread": {},
    }
    return Outcome(Predictor(run.config, run.dataset.encoder, variables), facts)


def population_outcome(
    config: Config, dataset: Dataset, runs: Sequence[Run], states: Sequence[State]
) -> Outcome:
    """Of a population: every member judged alone, the settings compared, and those that answer
    together.

    Settings are ranked by the mean, members by their own, monitored value on validation rows (on
    training rows where there are none). Writes which members answer into the run's folder, unless a
    net is yet to be trained for that.
    """
    tested = dataset.take(dataset.arrays, dataset.splits[report_split(dataset)])
    records: list[dict[str, Any]] = []
    for run, state in zip(runs, states, strict=True):
        answers = _predictor(run, state).each(tested.inputs)
        for k, member in enumerate(run.members):
            own = {name: array[k] for name, array in answers.items()}
            scores = score(dataset.encoder, own, tested.target, tested.weight)
            records.append(_record(config, run, state, member, k) | {"metrics": scores})
    records.sort(key=lambda record: record["member"])
    settings = _settings(records)
    kept = _kept(config, dataset, records, settings)
    chosen = [[k for k, member in enumerate(run.members) if member.number in kept] for run in runs]
    parts = [
        (run, state, slots) for run, state, slots in zip(runs, states, chosen, strict=True) if slots
    ]
    first_run, _, first_slots = parts[0]
    steps = [int(np.max(state.step)) for state in states]
    own = resolve_config(config_of(config, first_run.members[first_slots[0]]), first_run.dataset)
    if config.population.keep != "refit":
        answering = [{"part": run.part, "slots": slots} for run, _, slots in parts]
        write_kept(first_run.folder, answering, max(steps), own)
    if len(runs) > 1 and is_first():
        history = [line for run in runs for line in read_history(run.folder / run.part)]
        write_history(first_run.folder, history)
    variables = tuple(_variables(run, state, slots) for run, state, slots in parts)
    best = min(records, key=lambda record: _rank(record["value"]))
    facts = {
        "n_parameters": count_parameters(Weights(variables[0]["params"], {})) // len(first_slots),
        "members": len(records),
        "kept": sorted(kept),
        "steps": max(steps),
        "epochs": max(
            step // run.program.steps_per_epoch for run, step in zip(runs, steps, strict=True)
        ),
        "best_step": best["best_step"],
        "examples": sum(record["epochs"] * record.pop("rows") for record in records),
        "per_member": records,
        "settings": settings,
        "spread": spread([r["metrics"] for r in records if r["setting"] == settings[0]["setting"]]),
    }
    out_of_fold = _out_of_fold(own, parts) if config.population.folds > 1 else None
    return Outcome(Predictor(own, dataset.encoder, variables, members=True), facts, out_of_fold)


def write_kept(folder: Path, parts: list[dict[str, Any]], step: int, config: Config) -> None:
    """Which nets answer from now on: [{"part": folder within the run's, "slots": members in it}],
    and their config.
    """
    if not is_first():
        return
    write_json(folder / KEPT, {"parts": parts, "step": step, "config": configs.to_json(config)})


def _record(config: Config, run: Run, state: State, member: Member, k: int) -> dict[str, Any]:
    n_train = run.data.train.shape[1] if run.data.n_train is None else int(run.data.n_train[k])
    record: dict[str, Any] = {
        "member": member.number,
        "seed": member.seed,
        "setting": member.setting,
    }
    if config.population.folds > 1:
        record["fold"] = member.fold
    record |= {"values": dict(member.values)} if member.values else {}
    return record | {
        "value": float(state.best.kept[k]),
        "best_step": int(state.best.step[k]),
        "epochs": int(state.step[k]) // run.program.steps_per_epoch,
        "diverged": bool(state.diverged[k]),
        "rows": n_train,
    }


def _rank(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _settings(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """{"setting", "values", "value": mean over its members, "deviation", "members"} of each, the
    best first.
    """
    found = []
    for setting in sorted({record["setting"] for record in records}):
        own = [record for record in records if record["setting"] == setting]
        value_k = np.array([_rank(record["value"]) for record in own])
        deviation = (
            float(value_k.std(ddof=1)) if len(own) > 1 and np.isfinite(value_k).all() else None
        )
        epochs = max(record["epochs"] for record in own)
        facts = {
            "value": float(value_k.mean()),
            "deviation": deviation,
            "members": len(own),
            "epochs": epochs,
        }
        found.append({"setting": setting, "values": own[0].get("values", {}), **facts})
    return sorted(found, key=lambda setting: setting["value"])


def _kept(
    config: Config, dataset: Dataset, records: list[dict[str, Any]], settings: list[dict[str, Any]]
) -> set[int]:
    """The numbers of the members that answer."""
    whole = [record for record in records if np.isfinite(record["value"])]
    own = [record for record in whole if record["setting"] == settings[0]["setting"]] or whole
    alone = not all(HEAD_KINDS[head.kind].averages for head in dataset.encoder.heads)
    if config.population.keep == "refit" and alone:  # each fold is judged by one net
        by_value = sorted(own, key=lambda record: -record["value"])
        return set({record["fold"]: record["member"] for record in by_value}.values())
    if config.population.keep == "best" or alone:
        return {min(own, key=lambda record: record["value"])["member"]}
    return {record["member"] for record in (whole if config.population.keep == "all" else own)}


def spread(scores: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """{metric: {"mean", "deviation", "standard_error", "low", "high"}} over nets; low and high hold
    the mean of many such nets with 95 % confidence by Student's t, if the nets are independent. {}
    of a single net.
    """
    if len(scores) < 2:
        return {}
    from scipy.special import stdtrit  # the quantile of Student's t

    found = {}
    for name in scores[0]:
        value_k = np.array([score[name] for score in scores])
        mean = value_k.mean()
        deviation = value_k.std(ddof=1)
        error = deviation / np.sqrt(len(value_k))
        half = error * stdtrit(len(value_k) - 1, 0.975)
        limits = {"low": mean - half, "high": mean + half}
        found[name] = {"mean": mean, "deviation": deviation, "standard_error": error, **limits}
    return {
        name: {key: float(value) for key, value in values.items()} for name, values in found.items()
    }


def _variables(run: Run, state: State, slots: Sequence[int]) -> Any:
    """The kept weights of some members, and their statistics [k, ...]."""
    variables = jax.device_get(state.best.weights.variables(run.data.statistics))
    return jax.tree.map(lambda leaf: leaf[np.array(slots)], variables)


def _predictor(run: Run, state: State) -> Predictor:
    variables = _variables(run, state, range(len(run.members)))
    return Predictor(run.config, run.dataset.encoder, (variables,), members=True)


def _out_of_fold(config: Config, parts: Sequence[tuple[Run, State, list[int]]]) -> Rows:
    """The rows that validated some of these members, each answered by those that it validated
    together.
    """
    rows: list[Rows] = []
    for fold in sorted({run.members[k].fold for run, _, slots in parts for k in slots}):
        own = [
            (run, state, [k for k in slots if run.members[k].fold == fold])
            for run, state, slots in parts
        ]
        own = [(run, state, slots) for run, state, slots in own if slots]
        run, _, slots = own[0]
        truth = own_valid_rows(run)[slots[0]]
        variables = tuple(_variables(*part) for part in own)
        predictor = Predictor(config, run.dataset.encoder, variables, members=True)
        rows.append((truth.target, truth.weight, predictor.answers(truth.inputs)))
    target, weight, answers = zip(*rows, strict=True)
    return _joined(target), np.concatenate(weight), _joined(answers)


def _joined(pieces: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
