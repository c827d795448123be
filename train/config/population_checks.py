"""What a population must agree on: its grid, folds and seeds, and every setting alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from train.config import fields, values
from train.config.checks import check_together
from train.config.members import (
    GROUPED,
    NUMBERS,
    SHARED,
    has_range,
    n_combinations,
    settings_of,
    with_values,
)
from train.config.net_options import Competitive, SelfOrganizingMap
from train.config.options import Config, Population
from train.errors import UserError


def _check_clusters(options: Population) -> None:
    """Clusters of several nets have no mean, and no fold has a right answer."""
    if options.folds > 1:
        raise UserError(
            "config.population.folds: is for nets with a target; clusters take config.population.seeds"
        )
    if options.keep == "all":
        raise UserError(
            "config.population.keep: clusters of several nets have no mean; the best net answers"
        )


def check_population(config: Config) -> None:
    """Raise UserError unless the members are ones that can be trained and compared."""
    options = config.population
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    for path, choice in options.grid.items():
        leaf = leaves.get(f"config.{path}")
        if leaf is None:
            raise UserError(
                f"config.population.grid: {fields.unknown_field(f'config.{path}', config)}"
            )
        if not path.startswith(GROUPED):
            why = next(why for start, why in SHARED.items() if path.startswith(start))
            can = "fields of net, optim and augment can, and label_smoothing, train.batch_size and train.epochs"
            raise UserError(
                f"config.population.grid: {path} cannot vary within a population: {why}; {can}"
            )
        if not choice:
            raise UserError(
                f"config.population.grid: {path} has no values; name some, such as {leaf.value!r}"
            )
        for value in choice:
            if not (
                values.admits(value, leaf.annotation) and values.within(value, leaf.field.metadata)
            ):
                raise UserError(f"config.population.grid: {fields.mismatch(leaf, value)}")
        if len(set(map(repr, choice))) < len(choice):
            raise UserError(
                f"config.population.grid: {path} names a value twice, in {choice}; name each once"
            )
    if isinstance(config.net, Competitive | SelfOrganizingMap):
        _check_clusters(options)
    if options.samples and not options.grid:
        raise UserError(
            "config.population.samples: needs config.population.grid, what to draw from"
        )
    if options.samples and not has_range(config) and options.samples > n_combinations(config):
        few = f"without a range, the grid has {n_combinations(config)} settings in all"
        raise UserError(
            f"config.population.samples: {few}, not {options.samples}; leave samples out to train each"
        )
    if options.keep == "refit" and options.folds == 1:
        raise UserError(
            "config.population.keep: refit trains for as long as folds say; set config.population.folds"
        )
    if options.keep == "refit" and config.optim.schedule == "plateau":
        what = "refit leaves no validation rows for config.optim.schedule=plateau to go by"
        raise UserError(f"config.population.keep: {what}; set another schedule")
    if options.seeds > 1 and config.seed + options.seeds > 2**32:
        raise UserError(
            f"config.population.seeds: {options.seeds} from {config.seed} on pass 2**32 - 1, the last"
        )
    n_settings = options.samples or n_combinations(config)
    if options.halving and n_settings < 2:
        raise UserError(
            "config.population.halving: compares settings; name several values in config.population.grid"
        )
    if options.halving and not (
        config.data.valid or getattr(config.data, "valid_path", None) or options.folds > 1
    ):
        raise UserError(
            "config.population.halving: compares settings on validation rows; set config.data.valid"
        )
    if options.folds > 1 and getattr(config.data, "valid_path", None):
        raise UserError(
            "config.population.folds: the folds validate; leave out config.data.valid_path"
        )
    for chosen in settings_of(config) if options.grid else ():
        _check_setting(config, chosen)
    shapes = sorted(
        path for path in options.grid if path.startswith("net.") and path not in NUMBERS
    )
    if options.keep == "all" and shapes:
        raise UserError(
            f"config.population.keep: nets that differ in {shapes[0]} cannot be averaged; set ensemble"
        )
    if options.member is not None:
        n_members = options.seeds * options.folds * n_settings
        if options.member >= n_members:
            raise UserError(
                f"config.population.member: {options.member} of {n_members}; the last is {n_members - 1}"
            )


def _check_setting(config: Config, chosen: Mapping[str, Any]) -> None:
    """Raise UserError, with the setting in it, if its values do not go together."""
    try:
        check_together(with_values(config, chosen))
    except UserError as error:
        words = ", ".join(f"{path}={values.to_text(value)}" for path, value in chosen.items())
        raise UserError(f"config.population.grid: the setting {words}: {error}") from None
