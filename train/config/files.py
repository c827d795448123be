"""Config files: run, overridden from a command line, and checked."""

from __future__ import annotations

import dataclasses
import re
import runpy
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TypeAlias, TypeVar

from train.config import checks, fields, population_checks, unread, values
from train.config.options import Config, Group
from train.config.own import named, net_of
from train.config.own_net import Own
from train.errors import UserError

G = TypeVar("G", bound=Group)
# The configs that come with the package, beside `train` in a checkout and where it is installed.
SHIPPED = Path(__file__).parents[2] / "configs"
Overrides: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]  # {"net.hidden": "(64,64)"}


def load(path: str | Path, overrides: Overrides = ()) -> Config:
    """The config that a file's get_config() returns, with fields set from text, checked.

    The file is Python and is executed; "diabetes" is the shipped config of that name. A config that
    keeps the default name takes that of its file. Raises UserError.
    """
    config = override(read(path), overrides)
    if config.name == Config.name:
        config.name = re.sub(r"[^\w.+-]+", "-", Path(path).stem)
    validate(config)
    return config


def read(path: str | Path) -> Config:
    """What get_config() of a file, or of a shipped config, returns. Raises UserError."""
    path = Path(path)
    is_name = not path.suffix and not path.is_absolute()
    shipped = SHIPPED / f"{path}.py"
    if is_name and shipped.is_file():
        return _run_config_file(shipped)
    if is_name:
        names = [found.removesuffix(".py") for found in _shipped()]
        hint = fields.did_you_mean(str(path), names) or f"; there are {', '.join(names)}"
        raise UserError(f"--config: no config that comes with denseq is named {path}{hint}")
    return _run_config_file(path)


def _shipped() -> list[str]:
    """The shipped configs, as paths within their folder."""
    return sorted(file.relative_to(SHIPPED).as_posix() for file in SHIPPED.rglob("[!_]*.py"))


def _run_config_file(path: Path) -> Config:
    if path.suffix != ".py" or not path.is_file():
        files = path.parent.glob("*.py")
        siblings = sorted(str(file) for file in files if not file.name.startswith("_"))
        hint = fields.did_you_mean(str(path), siblings)
        if not hint and path.name in _shipped():
            hint = f"; --config={path.stem} is one that comes with denseq"
        raise UserError(f"{path}: no such Python file{hint}")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)  # last: modules beside it are found, and hide none of ours
    try:
        get_config = runpy.run_path(str(path), run_name="config").get("get_config")
        config = get_config() if callable(get_config) else None
    except Exception as error:
        raise UserError(_failure(path, error)) from error
    if type(config) is not Config:
        raise UserError(f"{path}: needs a function get_config() that returns a train.config.Config")
    return named(config)


def _failure(path: Path, error: Exception) -> str:
    """The line for a config file that failed: where, why, and the field that was meant."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path} line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f"{path} line {lines[-1]}" if lines else str(path)
    unexpected = re.fullmatch(
        r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error)
    )
    kind = fields.KINDS.get(unexpected[1]) if unexpected else None
    if unexpected is None or kind is None:
        return f"{where}: {type(error).__name__}: {error}"
    names = [field.name for field in dataclasses.fields(kind)]
    wrong = f"{kind.__name__} has no field {unexpected[2]}"
    hint = fields.did_you_mean(unexpected[2], names)
    return f"{where}: {wrong}{hint} (fields: {', '.join(names)})"


def override(config: Config, overrides: Overrides) -> Config:
    """A copy with fields set from text, each read by its field's type. Raises UserError.

    A group that comes in several kinds is set to one by its name: {"net": "LSTM"}. It then has that
    kind's defaults, wherever its own fields stand; of the kind that it is, it stays as it is.
    {"data.missing+": "-99"} adds to what the field has.
    """
    config = _copied(named(config))
    pairs = _pairs(overrides)
    for name, text in pairs:
        if kinds := fields.kinds_of(name):
            _switch(config, name, text, kinds)
    leaves = fields.leaves_of(config)
    for name, text in pairs:
        if fields.kinds_of(name):
            continue
        adds = name.endswith("+")
        path = f"config.{name.removesuffix('+')}"
        leaf = leaves.get(path)
        if leaf is None:
            raise UserError(fields.unknown_field(path, config))
        try:
            value = values.parse(text, leaf.annotation)
        except ValueError:
            raise UserError(fields.mismatch(leaf, text)) from None
        setattr(leaf.group, leaf.name, _added(leaf, value) if adds else value)
    return named(config)


def _added(leaf: fields.Leaf, value: values.OptionValue) -> values.OptionValue:
    """The names or numbers that a field has, and further ones. Raises UserError."""
    if not isinstance(leaf.value, tuple) or not isinstance(value, tuple):
        raise UserError(f"{leaf.path}+: only a list can be added to; write {leaf.path}=VALUE")
    return (*leaf.value, *value)


def _pairs(overrides: Overrides) -> list[tuple[str, str]]:
    given = overrides.items() if isinstance(overrides, Mapping) else overrides
    return [(str(name), str(text)) for name, text in given]


def _switch(config: Config, name: str, text: str, kinds: Sequence[type[Group]]) -> None:
    """Sets a group of the config to the kind of that name, in letters of any case."""
    known = {kind.__name__: kind for kind in kinds if kind is not Own}
    if Own in kinds and "." in text:
        setattr(config, name, net_of(text))
        return
    for kind in known.values():
        if kind.__name__.lower() == text.strip().lower():
            if type(getattr(config, name)) is not kind:
                setattr(config, name, kind())
            return
    hint = fields.did_you_mean(text, list(known))
    raise UserError(
        f"config.{name}: a group of fields; set one of them, such as config.{name}."
        f"{next(iter(vars(getattr(config, name))))}, or its kind, one of {', '.join(known)}, "
        f"got {values.shorten(text)}{hint}"
    )


def _copied(group: G) -> G:
    """A copy that shares no group and no dict with the original."""
    new = copy(group)
    for name, value in vars(group).items():
        if type(value) in fields.KINDS.values() or isinstance(value, Own):
            setattr(new, name, _copied(value))
        elif isinstance(value, dict):
            setattr(new, name, dict(value))
    return new


def validate(config: Config) -> None:
    """Raises UserError unless every field holds what it may, and the fields agree."""
    fields.check_fields(config)
    checks.check_together(config)
    population_checks.check_population(config)
    unread.check_read(config)
