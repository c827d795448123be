"""A run's configuration: loaded from a file, overridden, checked, written and read back. Imports
nothing heavy.
"""

from __future__ import annotations

import copy
import dataclasses
import re
import runpy
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from train.config import (
    checks,
    data_options,
    fields,
    net_options,
    options,
    population_checks,
    values,
)
from train.config.data_options import Sequences, Series, Table
from train.config.net_options import LSTM, Competitive, Dense, Perceptron, SelfOrganizingMap
from train.config.options import Augment, Config, Devices, Optim, Population, Train
from train.config.serialize import differences, digest, from_json, to_json
from train.errors import UserError

__all__ = [
    "LSTM",
    "Augment",
    "Competitive",
    "Config",
    "Dense",
    "Devices",
    "Optim",
    "Perceptron",
    "Population",
    "SelfOrganizingMap",
    "Sequences",
    "Series",
    "Table",
    "Train",
    "differences",
    "digest",
    "from_json",
    "load",
    "override",
    "to_json",
    "validate",
]


def load(path: str | Path, overrides: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Config:
    """The config that a file's get_config() returns, with overrides ({"net.hidden": "(64,64)"}),
    checked.

    The file is Python and is executed. A config that keeps the default name takes that of its file.
    Raises UserError.
    """
    config = override(_run_config_file(Path(path)), overrides)
    if config.name == Config.name:
        config.name = re.sub(r"[^\w.+-]+", "-", Path(path).stem)
    validate(config)
    return config


def _run_config_file(path: Path) -> Config:
    if path.suffix != ".py" or not path.is_file():
        siblings = sorted(
            str(file) for file in path.parent.glob("*.py") if not file.name.startswith("_")
        )
        raise UserError(f"{path}: no such Python file{fields.did_you_mean(str(path), siblings)}")
    try:
        get_config = runpy.run_path(str(path), run_name="config").get("get_config")
        config = get_config() if callable(get_config) else None
    except Exception as error:
        raise UserError(_failure(path, error)) from error
    if type(config) is not Config:
        raise UserError(f"{path}: needs a function get_config() that returns a train.config.Config")
    return config


def _failure(path: Path, error: Exception) -> str:
    """Where a config file failed and why; an unknown field given to a group of options with the
    nearest known one.
    """
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path} line {error.lineno}: {error.msg}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    where = f"{path} line {lines[-1]}" if lines else str(path)
    unexpected = re.fullmatch(
        r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error)
    )
    declared = vars(options) | vars(data_options) | vars(net_options)
    kind = declared.get(unexpected[1]) if unexpected else None
    if unexpected is None or kind is None:
        return f"{where}: {type(error).__name__}: {error}"
    names = [field.name for field in dataclasses.fields(kind)]
    hint = fields.did_you_mean(unexpected[2], names)
    return (
        f"{where}: {kind.__name__} has no field {unexpected[2]}{hint} (fields: {', '.join(names)})"
    )


def override(config: Config, overrides: Mapping[str, str] | Iterable[tuple[str, str]]) -> Config:
    """A copy with fields set from text, each read by its field's type. Raises UserError."""
    config = _copied(config)
    leaves = {leaf.path: leaf for leaf in fields.walk(config)}
    for name, text in overrides.items() if isinstance(overrides, Mapping) else overrides:
        path = f"config.{name}"
        if path not in leaves:
            raise UserError(fields.unknown_field(path, config))
        leaf = leaves[path]
        try:
            value = values.parse(text, leaf.annotation)
        except ValueError:
            raise UserError(fields.mismatch(leaf, text)) from None
        setattr(leaf.group, leaf.field.name, value)
    return config


def _copied(group: Any) -> Any:
    """A copy that shares no group and no dict with the original."""
    new = copy.copy(group)
    for name, value in vars(group).items():
        if dataclasses.is_dataclass(value) or isinstance(value, dict):
            setattr(new, name, _copied(value) if dataclasses.is_dataclass(value) else dict(value))
    return new


def validate(config: Config) -> None:
    """Raise UserError unless every field holds what its type and limits admit, and the fields agree
    with each other.
    """
    fields.check_fields(config)
    checks.check_together(config)
    population_checks.check_population(config)
