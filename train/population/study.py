"""The optuna study of a search: its space, its trials, and what they came to.

optuna is imported late: it is installed for searches alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from train import config as configs
from train.config.members import ranges_of
from train.config.options import Config, GridValue
from train.config.recipe import with_valid
from train.errors import DivergedError, StorageError, UserError

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

STUDY = "settings"  # its name in the file


class TrialResult(TypedDict):
    """A trial that has ended; `value` is None where it came to no finite one."""

    trial: int
    value: float | None
    values: dict[str, GridValue]


class SearchResult(TypedDict):
    """The number of the best trial, and all trials, the best first."""

    best: int
    trials: list[TrialResult]


@contextlib.contextmanager
def storage_errors(folder: Path, storage: str | None = None) -> Iterator[None]:
    """Turns the errors of a study's storage into StorageError, in a line."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        path = storage or folder.absolute() / "study.db"
        raise StorageError(f"{path} cannot be used: {str(error).splitlines()[0]}") from None


def storage_of(url: str) -> optuna.storages.BaseStorage:
    """The storage of a URL: of a database, or of a file that is written on, journal:PATH."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    if not url.startswith("journal:"):
        return optuna.storages.RDBStorage(url)
    path = url.removeprefix("journal:")
    if not Path(path).absolute().parent.is_dir():
        raise UserError(f"--storage: {url}: there is no folder {Path(path).parent}")
    lock = JournalFileOpenLock(path) if os.name == "nt" else None
    return optuna.storages.JournalStorage(JournalFileBackend(path, lock))


def open_study(folder: Path, config: Config, url: str | None = None) -> optuna.Study:
    """The study in the folder, or in the storage that many share.

    Raises UserError if it is one of another config.
    """
    import optuna

    if (folder / "config.json").exists():
        raise UserError(f"--workdir: {folder} holds a run, not a search; name another folder")
    storage = storage_of(url or f"sqlite:///{folder.absolute() / 'study.db'}")
    name = STUDY if url is None else config.name
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    plain = configs.to_json(_of_all_trials(config))
    if "config" not in study.user_attrs:
        study.set_user_attr("config", plain)
    began_with = _of_all_trials(configs.from_json(study.user_attrs["config"]))
    changed = configs.differences(began_with, configs.from_json(plain))
    if changed:
        raise UserError(
            f"--workdir: {folder} holds a search with another config ({'; '.join(changed)}); "
            "name another folder"
            if url is None
            else f"--storage: {url} holds a search {name!r} with another config "
            f"({'; '.join(changed)}); give the config another name"
        )
    return study


def _of_all_trials(config: Config) -> Config:
    """The config that all trials share: without their number, "auto" replaced where all have one.

    So a search goes on whose config had that value in place of "auto".
    """
    asked = config.population
    population = replace(asked, samples=None, folds=asked.n_folds, seeds=asked.n_seeds)
    return with_valid(replace(config, population=population))


def make_space(config: Config) -> dict[str, BaseDistribution]:
    """The distribution of every field of the grid; values stand in it as text."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    ranges = ranges_of(config)
    space: dict[str, BaseDistribution] = {}
    for path, choice in config.population.grid.items():
        if path in ranges:
            low, high = ranges[path]
            space[path] = FloatDistribution(low, high, log=low > 0)
        else:
            space[path] = CategoricalDistribution(list(dict.fromkeys(map(repr, choice))))
    return space


def draw_trial(study: optuna.Study, config: Config) -> Trial:
    """The next trial, drawn alike whether or not the search was stopped before it."""
    from optuna.samplers import TPESampler

    seed = random.Random(f"{config.seed} {len(study.trials)}").getrandbits(32)
    study.sampler = TPESampler(seed=seed)
    return study.ask(make_space(config))


def values_of(config: Config, params: Mapping[str, str | float]) -> dict[str, GridValue]:
    """The values of the grid's fields that a trial stands for."""
    chosen: dict[str, GridValue] = {}
    for path, param in params.items():
        if isinstance(param, str):
            texts = map(repr, config.population.grid[path])
            chosen[path] = dict(zip(texts, config.population.grid[path], strict=True))[param]
        else:
            chosen[path] = param
    return chosen


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that came to a value, or were passed over."""
    from optuna.trial import TrialState

    return study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))


def collect(study: optuna.Study, config: Config) -> SearchResult:
    """All finished trials, the best first. Raises DivergedError where none has a finite value."""
    trials: list[TrialResult] = []
    for trial in finished_trials(study):
        values = values_of(config, trial.params)
        trials.append({"trial": trial.number, "value": trial.value, "values": values})
    trials.sort(key=_value_or_infinity)
    if trials[0]["value"] is None:
        raise DivergedError("no trial has a finite loss; lower the rates in config.population.grid")
    return {"best": trials[0]["trial"], "trials": trials}


def _value_or_infinity(trial: TrialResult) -> float:
    return math.inf if trial["value"] is None else trial["value"]


def trial_in_words(chosen: Mapping[str, GridValue]) -> str:
    """Fields and their values, as a line on a trial names them."""
    words = []
    for path, value in chosen.items():
        words.append(f"{path}={value:.4g}" if isinstance(value, float) else f"{path}={value}")
    return ", ".join(words)
