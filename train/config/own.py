"""Code of a user's own as a value of a config: named by where it is imported from, never kept.

A Linen module stands for the net, a function for the loss, a maker of an optax optimizer for the
rule of the optimizer. Nothing here imports what a saved config names: see `check_trust`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from types import ModuleType
from typing import TypeAlias

from train.config.imported import FieldValue, Imported
from train.config.net_base import NetOptions
from train.config.options import Config, Optim
from train.config.own_net import Own, own_net
from train.errors import UserError

STORABLE = (
    "numbers, text, true, false, none, tuples and dicts of them, Linen modules and what can be "
    "imported can be saved"
)
Trust: TypeAlias = str | tuple[str, ...]  # import paths; of a text between commas
LINEN_FIELDS = ("parent", "name")  # fields of every Linen module, which are none of its options


def named(config: Config) -> Config:
    """The config with modules, functions and makers of optimizers named by their import paths.

    Raises UserError for one that could not be imported again.
    """
    if type(config) is not Config:
        return config  # whatever it is, the check of fields tells
    found = copy(config)  # with what was set that is no field, which the check tells too
    vars(found).update(
        net=_named_net(config.net),
        optim=_named_optim(config.optim),
        loss=_named_rule(config.loss, "config.loss"),
    )
    found.population = copy(config.population)
    grid = {}
    for path, choice in config.population.grid.items():
        grid[path] = choice
        if path == "optim.name" or path.startswith("net."):
            where = f"config.population.grid: {path}"
            grid[path] = tuple(_named_choice(value, path, where) for value in choice)
    found.population.grid = grid
    return found


def _named_net(net: object) -> object:
    if isinstance(net, functools.partial) and _is_linen(net.func):
        net = net()
    if isinstance(net, str) and "." in net:
        return net_of(net)
    if isinstance(net, type) and _is_linen(net):
        raise UserError(f"config.net: {net.__name__} is a class; write {net.__name__}(...)")
    if isinstance(net, NetOptions) or not _is_linen(type(net)):
        return net  # whatever else it is, the check of fields tells
    imported = _imported(net, "config.net")
    return own_net(imported.path, imported.fields)


def net_of(text: str) -> Own:
    """The net that a text names: "my_nets.MyNet(hidden=32)". Raises UserError."""
    try:
        imported = Imported.parse(text)
    except ValueError:
        raise UserError(
            f"config.net: expected an import path such as my_nets.MyNet(hidden=32), got {text!r}"
        ) from None
    return own_net(imported.path, imported.fields)


def _named_optim(optim: object) -> object:
    if isinstance(optim, Optim):
        name = _named_rule(optim.name, "config.optim.name")
        return optim if name is optim.name else replace(optim, name=name)
    if hasattr(optim, "init") and hasattr(optim, "update"):
        raise UserError(
            "config.optim: an optimizer that is made already cannot be saved; name what makes it, "
            "as in optim=functools.partial(optax.adabelief, learning_rate=1e-3)"
        )
    if callable(optim):
        return Optim(name=_imported(optim, "config.optim"))
    return optim


def _named_choice(value: object, path: str, where: str) -> object:
    if path == "optim.name":
        return _named_rule(value, where)
    return _storable(value, where) if callable(value) else value


def _named_rule(value: object, where: str) -> object:
    """A function, or the text of an import path, as one; any other value as it is."""
    if isinstance(value, str) and not isinstance(value, Imported) and "." in value:
        try:
            return Imported.parse(value)
        except ValueError:
            return value
    return _imported(value, where) if callable(value) else value


def _is_linen(kind: object) -> bool:
    bases = getattr(kind, "__mro__", ())
    return any(base.__module__ == "flax.linen.module" for base in bases)


def _imported(value: object, where: str) -> Imported:
    """What names a function, a class, or a call of either by its keywords. Raises UserError."""
    if isinstance(value, functools.partial):
        if value.args:
            raise UserError(f"{where}: name what partial gives by keywords, not by their places")
        given = {name: _storable(item, f"{where}: {name}") for name, item in value.keywords.items()}
        return Imported.of(_import_path(value.func, where), given)
    if _is_linen(type(value)):
        return Imported.of(_import_path(type(value), where), _fields_of(value, where))
    return Imported.of(_import_path(value, where), None)


def _fields_of(module: object, where: str) -> dict[str, FieldValue]:
    """The fields of a Linen module; without those at a default that cannot be saved."""
    assert dataclasses.is_dataclass(module)
    found = {}
    for field in dataclasses.fields(module):
        if field.name in LINEN_FIELDS or not field.init:
            continue
        value = getattr(module, field.name)
        try:
            found[field.name] = _storable(value, f"{where}: {type(module).__name__}.{field.name}")
        except UserError:
            if value is not field.default:
                raise
    return found


def _storable(value: object, where: str) -> FieldValue:
    """A value as config.json can hold it. Raises UserError."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: {value} is no finite number")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_storable(item, where) for item in value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {str(name): _storable(item, where) for name, item in value.items()}
    if callable(value):
        return _imported(value, where)
    raise UserError(f"{where}: {type(value).__name__} cannot be saved in config.json; {STORABLE}")


def _import_path(value: object, where: str) -> str:
    """Where a function or class is imported from, by public modules if it can be."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None)
    advice = "write it at the top of a module, such as my_nets.py, and import it from there"
    if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
        shown = name or type(value).__name__
        raise UserError(f"{where}: {shown} has no name to be imported by later; {advice}")
    if _look_up(sys.modules.get(module), name) is not value or module == "__main__":
        raise UserError(
            f"{where}: {name} is defined where nothing can import it from later ({module}); "
            f"{advice}"
        )
    if not any(part.startswith("_") for part in module.split(".")):
        return f"{module}.{name}"
    top = module.partition(".")[0]
    public = []
    for other, found in list(sys.modules.items()):
        is_public = not any(part.startswith("_") for part in other.split("."))
        if other.partition(".")[0] == top and is_public and _look_up(found, name) is value:
            public.append(other)
    return f"{min(public, key=lambda other: (other.count('.'), other), default=module)}.{name}"


def _look_up(module: ModuleType | None, name: str) -> object:
    """What stands in a module under a name with dots; None if nothing does."""
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def paths_of(config: Config) -> tuple[str, ...]:
    """The import paths that the answers of a config's net need, each once."""
    found: list[FieldValue] = []
    if isinstance(config.net, Own):
        found += [Imported.of(config.net.path, None), *vars(config.net).values()]
    for path, choice in config.population.grid.items():
        found += choice if path.startswith("net.") else ()
    return tuple(dict.fromkeys(path for value in found for path in _paths_in(value)))


def _paths_in(value: FieldValue) -> Iterator[str]:
    if isinstance(value, Imported):
        yield value.path
        yield from _paths_in(value.fields)
    elif isinstance(value, tuple):
        for item in value:
            yield from _paths_in(item)
    elif isinstance(value, Mapping):
        yield from _paths_in(tuple(value.values()))


def check_trust(config: Config, trust: Trust, where: str, *, by_config: bool = False) -> None:
    """Raises UserError if a saved config names code for its net that is not in `trust`.

    `by_config` where it is trusted by being named in another config.
    """
    trusted = trust.split(",") if isinstance(trust, str) else trust
    wanted = paths_of(config)
    missing = [path for path in wanted if path not in [path.strip() for path in trusted]]
    if not missing:
        return
    how = f"--trust={','.join(wanted)} (in Python trust={wanted!r})"
    if by_config and isinstance(config.net, Own):
        how = f"--config.net='{Imported.of(config.net.path, vars(config.net))}'"
    raise UserError(
        f"{where}: config.net would import {' and '.join(missing)}, code that is not denseq's; "
        f"if you trust it: {how}"
    )
