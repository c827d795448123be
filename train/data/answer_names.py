"""What the columns of answers are called: each has a name of its own, whatever targets are called.

A name that is taken gets "_2" behind it, or the next number that is free.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple, TypeVar

from train.errors import UserError

T = TypeVar("T")
ROW = "row"  # numbers the rows beside all answers
# What stands in a network's outputs beside a head, behind its name and a point.
PARTS = ("deviation", "dispersion", "freedom", "quantiles", "start", "transition", "zeros")


class AnswerNames(NamedTuple):
    """Columns of answers: one for each target, and those of probabilities.

    `renamed` are the names that were taken, and what stands in their place.
    """

    targets: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def notes(self) -> list[str]:
        """A line for the user on each name that was taken."""
        lines = []
        for wanted, given in self.renamed:
            lines.append(f"answers: {given!r} stands for {wanted!r}, a name that is taken")
        return lines


def name_answers(
    targets: Iterable[str], probabilities: Iterable[str], taken: Iterable[str] = (ROW,)
) -> AnswerNames:
    """Names for the columns of answers to these targets, beside columns that are `taken`."""
    wanted = list(targets)
    n_targets = len(wanted)
    wanted += probabilities
    given = free_names(wanted, taken)
    renamed = tuple((old, new) for old, new in zip(wanted, given, strict=True) if old != new)
    return AnswerNames(tuple(given[:n_targets]), tuple(given[n_targets:]), renamed)


def free_names(wanted: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The names, those that are taken or stand before with a number behind them."""
    used = set(taken)
    names = []
    for name in wanted:
        names.append(_free(name, used))
        used.add(names[-1])
    return names


def _free(name: str, used: Container[str]) -> str:
    free = name
    count = 2
    while free in used:
        free = f"{name}_{count}"
        count += 1
    return free


def beside(columns: Mapping[str, T], more: Mapping[str, T]) -> dict[str, T]:
    """Columns, and more behind them under names that are free."""
    names = free_names(more, columns)
    return {**columns, **dict(zip(names, more.values(), strict=True))}


def check_heads(names: Iterable[str]) -> None:
    """Raises UserError if a target is called like a part of a network's answer to another."""
    known = set(names)
    for name in sorted(known):
        for part in PARTS:
            if f"{name}.{part}" in known:
                raise UserError(
                    f"config.data.target: '{name}.{part}' is what the answers to {name!r} are "
                    "kept under; rename that column"
                )
