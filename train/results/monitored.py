"""What decided which weights answer: the measure, its lowest value, and what else it might be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from train.config.options import Config
from train.report.result import Monitor
from train.results.ranking import rank
from train.results.records import Facts, MemberResult
from train.run.log import Line


@dataclass(frozen=True)
class Monitored:
    """The measure that a run goes by, and what its history says of it."""

    monitor: Monitor
    history: Sequence[Line]

    @staticmethod
    def of(config: Config, history: Sequence[Line], *, has_valid: bool) -> Monitored:
        """What decided the weights of a run with this resolved config.

        Without validation rows the last weights stay.
        """
        train = config.train
        if not has_valid:
            return Monitored(Monitor(measure="loss", split="train", restore="last"), history)
        restore = "last" if train.restore == "last" else "best"
        monitor = Monitor(measure=train.monitor, split="valid", restore=restore)
        return Monitored(monitor, history)

    def lowest_steps(self, measure: str) -> Mapping[int, int]:
        """{member: the step at which a measure was lowest}.

        Of equal values the latest, as `core.early_stopping` has it.
        """
        lowest: dict[int, tuple[float, int]] = {}
        for line in self.history:
            value = line.get(measure)
            if line["split"] != self.monitor["split"] or value is None:
                continue
            member = line.get("member", 0)
            if member not in lowest or value <= lowest[member][0]:
                lowest[member] = (value, line["step"])
        return {member: step for member, (_, step) in lowest.items()}

    def name_best(self, facts: Facts) -> Facts:
        """The facts with the steps at which each net's measure was lowest as its best ones."""
        steps = self.lowest_steps(self.monitor["measure"])
        nets = []
        for net in facts.per_member:
            if self.monitor["restore"] == "last":
                net = replace(net, best_step=steps.get(net.member.number, net.weights_step))
            nets.append(net)
        best_step = None
        if facts.refit is None:
            best_step = min(nets, key=lambda net: rank(net.value)).best_step
        return replace(facts, per_member=tuple(nets), best_step=best_step)

    def options_to_try(self, nets: Iterable[MemberResult]) -> list[str]:
        """The flags that would let the weights of lowest loss answer; [] where they do already."""
        of_loss = self.lowest_steps("loss")
        of_measure = self.lowest_steps(self.monitor["measure"])
        flags: dict[str, None] = {}
        for net in nets:
            number = net.member.number
            if self.monitor["split"] == "train" or number not in of_loss:
                continue
            if of_loss[number] == net.weights_step:
                continue
            if self.monitor["restore"] == "last":
                flags["--config.train.restore=best"] = None
            if of_measure.get(number) != of_loss[number]:
                flags["--config.train.monitor=loss"] = None
        return sorted(flags, reverse=True)
