"""The members of a population: which nets a config asks for, and the config of each alone. Loads nothing heavy."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from train.config import fields, values
from train.config.checks import check_together
from train.config.options import Augment, Competitive, Config, Population, SelfOrganizingMap
from train.errors import UserError

# Numbers that the members of one compiled program may differ by. Other fields of GROUPED make programs of their own.
NUMBERS = frozenset({
    *(f"augment.{field.name}" for field in dataclasses.fields(Augment)), "label_smoothing",
    "net.crop", "net.dropout", "net.input_dropout", "net.noise", "net.offset", "net.recurrent_dropout", "optim.beta1",
    "optim.beta2", "optim.clip_norm", "optim.decay", "optim.ema", "optim.epsilon", "optim.l1", "optim.l2",
    "optim.learning_rate", "optim.momentum", "optim.plateau_factor", "optim.weight_decay",
})  # fmt: skip
GROUPED = ("net.", "optim.", "augment.", "label_smoothing", "train.batch_size", "train.epochs")
# Why all others cannot differ, by how their paths begin.
SHARED = {
    "data.": "all are judged on the same rows", "train.": "all are evaluated, compared and saved together",
    "seed": "config.population.seeds varies it", "population.": "it says which nets there are",
    "": "all are compared by it",
}  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One net: its number from 0, its setting's, and what it differs by. Members of a setting have equal `values`."""

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
    return config if config.population.folds == 1 else replace(config, data=replace(config.data, valid=0))


def members_of(config: Config) -> list[Member]:
    """All members: settings, in each the folds, in each the seeds from `config.seed` on."""
    options = config.population
    found = []
    for setting, chosen in enumerate(settings_of(config)):
        for fold, seed in itertools.product(range(options.folds), range(options.seeds)):
            found.append(Member(len(found), setting, fold, config.seed + seed, chosen))
    return found


def settings_of(config: Config) -> list[dict[str, Any]]:
    """{field path: value} of every setting: all combinations of the grid, or `samples` random ones by the seed."""
    grid, samples = config.population.grid, config.population.samples
    if samples is None:
        return [dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())]
    drawn = random.Random(config.seed)
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    if not _has_range(config):  # none twice
        return [_combination(grid, i) for i in drawn.sample(range(_n_combinations(config)), samples)]
    return [
        {path: _draw(choice, leaves[f"config.{path}"].annotation, drawn) for path, choice in grid.items()}
        for _ in range(samples)
    ]


def range_of(choice: tuple[Any, ...], annotation: Any) -> tuple[float, float] | None:
    """The ends of the range that is drawn from: two numbers of a field that holds any number. None of plain values."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in choice)
    if len(choice) != 2 or not numeric or float not in values.members(annotation):
        return None
    return min(choice), max(choice)


def _has_range(config: Config) -> bool:
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    return any(range_of(choice, leaves[f"config.{path}"].annotation) for path, choice in config.population.grid.items())


def _n_combinations(config: Config) -> int:
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
    return math.exp(drawn.uniform(math.log(low), math.log(high))) if low > 0 else drawn.uniform(low, high)


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


def _check_clusters(options: Population) -> None:
    """Clusters of several nets have no mean, and no fold has a right answer."""
    if options.folds > 1:
        raise UserError("config.population.folds: is for nets with a target; clusters take config.population.seeds")
    if options.keep == "all":
        raise UserError("config.population.keep: clusters of several nets have no mean; the best net answers")


def check_population(config: Config) -> None:
    """Raise UserError unless the members are ones that can be trained and compared."""
    options = config.population
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    for path, choice in options.grid.items():
        leaf = leaves.get(f"config.{path}")
        if leaf is None:
            raise UserError(f"config.population.grid: {fields.unknown_field(f'config.{path}', config)}")
        if not path.startswith(GROUPED):
            why = next(why for start, why in SHARED.items() if path.startswith(start))
            can = "fields of net, optim and augment can, and label_smoothing, train.batch_size and train.epochs"
            raise UserError(f"config.population.grid: {path} cannot vary within a population: {why}; {can}")
        if not choice:
            raise UserError(f"config.population.grid: {path} has no values; name some, such as {leaf.value!r}")
        for value in choice:
            if not (values.admits(value, leaf.annotation) and values.within(value, leaf.field.metadata)):
                raise UserError(f"config.population.grid: {fields.mismatch(leaf, value)}")
        if len(set(map(repr, choice))) < len(choice):
            raise UserError(f"config.population.grid: {path} names a value twice, in {choice}; name each once")
    if isinstance(config.net, Competitive | SelfOrganizingMap):
        _check_clusters(options)
    if options.samples and not options.grid:
        raise UserError("config.population.samples: needs config.population.grid, what to draw from")
    if options.samples and not _has_range(config) and options.samples > _n_combinations(config):
        few = f"without a range, the grid has {_n_combinations(config)} settings in all"
        raise UserError(f"config.population.samples: {few}, not {options.samples}; leave samples out to train each")
    if options.keep == "refit" and options.folds == 1:
        raise UserError("config.population.keep: refit trains for as long as folds say; set config.population.folds")
    if options.keep == "refit" and config.optim.schedule == "plateau":
        what = "refit leaves no validation rows for config.optim.schedule=plateau to go by"
        raise UserError(f"config.population.keep: {what}; set another schedule")
    if options.seeds > 1 and config.seed + options.seeds > 2**32:
        raise UserError(f"config.population.seeds: {options.seeds} from {config.seed} on pass 2**32 - 1, the last")
    n_settings = options.samples or _n_combinations(config)
    if options.halving and n_settings < 2:
        raise UserError("config.population.halving: compares settings; name several values in config.population.grid")
    if options.halving and not (config.data.valid or getattr(config.data, "valid_path", None) or options.folds > 1):
        raise UserError("config.population.halving: compares settings on validation rows; set config.data.valid")
    if options.folds > 1 and getattr(config.data, "valid_path", None):
        raise UserError("config.population.folds: the folds validate; leave out config.data.valid_path")
    for chosen in settings_of(config) if options.grid else ():
        _check_setting(config, chosen)
    shapes = sorted(path for path in options.grid if path.startswith("net.") and path not in NUMBERS)
    if options.keep == "all" and shapes:
        raise UserError(f"config.population.keep: nets that differ in {shapes[0]} cannot be averaged; set ensemble")
    if options.member is not None:
        n_members = options.seeds * options.folds * n_settings
        if options.member >= n_members:
            raise UserError(f"config.population.member: {options.member} of {n_members}; the last is {n_members - 1}")


def _check_setting(config: Config, chosen: Mapping[str, Any]) -> None:
    """Raise UserError, with the setting in it, if its values do not go together."""
    try:
        check_together(with_values(config, chosen))
    except UserError as error:
        words = ", ".join(f"{path}={values.to_text(value)}" for path, value in chosen.items())
        raise UserError(f"config.population.grid: the setting {words}: {error}") from None
