"""The members of a population: which nets a config asks for, and the config of each alone."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from train.config import fields, values
from train.config.options import Augment, Config, GridValue, Population
from train.config.values import Annotation

# Numbers that the members of one compiled program may differ by. Other fields of GROUPED make
# programs of their own.
TRACED_FIELDS = frozenset(
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
VARIABLE = (
    "net.",
    "optim.",
    "augment.",
    "label_smoothing",
    "train.batch_size",
    "train.epochs",
)
# Why all others cannot differ, by how their paths begin.
SHARED_REASONS = {
    "data.": "all are judged on the same rows",
    "train.": "all are evaluated, compared and saved together",
    "seed": "config.population.seeds varies it",
    "population.": "it says which nets there are",
    "": "all are compared by it",
}


@dataclass(frozen=True)
class Member:
    """One net: its number from 0, its setting's, and the values that the setting gives.

    Members of a setting have equal `values`.
    """

    number: int
    setting: int
    fold: int
    seed: int
    values: Mapping[str, GridValue]


def is_population(config: Config) -> bool:
    """Whether more nets than one are trained together."""
    options = config.population
    plural = options.n_seeds > 1 or options.n_folds > 1 or options.grid or options.samples
    return bool(plural) and options.member is None


def pooled(config: Config) -> Config:
    """The config to load the data with: folds take their validation rows from the training rows."""
    if config.population.n_folds == 1:
        return config
    return replace(config, data=replace(config.data, valid=0))


def members_of(config: Config) -> list[Member]:
    """All members: settings, in each the folds, in each the seeds from `config.seed` on."""
    options = config.population
    found = []
    for setting, chosen in enumerate(settings_of(config)):
        for fold, seed in itertools.product(range(options.n_folds), range(options.n_seeds)):
            found.append(Member(len(found), setting, fold, config.seed + seed, chosen))
    return found


def settings_of(config: Config) -> list[dict[str, GridValue]]:
    """{field path: value} of every setting: all of the grid, or `samples` random ones by the seed.

    Without a range no setting is drawn twice.
    """
    samples = config.population.samples
    if samples is None:
        return _all_combinations(config)
    drawn = random.Random(config.seed)
    if not ranges_of(config):
        numbers = drawn.sample(range(n_combinations(config)), samples)
        return [_nth_combination(config.population.grid, number) for number in numbers]
    return [_draw_setting(config, drawn) for _ in range(samples)]


def _all_combinations(config: Config) -> list[dict[str, GridValue]]:
    grid = config.population.grid
    combinations = itertools.product(*grid.values())
    return [dict(zip(grid, chosen, strict=True)) for chosen in combinations]


def n_combinations(config: Config) -> int:
    """How many settings the values of the grid make."""
    return math.prod(map(len, config.population.grid.values()))


def _nth_combination(grid: Mapping[str, tuple[GridValue, ...]], i: int) -> dict[str, GridValue]:
    """The i-th of all combinations of values."""
    chosen = {}
    for path, choice in grid.items():
        i, place = divmod(i, len(choice))
        chosen[path] = choice[place]
    return chosen


def _range_of(choice: tuple[GridValue, ...], annotation: Annotation) -> tuple[float, float] | None:
    """The ends of a range: two numbers of a field that holds any number. None of plain values."""
    ends = [value for value in choice if values.is_number(value)]
    if len(choice) != 2 or len(ends) != 2 or float not in values.members(annotation):
        return None
    return min(ends), max(ends)


def ranges_of(config: Config) -> dict[str, tuple[float, float]]:
    """{field path: ends of its range} of the grid's fields that are drawn from a range."""
    leaves = fields.leaves_of(config)
    found = {}
    for path, choice in config.population.grid.items():
        ends = _range_of(choice, leaves[f"config.{path}"].annotation)
        if ends is not None:
            found[path] = ends
    return found


def grid_in_words(config: Config) -> str:
    """How the grid was understood: values that are tried, and ranges drawn from; "" of no grid."""
    grid = config.population.grid
    if not grid:
        return ""
    samples = config.population.samples
    ranges = {} if samples is None else ranges_of(config)
    parts = []
    for path, choice in grid.items():
        if path in ranges:
            low, high = ranges[path]
            scale = " on a log scale" if low > 0 else ""
            parts.append(f"{path} between {low:g} and {high:g}{scale}")
        else:
            parts.append(
                f"{path} of {', '.join(values.to_text(value) or '()' for value in choice)}"
            )
    if samples is None:
        return f"{n_combinations(config)} settings, all combinations: {'; '.join(parts)}"
    return f"{samples} settings, drawn at random: {'; '.join(parts)}"


def _draw_setting(config: Config, drawn: random.Random) -> dict[str, GridValue]:
    """A random value for every field of the grid."""
    ranges = ranges_of(config)
    chosen = {}
    for path, choice in config.population.grid.items():
        if path in ranges:
            chosen[path] = _draw_number(*ranges[path], drawn)
        else:
            chosen[path] = drawn.choice(choice)
    return chosen


def _draw_number(low: float, high: float, drawn: random.Random) -> float:
    """A number between the ends, on a log scale if both are above 0."""
    if low > 0:
        return math.exp(drawn.uniform(math.log(low), math.log(high)))
    return drawn.uniform(low, high)


def with_values(config: Config, chosen: Mapping[str, object]) -> Config:
    """The config with the fields at these paths ("optim.l2") replaced; the values may be traced."""
    for path, value in chosen.items():
        group, _, name = path.rpartition(".")
        if group:
            value = replace(getattr(config, group), **{name: value})
            name = group
        config = replace(config, **{name: value})
    return config


def config_of(config: Config, member: Member) -> Config:
    """The config of a member's own run: a single net's."""
    return replace(with_values(config, member.values), seed=member.seed, population=Population())
