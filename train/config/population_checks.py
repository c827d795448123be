"""What a population must agree on: its grid, folds and seeds, and every setting alone."""

from __future__ import annotations

from collections.abc import Mapping

from train.config import fields, values
from train.config.checks import check_together
from train.config.data_options import has_valid_rows
from train.config.members import (
    SHARED_REASONS,
    TRACED_FIELDS,
    VARIABLE,
    n_combinations,
    ranges_of,
    settings_of,
    with_values,
)
from train.config.net_options import Competitive, SelfOrganizingMap
from train.config.options import Config, GridValue, Population
from train.errors import UserError


def check_population(config: Config) -> None:
    """Raises UserError unless the members are ones that can be trained and compared."""
    options = config.population
    _check_grid(config)
    if isinstance(config.net, Competitive | SelfOrganizingMap):
        _check_clusters(options)
    _check_samples(config)
    _check_refit(config)
    if options.n_seeds > 1 and config.seed + options.n_seeds > 2**32:
        raise UserError(
            f"config.population.seeds: {options.seeds} from {config.seed} on pass 2**32 - 1, "
            "the last"
        )
    n_settings = options.samples or n_combinations(config)
    _check_validation(config, n_settings)
    if options.grid:
        for chosen in settings_of(config):
            _check_setting(config, chosen)
    _check_keep(options)
    n_members = options.n_seeds * options.n_folds * n_settings
    if options.member is not None and options.member >= n_members:
        by_rows = [name for name in ("folds", "seeds") if getattr(options, name) == "auto"]
        asked = " or ".join(f"config.population.{name}" for name in by_rows)
        found = f"{options.member} of {n_members}; the last is {n_members - 1}"
        advice = f", unless {asked} says how many there are" if asked else ""
        raise UserError(f"config.population.member: {found}{advice}")


def _check_grid(config: Config) -> None:
    """Every path of the grid is a field that may vary, with values that it admits."""
    leaves = fields.leaves_of(config)
    for path, choice in config.population.grid.items():
        leaf = leaves.get(f"config.{path}")
        if leaf is None:
            raise UserError(
                f"config.population.grid: {fields.unknown_field(f'config.{path}', config)}"
            )
        if not path.startswith(VARIABLE):
            why = next(why for start, why in SHARED_REASONS.items() if path.startswith(start))
            raise UserError(
                f"config.population.grid: {path} cannot vary within a population: {why}; "
                "fields of net, optim and augment can, "
                "and label_smoothing, train.batch_size and train.epochs"
            )
        if not choice:
            raise UserError(
                f"config.population.grid: {path} has no values; name some, such as {leaf.value!r}"
            )
        for value in choice:
            if not leaf.admits(value):
                raise UserError(f"config.population.grid: {fields.mismatch(leaf, value)}")
        if len(set(map(repr, choice))) < len(choice):
            raise UserError(
                f"config.population.grid: {path} names a value twice, in {choice}; name each once"
            )


def _check_clusters(options: Population) -> None:
    """Clusters of several nets have no mean, and no fold has a right answer."""
    if options.n_folds > 1:
        raise UserError(
            "config.population.folds: is for nets with a target; "
            "clusters take config.population.seeds"
        )
    if options.keep == "all":
        raise UserError(
            "config.population.keep: clusters of several nets have no mean; the best net answers"
        )


def _check_samples(config: Config) -> None:
    options = config.population
    if not options.samples:
        return
    if not options.grid:
        raise UserError(
            "config.population.samples: needs config.population.grid, what to draw from"
        )
    if not ranges_of(config) and options.samples > n_combinations(config):
        raise UserError(
            "config.population.samples: without a range, "
            f"the grid has {n_combinations(config)} settings in all, not {options.samples}; "
            "leave samples out to train each"
        )


def _check_refit(config: Config) -> None:
    if config.population.keep != "refit":
        return
    if config.population.n_folds == 1:
        raise UserError(
            "config.population.keep: refit trains for as long as folds say; "
            "set config.population.folds"
        )
    if config.optim.schedule == "plateau":
        raise UserError(
            "config.population.keep: refit leaves no validation rows "
            "for config.optim.schedule=plateau to go by; set another schedule"
        )


def _check_validation(config: Config, n_settings: int) -> None:
    """Halving needs settings and rows to compare them on; folds bring rows of their own."""
    options = config.population
    if options.halving and n_settings < 2:
        raise UserError(
            "config.population.halving: compares settings; "
            "name several values in config.population.grid"
        )
    if options.halving and options.n_folds == 1 and not has_valid_rows(config.data):
        raise UserError(
            "config.population.halving: compares settings on validation rows; set config.data.valid"
        )
    if options.n_folds > 1 and getattr(config.data, "valid_path", None):
        raise UserError(
            "config.population.folds: the folds validate; leave out config.data.valid_path"
        )


def _check_keep(options: Population) -> None:
    """One net leaves no choice; nets of several shapes have no average."""
    is_one = options.n_seeds == options.n_folds == 1 and not options.grid
    if options.keep != Population.keep and is_one:
        raise UserError(
            f"config.population.keep: {options.keep} is for several nets; "
            "set config.population.seeds, folds or grid"
        )
    of_net = [path for path in options.grid if path.startswith("net.")]
    shapes = [path for path in of_net if path not in TRACED_FIELDS]
    if options.keep == "all" and shapes:
        raise UserError(
            f"config.population.keep: nets that differ in {min(shapes)} cannot be averaged; "
            "set ensemble"
        )


def _check_setting(config: Config, chosen: Mapping[str, GridValue]) -> None:
    """Raises UserError, with the setting in it, if its values do not go together."""
    try:
        check_together(with_values(config, chosen))
    except UserError as error:
        words = values.in_words(chosen)
        raise UserError(f"config.population.grid: the setting {words}: {error}") from None
