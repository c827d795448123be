"""The content of result.json, which `train.loop.fit` returns; and of a line of metrics.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypeAlias, TypedDict, TypeGuard, cast

# Where it is not defined None in the file, and not finite in what `fit` returns.
Value: TypeAlias = float | None
Scores: TypeAlias = Mapping[str, Value]  # by metric
FACTS = ("step", "epoch", "split", "member")  # of a line of metrics.jsonl; its scores are the rest


def is_finite(value: Value) -> TypeGuard[float]:
    """Whether there is a value."""
    return value is not None and math.isfinite(value)


class MemberRecord(TypedDict):
    """What one trained net came to."""

    member: NotRequired[int]
    """Its number in a population."""
    seed: int
    setting: NotRequired[int]
    """The number of its values in `population.grid`."""
    fold: NotRequired[int]
    """The rows that it did not train on, but validated."""
    values: NotRequired[Mapping[str, object]]
    """{field of the config: its value in this net}, of fields that the grid varies."""
    value: Value
    """The monitored value of the weights that answer; the lower, the better."""
    best_step: NotRequired[int]
    """The step at which the monitored value was lowest."""
    weights_step: NotRequired[int]
    """The step of the weights that answer."""
    epochs: NotRequired[int]
    diverged: NotRequired[bool]
    skipped: NotRequired[int]
    """Updates that were left out, where any were."""
    metrics: Scores
    """Of the test rows; without any of the validation rows, without these of the training rows."""


class SettingRecord(TypedDict):
    """What the members that share their options came to."""

    setting: NotRequired[int]
    values: Mapping[str, object]
    """{field of the config: its value}, of fields that the grid varies."""
    value: Value
    """The mean of the members' monitored values."""
    deviation: Value
    """The standard deviation of these; None of one net, or where a value is not finite."""
    members: NotRequired[int]
    epochs: int
    """Of the member that trained longest."""


class RungRecord(TypedDict):
    """A moment at which halving compared settings."""

    epochs: Sequence[int]
    """How long they had been trained; several numbers where settings or folds vary it."""
    settings: int
    """How many were compared."""
    stopped: Sequence[int]
    """The numbers of those that stopped."""


class RefitRecord(TypedDict):
    """The net that was trained once more after the folds, and answers."""

    setting: NotRequired[int]
    epochs: int
    steps: NotRequired[int]
    rows: int
    """Training and validation rows together."""


class Monitor(TypedDict):
    """What decides which weights answer: the best by a measure of a split, or the last."""

    measure: str
    """The "loss", or the "error": the squared error of numbers, the share of wrong classes."""
    split: str
    """The rows it is measured on: "valid", or without any "train"."""
    restore: str
    """The "best" weights answer, or the "last"."""


class TaskRecord(TypedDict):
    """What a head of the network answers."""

    kind: str
    """"regression", "binary", "multiclass", "tags" and so on."""
    columns: Sequence[str]
    """The target's columns."""
    loss: str
    metric: NotRequired[str]
    """The metric that counts, where `data.metric` names it."""
    temperature: NotRequired[float]
    """What logits are divided by, where `train.temperature` has it fitted."""


class GroupsRecord(TypedDict):
    """Scores by group of a series; those of each group are in groups.csv."""

    count: int
    spread: Mapping[str, Mapping[str, float]]
    """{metric: {"min", "q10", "median", "q90", "max"} over groups}."""


class Result(TypedDict):
    """A finished run: what `train.loop.fit` returns and result.json holds.

    Splits are "train", "valid" and "test". "The reported split" is "test", without test rows
    "valid", without these "train".
    """

    task: NotRequired[Mapping[str, TaskRecord]]
    """{head: what it answers}."""
    metrics: Mapping[str, Scores]
    """{split: {metric: value}}, in the target's units; of several targets "TARGET.metric"."""
    baselines: Mapping[str, Mapping[str, Scores]]
    """{split: {baseline: its metrics}}, of the reported split and of validation rows."""
    baselines_fitted_on: NotRequired[Mapping[str, int]]
    """{baseline: training rows that it saw}, of those that did not see all."""
    horizon: NotRequired[Mapping[str, Mapping[str, Mapping[str, Sequence[Value]]]]]
    """Of forecasts {split: {"net" or baseline: {metric: its value at each step ahead}}}."""
    n_parameters: int
    """Of one net."""
    members: int
    """How many nets were trained."""
    steps: int
    """Updates, of the net that was trained longest."""
    epochs: float
    best_step: int
    """The step at which the monitored value was lowest, of several nets that of the best one."""
    weights_step: NotRequired[int]
    """The step of the weights that answer, of several nets that of the best one."""
    per_member: Sequence[MemberRecord]
    """A record for each net, also where there is one."""
    spread: Mapping[str, Scores]
    """What nets of the best setting differ by, for each metric; {} of one net.

    "mean", "deviation", "standard_error", "low" and "high", of which the last two hold the mean of
    many such nets with 95 % confidence.
    """
    monitor: NotRequired[Monitor]
    warnings: NotRequired[Sequence[str]]
    """Lines on what the net loses to, and which baselines and importances there are not."""
    interval: Mapping[str, float]
    """How well 90 % intervals of numbers hold on test rows: "coverage", "width"."""
    rows: Mapping[str, int]
    """{split: its rows}."""
    sampled: NotRequired[Mapping[str, int]]
    """{split: rows that are scored}, of splits that are not scored whole."""
    examples_per_second: float
    notes: Sequence[str]
    """Lines on how the data are read, and on scores of a part of the rows."""
    lstm: NotRequired[str]
    """What computed the LSTM layers, where the net has any."""
    report: NotRequired[bool]
    """False where no report.html is drawn."""
    versions: Mapping[str, str]
    """{package: version}, of all that the run computed with."""
    config_sha256: str
    classes: NotRequired[Mapping[str, Mapping[str, object]]]
    """{split: {head: scores of each class}} of the reported split.

    The scores are confusion, precision, recall, f1, support and calibration.
    """
    groups: NotRequired[Mapping[str, GroupsRecord]]
    """{split: scores by group} of the reported split."""
    seconds: Mapping[str, float]
    """"start", "compile", "train", and the "total" of the run."""


class PopulationResult(Result):
    """A finished population."""

    kept: Sequence[int]
    """The numbers of the members that answer."""
    settings: Sequence[SettingRecord]
    """In order, the best first."""
    halving: NotRequired[Sequence[RungRecord]]
    refit: NotRequired[RefitRecord]


def read_result(content: Mapping[str, Any]) -> Result:
    """What result.json holds, as a record of it; nothing is checked."""
    return cast(Result, content)


def has_members(result: Result) -> TypeGuard[PopulationResult]:
    """Whether several nets were trained."""
    return result["members"] > 1


@dataclass(frozen=True)
class Evaluation:
    """The scores of one split after some epochs: the loss, metrics, norms of gradients."""

    step: int
    epoch: float
    split: str
    member: int
    scores: Scores


def read_evaluation(line: Mapping[str, Any]) -> Evaluation:
    """The evaluation that a line of metrics.jsonl holds."""
    scores = {name: value for name, value in line.items() if name not in FACTS}
    return Evaluation(line["step"], line["epoch"], line["split"], line.get("member", 0), scores)
