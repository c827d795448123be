"""What all estimators share: parameters, a run in a folder of its own, and how it is pickled."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self, cast

import pyarrow as pa
from sklearn.base import BaseEstimator

from train import loop
from train.config import fields
from train.config.data_options import Data
from train.config.net_options import Net
from train.config.options import Config
from train.config.own import named, paths_of
from train.data.files.arrow import Foreign
from train.errors import StoppedError, UserError, in_python
from train.estimators.callbacks import CallbackSupportMixin, begin_fit, end_fit, watch_of
from train.estimators.folders import TemporaryFolder, new_folder, packed, unpack
from train.estimators.parameters import (
    AS_CONFIG,
    FILLED,
    OWN,
    config_of,
    field_names,
    seeded,
    signature_of,
)
from train.inference.load import load
from train.inference.predictor import Predictor
from train.report.result import Result
from train.run.metadata import read_config
from train.run.warm_start import Start

FOLDER = "_folder_bytes"  # of a pickled state
ARGUMENTS = {"interval": "level", "quantiles": "levels"}


@contextlib.contextmanager
def value_errors() -> Iterator[None]:
    """What is wrong with a user's data or parameters is a ValueError, as in scikit-learn.

    A signal is no Exception again, which scikit-learn would take for a fit that failed, and go on.
    """
    try:
        yield
    except UserError as error:
        raise ValueError(_of_estimator(str(error))) from None
    except StoppedError as error:
        if error.exit_code != 128 + signal.SIGINT:
            raise SystemExit(error.exit_code) from None
        raise KeyboardInterrupt(str(error).partition(";")[0]) from None


def _of_estimator(line: str) -> str:
    """A line in which what is asked of a net is called as the methods of estimators call it."""
    name, colon, rest = in_python(line).partition(": ")
    return f"{ARGUMENTS.get(name, name)}{colon}{rest}"


class Estimator(CallbackSupportMixin, BaseEstimator):
    """An estimator each of whose parameters but a few is a field of the config.

    `config` is a `train.config.Config`, a config file, or the name of one that comes with denseq;
    `optim__learning_rate=1e-3` sets config.optim.learning_rate. `random_state` seeds weights, the
    order of rows and splits. The run's folder is a new one in `workdir`; without it a temporary one
    that lasts as long as the estimator, without a report, trees beside it and the importance of
    columns. All rows are trained with but those that validate, config.data.valid; `data__test`
    keeps some apart.

    Fitted, it has `model_` (a `train.inference.predictor.Predictor`), `result_` (what result.json
    holds) and `folder_`.
    """

    base_config: ClassVar[str]
    kinds: ClassVar[tuple[type[Data], type[Net]]]
    names: ClassVar[tuple[str, ...]] = ()
    """Fields of the data that other estimators fill in, and this one asks for."""
    field_names: ClassVar[tuple[str, ...]]

    model_: Predictor
    result_: Result
    folder_: Path
    config: Config | str | Path
    random_state: int | None
    warm_start: bool
    workdir: str | Path | None
    verbose: bool

    def __init__(self, config: Config | str | Path = "", **given: object):
        known = {**OWN, **dict.fromkeys(self.field_names, AS_CONFIG)}
        for name in given:
            if name not in known:
                hint = fields.did_you_mean(name, list(known))
                if name.removeprefix("data__") in FILLED:
                    hint = "; fit is given rows X, their target y, and sample_weight"
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}{hint}")
        self.config = config
        for name, default in known.items():
            setattr(self, name, given.get(name, default))

    def __init_subclass__(cls, **options: object) -> None:
        """Gives a class that names its kinds of data and net the parameters of their fields."""
        super().__init_subclass__(**options)
        if "kinds" not in vars(cls):
            return
        data, net = cls.kinds
        cls.field_names = field_names(data(), net(), cls.names)

        def construct(
            self: Estimator, config: Config | str | Path = cls.base_config, **given: object
        ) -> None:
            Estimator.__init__(self, config, **given)

        construct.__name__ = "__init__"
        construct.__signature__ = signature_of(cls.base_config, cls.field_names)
        cls.__init__ = construct

    def set_params(self, **params: object) -> Self:
        """The estimator with these parameters; ValueError for one that it has not."""
        known = list(self.get_params(deep=False))
        for name, value in params.items():
            if name not in known:
                hint = fields.did_you_mean(name, known)
                kind = type(self).__name__
                raise ValueError(f"Invalid parameter {name!r} for estimator {kind}{hint}")
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> Self:
        """A clone as scikit-learn makes it; own modules are named first, as copies cannot be."""
        if isinstance(self.config, Config):
            vars(self.config).update(vars(named(self.config)))
        return cast(Self, super().__sklearn_clone__())

    def _config(self) -> Config:
        """The config that the parameters stand for. Raises UserError."""
        given = {name: getattr(self, name) for name in self.field_names}
        config = seeded(config_of(self.config, given), self.random_state)
        data = self.kinds[0]
        if not isinstance(config.data, data):
            kind = type(self).__name__
            raise UserError(
                f"config.data: {kind} is for {data.__name__}, got {type(config.data).__name__}"
            )
        if given.get("data__test") == AS_CONFIG:
            config.data.test = 0
        # Searches and ensembles of estimators make their own.
        config.population.folds = config.population.n_folds
        config.population.seeds = config.population.n_seeds
        if self.workdir is None:
            if given["train__report"] == AS_CONFIG:
                config.train.report = False
            if given["train__importance_seconds"] == AS_CONFIG:
                config.train.importance_seconds = 0
            if given["train__tree_seconds"] == AS_CONFIG:
                config.train.tree_seconds = 0
        return config

    def _train(self, config: Config, table: pa.Table, X: object, y: object) -> None:
        """Trains on a table made of X and y, and keeps what answers."""
        folder, temporary = new_folder(self.workdir, config.name)
        start = None
        if self.warm_start and hasattr(self, "model_"):
            before = self.model_
            start = Start(before.config, before.encoder, before.variables)
        context = begin_fit(self)
        self.result_ = loop.fit(
            config,
            folder,
            data=table,
            start=start,
            verbose=self.verbose,
            watch=watch_of(self, context),
        )
        self.model_ = load(folder, paths_of(config))
        self._keep(folder, temporary)
        end_fit(self, context, X, y)

    def _keep(self, folder: Path, temporary: TemporaryFolder | None) -> None:
        """Has the folder last as long as the estimator, if it is a temporary one."""
        self.folder_ = folder
        self._temporary = temporary

    def __getstate__(self) -> dict[str, object]:
        """The parameters and attributes, and in place of the net the bytes of its folder."""
        whole: Foreign = super().__getstate__()
        state = dict(whole)
        if "folder_" in state:
            for name in ("model_", "folder_", "_temporary"):
                state.pop(name, None)
            state[FOLDER] = packed(self.folder_)
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        """Reads the net back from a folder made anew."""
        content = state.pop(FOLDER, None)
        super().__setstate__(state)
        if isinstance(content, bytes):
            temporary = TemporaryFolder()
            unpack(content, temporary.path)
            # Whoever unpickles runs code of the pickle's maker anyway.
            self.model_ = load(temporary.path, paths_of(read_config(temporary.path)))
            self._keep(temporary.path, temporary)
