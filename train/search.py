"""Search settings one after another, each chosen by what those before it came to.

python -m train.search --config=configs/NAME.py --config.population.samples=50 [--workdir=DIR]
  --config.population.grid='{"net.hidden": ((64,), (128, 128)),
  "optim.learning_rate": (1e-4, 1e-2)}'

The grid names values and ranges as for train.main, which draws `samples` of them at once and at
random. Here each is a trial, chosen by a tree-structured Parzen estimator: a run, or with seeds and
folds a population, in DIR/trials/N, judged by its mean monitored value on validation rows.
DIR/study.db is an optuna study. The same command with --workdir resumes a search, with more samples
it goes on. Needs optuna: pip install "denseq[search]".

--storage=journal:PATH, or the URL of a database that optuna knows, is shared by as many processes
and machines as are started with the same command: together they try so many samples, and what a
dead one tried is tried again.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from train import config as configs
from train import errors, flags, parallel
from train.config.data_options import has_valid_rows
from train.config.members import with_values
from train.config.options import Config, GridValue, Population
from train.config.unread import without_unread
from train.errors import DivergedError, StoppedError, UserError
from train.population.study import (
    SearchResult,
    collect,
    draw_trial,
    finished_trials,
    make_space,
    open_study,
    storage_errors,
    trial_in_words,
    values_of,
)
from train.population.workers import PAUSE_SECONDS, Crew
from train.run.folder import fresh_folder, locked, write_json

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial


def main(argv: list[str]) -> int:
    """Parses, then searches."""
    command = flags.parse_train(argv, __doc__, shared=True)
    if command.restart:
        raise UserError(
            "--restart: is for train.main; name the folder of one trial, --workdir=DIR/trials/N"
        )
    if command.processes is not None:
        raise UserError(
            "--processes: a search trains in one process; leave out --coordinator and its like"
        )
    check_search(command.config)
    parallel.configure()
    from train.run.listener import print_now

    search(command.config, command.workdir, echo=print_now, storage=command.storage)
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
                f"config.population.{name}: is for train.main; "
                "a search tries one setting after another"
            )
    if population.n_folds == 1 and not has_valid_rows(config.data):
        raise UserError(
            "config.data.valid: a search compares settings on validation rows; set it above 0"
        )
    if importlib.util.find_spec("optuna") is None:
        raise UserError(
            'train.search: needs optuna, which is not installed: pip install "denseq[search]"'
        )


def search(
    config: Config,
    workdir: str | Path | None = None,
    *,
    echo: Callable[[str], None],
    storage: str | None = None,
) -> SearchResult:
    """Searches, or goes on, in `workdir` and returns what its search.json holds.

    With a `storage` (an optuna URL, or journal:PATH) all processes that are given it search
    together; each keeps the runs of its own trials. A search that was stopped continues with the
    trial it stopped in, and ends as one that was not. Raises what `loop.fit` raises, and
    DivergedError where no trial came to a finite value.
    """
    check_search(config)
    import optuna

    from train.results.trials import tell_trials

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = Path(workdir) if workdir is not None else fresh_folder(config.name)
    if storage is not None:
        return _search_together(config, folder, storage, echo)
    with locked(folder), storage_errors(folder):
        echo(f"search: {folder}")
        study = open_study(folder, config)
        trials = _Trials(study, config, folder, echo)
        trials.finish_running()
        while len(finished_trials(study)) < (config.population.samples or 0):
            trials.run(draw_trial(study, config))
        result = collect(study, config)
        write_json(folder / "search.json", result)
        tell_trials(result, config, folder / "trials" / str(result["best"]), echo)
    return result


def _search_together(
    config: Config, folder: Path, storage: str, echo: Callable[[str], None]
) -> SearchResult:
    """Tries settings beside other processes until all are tried, and gives what they came to."""
    from train.results.trials import tell_trials

    folder.mkdir(parents=True, exist_ok=True)
    with storage_errors(folder, storage):
        echo(f"search: {storage}, runs in {folder}")
        study = open_study(folder, config, storage)
        crew = Crew(study, echo)
        trials = _Trials(study, config, folder, echo)
        while len(finished_trials(study)) < (config.population.samples or 0):
            crew.give_back_of_dead()
            trial = crew.draw(config)
            if trial is None:
                time.sleep(PAUSE_SECONDS)
                continue
            trial.set_user_attr("folder", str(folder.absolute() / "trials" / str(trial.number)))
            with crew.at_work(trial):
                trials.run(trial)
        result = collect(study, config)
        with contextlib.suppress(UserError), locked(folder):  # in use: by who writes the same
            write_json(folder / "search.json", result)
        attributes = study.get_trials(deepcopy=False)[result["best"]].user_attrs
        best = Path(attributes["folder"])
        if (best / "result.json").exists():
            tell_trials(result, config, best, echo)
        else:
            echo(f"best: trial {result['best']}, {best} of {attributes['worker']}")
    return result


class _Trials(NamedTuple):
    """What every trial of a search is run with."""

    study: optuna.Study
    config: Config
    folder: Path
    echo: Callable[[str], None]

    def finish_running(self) -> None:
        """Resumes the trial that the search was stopped in."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            if trial.params.keys() == make_space(self.config).keys():
                self.run(trial)
            else:  # cut off while it was drawn
                self.study.tell(trial.number, state=TrialState.FAIL)

    def run(self, trial: Trial | FrozenTrial) -> None:
        """Trains, or resumes, one trial, and tells the study its value."""
        from optuna.trial import TrialState

        number = trial.number
        chosen = values_of(self.config, trial.params)
        own = self._config_of(chosen)
        words = f"trial {number}: {trial_in_words(chosen)}"
        try:
            configs.validate(own)
        except UserError as error:  # a part of the space that does not go together, not a mistake
            self.echo(f"{words}: passed over, {error}")
            self.study.tell(number, state=TrialState.PRUNED)
            return
        try:
            value = _train(own, self.folder / "trials" / str(number))
        except DivergedError:
            self.echo(f"{words}: diverged")
            self.study.tell(number, state=TrialState.PRUNED)
            return
        except StoppedError as error:
            raise StoppedError(
                f"stopped in trial {number}, saved; "
                f"the same command with --workdir={self.folder} resumes it",
                error.exit_code,
            ) from None
        if math.isfinite(value):
            self.study.tell(number, value)
        else:
            self.study.tell(number, state=TrialState.PRUNED)
        self.echo(f"{words}: {value:.4g}")

    def _config_of(self, chosen: Mapping[str, GridValue]) -> Config:
        """The config of a trial's own run."""
        own = with_values(self.config, chosen)
        asked = self.config.population
        population = replace(asked, grid={}, samples=None, folds=asked.n_folds, seeds=asked.n_seeds)
        own = replace(own, population=population)
        if population.seeds == population.folds == 1:
            own.population.keep = Population.keep  # one net answers
        return without_unread(own, chosen)


def _train(config: Config, folder: Path) -> float:
    """The mean of the nets' best monitored values; infinite where one of them has none."""
    import jax

    from train import loop
    from train.report.result import is_finite
    from train.run.listener import nobody

    try:
        result = loop.fit(config, folder, echo=nobody, verbose=False)
    finally:
        jax.clear_caches()  # a trial's programs are of no use to the next
    nets = result["per_member"]
    finite = [net["value"] for net in nets if is_finite(net["value"])]
    return sum(finite) / len(nets) if len(finite) == len(nets) else math.inf


if __name__ == "__main__":
    errors.run(main)
