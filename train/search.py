"""Search settings one after another, each chosen by what those before it came to (tree-structured
Parzen estimator).

python -m train.search --config=configs/NAME.py --config.population.grid='{"net.hidden": ((64,), (128, 128)),
  "optim.learning_rate": (1e-4, 1e-2)}' --config.population.samples=50 [--workdir=DIR]

The grid names values and ranges as for train.main, which draws `samples` of them at once and at
random. Here each is a trial: a run, or with seeds and folds a population, in DIR/trials/N, judged
by its mean monitored value on validation rows. DIR/study.db is an optuna study. The same command
with --workdir resumes a search, with more samples it goes on. Needs optuna: pip install
"denseq[search]".
"""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from train import config as configs
from train import flags
from train.config.data_options import has_valid_rows
from train.config.members import ranges_of, with_values
from train.config.options import Config
from train.errors import DivergedError, StoppedError, StorageError, UserError
from train.parallel import runtime
from train.run.folder import fresh_folder, locked, read_json, write_json

SHOWN = 5  # trials that a terminal shows
STUDY = "settings"  # its name in the file


def main(argv: list[str]) -> int:
    """Parses, then searches."""
    config, workdir, processes = flags.parse_arguments(argv, __doc__ or "")
    if processes is not None:
        raise UserError(
            "--processes: a search trains in one process; leave out --coordinator and its like"
        )
    check_search(config)
    runtime.configure()
    search(config, workdir, echo=print)
    return 0


def check_search(config: Config) -> None:
    """Raise UserError unless the config says what to search and how often, and optuna is there."""
    population = config.population
    if not population.grid:
        example = '{"net.hidden": ((64,), (128, 128)), "optim.learning_rate": (1e-4, 1e-2)}'
        raise UserError(
            f"config.population.grid: nothing to search; name values and ranges, such as {example}"
        )
    if population.samples is None:
        raise UserError(
            "config.population.samples: not given; say how many settings to try, such as 50"
        )
    for name in ("halving", "member"):
        if getattr(population, name) is not None:
            raise UserError(
                f"config.population.{name}: is for train.main; a search tries one setting after another"
            )
    if population.folds == 1 and not has_valid_rows(config.data):
        raise UserError(
            "config.data.valid: a search compares settings on validation rows; set it above 0"
        )
    if importlib.util.find_spec("optuna") is None:
        raise UserError(
            'train.search: needs optuna, which is not installed: pip install "denseq[search]"'
        )


def search(
    config: Config, workdir: str | Path | None = None, *, echo: Callable[[str], None]
) -> dict[str, Any]:
    """Searches, or goes on, in `workdir` and returns what its search.json holds: {"best": number of
    a trial, "trials": [{"trial", "value", "values"}], the best first}.

    A search that was stopped continues with the trial it stopped in, and ends as one that was not.
    Raises what `loop.fit` raises, and DivergedError where no trial came to a finite value.
    """
    check_search(config)
    import optuna

    from train.results.summary import summary

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = Path(workdir) if workdir is not None else fresh_folder(config.name)
    with locked(folder):
        echo(f"search: {folder}")
        study = _open(folder, config)
        space = _space(config)
        for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            if trial.params.keys() == space.keys():
                _try(study, trial.number, trial.params, config, folder, echo)
            else:  # cut off while it was drawn
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        while len(_finished(study)) < (config.population.samples or 0):
            # Seeded by trial: one is drawn alike whether or not the search was stopped before it.
            study.sampler = optuna.samplers.TPESampler(seed=_seed(config.seed, len(study.trials)))
            trial = study.ask(space)
            _try(study, trial.number, trial.params, config, folder, echo)
        result = _told(study, config)
        write_json(folder / "search.json", result)
        for line in _lines(result):
            echo(line)
        best = folder / "trials" / str(result["best"])
        echo(summary(read_json(best / "result.json", "a run's folder"), best))
        echo(f"best: {best}")
    return result


def _open(folder: Path, config: Config) -> Any:
    """The study in the folder. Raises UserError if it is one of another config."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    if (folder / "config.json").exists():
        raise UserError(f"--workdir: {folder} holds a run, not a search; name another folder")
    path = folder.absolute() / "study.db"
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(storage=storage, study_name=STUDY, load_if_exists=True)
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise StorageError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
    plain = configs.to_json(replace(config, population=replace(config.population, samples=None)))
    if "config" not in study.user_attrs:
        study.set_user_attr("config", plain)
    changed = configs.differences(
        configs.from_json(study.user_attrs["config"]), configs.from_json(plain)
    )
    if changed:
        what = f"{folder} holds a search with another config ({'; '.join(changed)})"
        raise UserError(f"--workdir: {what}; name another folder")
    return study


def _seed(seed: int, trial: int) -> int:
    """Of a trial: another one for every pair, the same in every process."""
    return random.Random(f"{seed} {trial}").getrandbits(32)


def _space(config: Config) -> dict[str, Any]:
    """Optuna's distribution of every field of the grid; values stand in it as text."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    ranges = ranges_of(config)
    found = {}
    for path, choice in config.population.grid.items():
        if path in ranges:
            found[path] = FloatDistribution(*ranges[path], log=ranges[path][0] > 0)
        else:
            found[path] = CategoricalDistribution(list(dict.fromkeys(map(repr, choice))))
    return found


def _chosen(config: Config, params: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a trial stands for."""
    named = {
        path: {repr(value): value for value in choice}
        for path, choice in config.population.grid.items()
    }
    return {
        path: named[path][value] if isinstance(value, str) else value
        for path, value in params.items()
    }


def _try(
    study: Any,
    number: int,
    params: Mapping[str, Any],
    config: Config,
    folder: Path,
    echo: Callable[[str], None],
) -> None:
    """One trial: trained, or resumed, and its value told to the study."""
    import jax
    from optuna.trial import TrialState

    from train import loop

    chosen = _chosen(config, params)
    own = with_values(config, chosen)
    own = replace(own, population=replace(config.population, grid={}, samples=None))
    words = f"trial {number}: {_in_words(chosen)}"
    try:
        configs.validate(own)
    except UserError as error:  # fields that do not go together: a part of the space, not a mistake
        echo(f"{words}: passed over, {error}")
        study.tell(number, state=TrialState.PRUNED)
        return
    try:
        result = loop.fit(own, folder / "trials" / str(number))
    except DivergedError:
        echo(f"{words}: diverged")
        study.tell(number, state=TrialState.PRUNED)
        return
    except StoppedError as error:
        resume = f"the same command with --workdir={folder} resumes it"
        raise StoppedError(f"stopped in trial {number}, saved; {resume}", error.exit_code) from None
    finally:
        jax.clear_caches()  # a trial's programs are of no use to the next
    value_k = [member["value"] for member in result["per_member"]]
    value = math.inf if None in value_k else sum(value_k) / len(value_k)
    if math.isfinite(value):
        study.tell(number, value)
    else:
        study.tell(number, state=TrialState.PRUNED)
    echo(f"{words}: {value:.4g}")


def _finished(study: Any) -> list[Any]:
    from optuna.trial import TrialState

    return study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])


def _told(study: Any, config: Config) -> dict[str, Any]:
    trials = [
        {"trial": trial.number, "value": trial.value, "values": _chosen(config, trial.params)}
        for trial in _finished(study)
    ]
    trials.sort(key=lambda trial: math.inf if trial["value"] is None else trial["value"])
    if trials[0]["value"] is None:
        raise DivergedError("no trial has a finite loss; lower the rates in config.population.grid")
    return {"best": trials[0]["trial"], "trials": trials}


def _lines(result: Mapping[str, Any]) -> list[str]:
    """The best trials, for a terminal."""
    told = [trial for trial in result["trials"] if trial["value"] is not None]
    lines = [f"the best {min(SHOWN, len(told))} of {len(result['trials'])} trials:"]
    return lines + [
        f"  {trial['value']:.4g}  trial {trial['trial']}: {_in_words(trial['values'])}"
        for trial in told[:SHOWN]
    ]


def _in_words(chosen: Mapping[str, Any]) -> str:
    words = {
        path: f"{value:.4g}" if isinstance(value, float) else value
        for path, value in chosen.items()
    }
    return ", ".join(f"{path}={value}" for path, value in words.items())


if __name__ == "__main__":
    flags.run(main)
