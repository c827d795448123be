"""What a report reads of result.json, and of a line of metrics.jsonl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, TypeGuard, cast

Scores = Mapping[str, float | None]  # by metric; None, or not finite, where one is not defined
FACTS = ("step", "epoch", "split", "member")  # of a line of metrics.jsonl; its scores are the rest


class MemberRecord(TypedDict):
    """A net of a population: the monitored value that ranks it, and its scores."""

    member: int
    seed: int
    value: float
    metrics: Scores
    best_step: NotRequired[int]
    weights_step: NotRequired[int]
    values: NotRequired[Mapping[str, object]]
    fold: NotRequired[int]


class SettingRecord(TypedDict):
    """The members that share their options: the mean of their monitored values."""

    values: Mapping[str, object]
    value: float
    deviation: float | None
    epochs: int


class RungRecord(TypedDict):
    """The settings that halving compared after these epochs, and those that it stopped."""

    epochs: Sequence[int]
    settings: int
    stopped: Sequence[int]


class RefitRecord(TypedDict):
    """The net trained after the folds, which answers."""

    epochs: int
    rows: int


class Monitor(TypedDict):
    """What decides which weights answer: the best by a measure of a split, or the last."""

    measure: str
    """The "loss", or the "error": the squared error of numbers, the share of wrong classes."""
    split: str
    """The rows it is measured on: "valid", or without any "train"."""
    restore: str
    """The "best" weights answer, or the "last"."""


class TaskRecord(TypedDict):
    """What a head answers, its loss, and the metric that counts where the config names one."""

    kind: str
    columns: Sequence[str]
    loss: str
    metric: NotRequired[str]


class GroupsRecord(TypedDict):
    """How many groups of series have scores, and {metric: {"min", "median", ...}} of these."""

    count: int
    spread: Mapping[str, Mapping[str, float]]


class Result(TypedDict):
    """A finished run. Splits are "train", "valid" and "test".

    `sampled` are the rows of a split that is not scored whole, `baselines_fitted_on` those of a
    baseline that did not see every training row; `report` is false where none is drawn.
    """

    task: NotRequired[Mapping[str, TaskRecord]]
    rows: Mapping[str, int]
    report: NotRequired[bool]
    sampled: NotRequired[Mapping[str, int]]
    metrics: Mapping[str, Scores]
    baselines: Mapping[str, Mapping[str, Scores]]
    baselines_fitted_on: NotRequired[Mapping[str, int]]
    members: int
    n_parameters: int
    steps: int
    epochs: float
    best_step: int
    weights_step: NotRequired[int]
    monitor: NotRequired[Monitor]
    warnings: NotRequired[Sequence[str]]
    interval: Mapping[str, float]
    groups: NotRequired[Mapping[str, GroupsRecord]]
    seconds: Mapping[str, float]
    examples_per_second: float
    notes: Sequence[str]
    versions: Mapping[str, str]
    config_sha256: str


class PopulationResult(Result):
    """A finished population: settings stand in order, the best first."""

    per_member: Sequence[MemberRecord]
    settings: Sequence[SettingRecord]
    halving: NotRequired[Sequence[RungRecord]]
    spread: Mapping[str, Mapping[str, float]]
    kept: Sequence[int]
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
