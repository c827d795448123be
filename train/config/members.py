"""The members of a population: which nets a config asks for, and the config of each alone. Loads
nothing heavy.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from train.config import fields, values
from train.config.options import Augment, Config, Population

# Numbers that the members of one compiled program may differ by. Other fields of GROUPED make
# programs of their own.
NUMBERS = frozenset(
    {
        *(f"augment.{field.name}" for field in dataclasses.fields(Augment)),
        "label_smoothing",
        "net.crop",
        "net.dropout",
        "net.input_dropout",
        "net.noise",
        "net.offset",
        "net.recurrent_dropout",
        "optim.beta1",
        "optim.beta2",
        "optim.clip_norm",
        "optim.decay",
        "optim.ema",
        "optim.epsilon",
        "optim.l1",
        "optim.l2",
        "optim.learning_rate",
        "optim.momentum",
        "optim.plateau_factor",
        "optim.weight_decay",
    }
)
GROUPED = ("net.", "optim.", "augment.", "label_smoothing", "train.batch_size", "train.epochs")
# Why all others cannot differ, by how their paths begin.
SHARED = {
    "data.": "all are judged on the same rows",
    "train.": "all are evaluated, compared and saved together",
    "seed": "config.population.seeds varies it",
    "population.": "it says which nets there are",
    "": "all are compared by it",
}


@dataclass(frozen=True)
class Member:
    """One net: its number from 0, its setting's, and what it differs by. Members of a setting have
    equal `values`.
    """

    number: int
    setting: int
    fold: int
    seed: int
    values: Mapping[str, Any]


def is_population(config: Config) -> bool:
    """Whether more nets than one are trained together."""
    options = config.population
    plural = options.seeds > 1 or options.folds > 1 or options.grid or options.samples
    return bool(plural) and options.member is None


def pooled(config: Config) -> Config:
    """The config to load the data with: folds take their validation rows from the training rows."""
    return (
        config
        if config.population.folds == 1
        else replace(config, data=replace(config.data, valid=0))
    )


def members_of(config: Config) -> list[Member]:
    """All members: settings, in each the folds, in each the seeds from `config.seed` on."""
    options = config.population
    found = []
    for setting, chosen in enumerate(settings_of(config)):
        for fold, seed in itertools.product(range(options.folds), range(options.seeds)):
            found.append(Member(len(found), setting, fold, config.seed + seed, chosen))
    return found


def settings_of(config: Config) -> list[dict[str, Any]]:
    """{field path: value} of every setting: all combinations of the grid, or `samples` random ones
    by the seed.
    """
    grid = config.population.grid
    samples = config.population.samples
    if samples is None:
        return [
            dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())
        ]
    drawn = random.Random(config.seed)
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    if not has_range(config):  # none twice
        return [_combination(grid, i) for i in drawn.sample(range(n_combinations(config)), samples)]
    return [
        {
            path: _draw(choice, leaves[f"config.{path}"].annotation, drawn)
            for path, choice in grid.items()
        }
        for _ in range(samples)
    ]


def range_of(choice: tuple[Any, ...], annotation: Any) -> tuple[float, float] | None:
    """The ends of the range that is drawn from: two numbers of a field that holds any number. None
    of plain values.
    """
    numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in choice
    )
    if len(choice) != 2 or not numeric or float not in values.members(annotation):
        return None
    return min(choice), max(choice)


def has_range(config: Config) -> bool:
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    return any(
        range_of(choice, leaves[f"config.{path}"].annotation)
        for path, choice in config.population.grid.items()
    )


def n_combinations(config: Config) -> int:
    return math.prod(map(len, config.population.grid.values()))


def _combination(grid: Mapping[str, tuple[Any, ...]], i: int) -> dict[str, Any]:
    """The i-th of all combinations of values."""
    chosen = {}
    for path, choice in grid.items():
        i, place = divmod(i, len(choice))
        chosen[path] = choice[place]
    return chosen


def _draw(choice: tuple[Any, ...], annotation: Any, drawn: random.Random) -> Any:
    """One of the values, or of a number's range."""
    ends = range_of(choice, annotation)
    if ends is None:
        return drawn.choice(choice)
    low, high = ends
    return (
        math.exp(drawn.uniform(math.log(low), math.log(high)))
        if low > 0
        else drawn.uniform(low, high)
    )


def with_values(config: Config, chosen: Mapping[str, Any]) -> Config:
    """The config with the fields at these paths ("optim.l2") replaced; the values may be traced."""
    for path, value in chosen.items():
        *groups, name = path.split(".")
        new = value
        for depth in range(len(groups), -1, -1):
            group = config
            for part in groups[:depth]:
                group = getattr(group, part)
            new = replace(group, **{name: new})
            name = groups[depth - 1] if depth else ""
        config = new
    return config


def config_of(config: Config, member: Member) -> Config:
    """The config of a member's own run: a single net's."""
    return replace(with_values(config, member.values), seed=member.seed, population=Population())
