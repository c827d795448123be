"""What result.json says of the nets of a run, and of the settings that were compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from train.config.members import Member
from train.population.halving import Rung

Scores: TypeAlias = Mapping[str, float]
Json: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class MemberResult:
    """What one net came to; `value` is the monitored one of the weights that answer.

    These are of `weights_step`; `best_step` is that of the lowest value, None where it is the same.
    Of its updates, `skipped` were left out (`train.core.faults`).
    `n_rows` are the training rows of an epoch, `metrics` those of the rows whose scores are shown.
    """

    member: Member
    value: float
    weights_step: int
    epochs: int
    diverged: bool
    n_rows: int
    metrics: Scores
    best_step: int | None = None
    skipped: int = 0

    def to_json(self, *, is_alone: bool, has_folds: bool) -> Json:
        """The record of a net; a net that is alone has no number."""
        if is_alone:
            net: Json = {"seed": self.member.seed}
        else:
            net = {
                "member": self.member.number,
                "seed": self.member.seed,
                "setting": self.member.setting,
            }
            if has_folds:
                net["fold"] = self.member.fold
            if self.member.values:
                net["values"] = dict(self.member.values)
        best_step = self.weights_step if self.best_step is None else self.best_step
        best: Json = {
            "value": self.value,
            "best_step": best_step,
            "weights_step": self.weights_step,
        }
        course: Json = {} if is_alone else {"epochs": self.epochs, "diverged": self.diverged}
        if self.skipped:
            course["skipped"] = self.skipped
        return {**net, **best, **course, "metrics": self.metrics}


@dataclass(frozen=True)
class SettingResult:
    """What the nets of one setting came to: the mean of their values, and its deviation.

    The deviation is None of one net, or where a value is not finite.
    """

    setting: int
    values: Mapping[str, object]
    value: float
    deviation: float | None
    members: int
    epochs: int

    def to_json(self) -> Json:
        """The record of a setting."""
        return {**vars(self), "values": dict(self.values)}


@dataclass(frozen=True)
class RefitResult:
    """The setting that was trained again, for how long, and on how many rows."""

    setting: int
    epochs: int
    steps: int
    rows: int

    def to_json(self) -> Json:
        """The record of a refit."""
        return dict(vars(self))


def halving_to_json(rungs: Sequence[Rung], n_settings: int) -> list[Json]:
    """A record for each rung: the epochs that it came after, who was compared, who stopped.

    Epochs are several only where settings or folds vary them.
    """
    records: list[Json] = []
    for rung in rungs:
        lost = rung.lost or ()
        epochs = sorted(set(rung.epochs))
        records.append({"epochs": epochs, "settings": n_settings, "stopped": list(lost)})
        n_settings -= len(lost)
    return records


@dataclass(frozen=True)
class Facts:
    """What result.json says of a run beside its scores.

    `examples` are the rows that were trained on, each as often as it was. Of a population,
    `answering` are the numbers of the members that answer, and `settings` come the best first; of
    one net there are none. `rungs` say where halving stopped settings.
    """

    n_parameters: int
    steps: int
    epochs: int
    weights_step: int
    examples: int
    per_member: tuple[MemberResult, ...]
    spread: Mapping[str, Scores]
    answering: tuple[int, ...] = ()
    settings: tuple[SettingResult, ...] = ()
    rungs: tuple[Rung, ...] = ()
    refit: RefitResult | None = None
    best_step: int | None = None

    def with_metrics(self, metrics: Scores) -> Facts:
        """The facts of a run of one net, with these scores."""
        (net,) = self.per_member
        return replace(self, per_member=(replace(net, metrics=metrics),))

    def answering_nets(self) -> tuple[MemberResult, ...]:
        """The nets that answer; none where one trained after them does."""
        if not self.settings:
            return self.per_member
        return tuple(net for net in self.per_member if net.member.number in self.answering)

    def to_json(self) -> Json:
        """The records, in the order of result.json."""
        is_alone = not self.settings
        has_folds = any(net.member.fold for net in self.per_member)
        nets = [net.to_json(is_alone=is_alone, has_folds=has_folds) for net in self.per_member]
        facts: Json = {"n_parameters": self.n_parameters, "members": len(nets)}
        if not is_alone:
            facts["kept"] = list(self.answering)
        facts |= {"steps": self.steps, "epochs": self.epochs}
        facts["best_step"] = self.weights_step if self.best_step is None else self.best_step
        facts["weights_step"] = self.weights_step
        facts["per_member"] = nets
        if not is_alone:
            facts["settings"] = [setting.to_json() for setting in self.settings]
        if self.rungs:
            facts["halving"] = halving_to_json(self.rungs, len(self.settings))
        facts["spread"] = self.spread
        if self.refit is not None:
            facts["refit"] = self.refit.to_json()
        return facts
