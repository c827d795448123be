"""The parameters of an estimator: its own, and every field of the config, `group__field`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state

from train import config as configs
from train.config import fields, files
from train.config.data_options import Data
from train.config.net_options import Net
from train.config.options import Config
from train.errors import UserError

AS_CONFIG = "as in config"  # a field that is left as `config` has it
# What `fit` says itself: where the rows are, and what they are to be learned from.
FILLED = ("path", "valid_path", "test_path", "target", "weight", "label", "stream")
OWN: Mapping[str, object] = {
    "random_state": None,
    "warm_start": False,
    "workdir": None,
    "verbose": False,
}


def field_names(data: Data, net: Net, named: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The parameters that stand for fields: optim__learning_rate for config.optim.learning_rate."""
    # A table of series holds its targets, which are to be named.
    filled = {f"data.{name}" for name in FILLED} - {f"data.{name}" for name in named}
    names = []
    for path in fields.leaves_of(Config(data=data, net=net)):
        name = path.removeprefix("config.")
        if name not in {"name", *filled}:
            names.append(name.replace(".", "__"))
    return tuple(names)


def signature_of(config: str, names: tuple[str, ...]) -> inspect.Signature:
    """The signature of an estimator's constructor, which scikit-learn reads parameters from."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter("self", kind),
        inspect.Parameter("config", kind, default=config),
    ]
    given = {**OWN, **dict.fromkeys(names, AS_CONFIG)}
    for name, default in given.items():
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default))
    return inspect.Signature(parameters)


def config_of(base: Config | str | Path, given: Mapping[str, object]) -> Config:
    """The config of an estimator: `base`, or that of a file or a name, with the fields given.

    Raises UserError where one is no field of it.
    """
    config = deepcopy(configs.named(base)) if isinstance(base, Config) else files.read(base)
    leaves = fields.leaves_of(config)
    for name, value in given.items():
        if isinstance(value, str) and value == AS_CONFIG:
            continue
        path = f"config.{name.replace('__', '.')}"
        if path not in leaves:
            raise UserError(fields.unknown_field(path, config))
        leaf = leaves[path]
        setattr(leaf.group, leaf.name, _plain(value))
    return config


def _plain(value: object) -> object:
    """A value as a config holds it: no number of numpy, a tuple for a list."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(map(_plain, value))
    return value


def seeded(config: Config, random_state: int | np.random.RandomState | None) -> Config:
    """The config with weights, order and splits by this seed; None leaves its own."""
    if random_state is None:
        return config
    seed = random_state
    if not isinstance(seed, int | np.integer):
        seed = check_random_state(seed).randint(2**31)
    config.seed = int(seed)
    if not isinstance(config.data, configs.Series):
        config.data.split_seed = int(seed)
    return config
