"""Config <-> JSON, what differs between two configs, and a digest of one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import get_type_hints

from train.config import fields, values
from train.config.options import Config, Group
from train.config.own_net import Own, own_net
from train.config.values import Plain
from train.errors import UserError

# These groups come in several kinds, so JSON names theirs.
_WITH_KIND = ("data", "net")


def to_json(config: Config) -> dict[str, Plain]:
    """A valid config as JSON has it; `data` and `net`, which come in several kinds, name theirs."""
    return _to_plain(config)


def _to_plain(group: Group) -> dict[str, Plain]:
    hints = get_type_hints(type(group))
    plain: dict[str, Plain] = {}
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        if not fields.group_kinds(hints[field.name]):
            plain[field.name] = values.to_plain(value, hints[field.name])
        elif field.name in _WITH_KIND:
            plain[field.name] = {"kind": _kind_name(value), **_to_plain(value)}
        else:
            plain[field.name] = _to_plain(value)
    return plain


def from_json(plain: Plain) -> Config:
    """The config that `to_json` wrote; fields it lacks take their defaults.

    Raises UserError at anything unknown.
    """
    config = _from_plain(plain, (Config,), "config")
    fields.check_fields(config)
    assert isinstance(config, Config)
    return config


def _from_plain(plain: Plain, kinds: tuple[type[Group], ...], path: str) -> Group | Plain:
    """A group of one of these kinds; what is no group is left to `check_fields` to refuse."""
    if not isinstance(plain, dict):
        return plain
    group = _make_group(plain, kinds, path)
    hints = get_type_hints(type(group))
    for name, value in plain.items():
        inner = fields.group_kinds(hints.get(name))
        if inner:
            setattr(group, name, _from_plain(value, inner, f"{path}.{name}"))
        elif name != "kind":
            setattr(group, name, _value(value, f"{path}.{name}"))
    return group


def _make_group(plain: Mapping[str, Plain], kinds: tuple[type[Group], ...], path: str) -> Group:
    """A group of the kind that JSON names, with its defaults."""
    name = plain.get("kind", kinds[0].__name__)
    if Own in kinds and isinstance(name, str) and "." in name:
        fields_of = {key: value for key, value in plain.items() if key != "kind"}
        given = {key: _value(value, f"{path}.{key}") for key, value in fields_of.items()}
        return own_net(name, given)
    for kind in kinds:
        if kind.__name__ == name:
            return kind()
    known = [kind.__name__ for kind in kinds]
    hint = fields.did_you_mean(str(name), known)
    raise UserError(f"{path}.kind: expected {' or '.join(known)}, got {values.shorten(name)}{hint}")


def _value(plain: Plain, path: str) -> values.OptionValue:
    """An option's value from JSON. Raises UserError where it names nothing to import."""
    try:
        return values.from_plain(plain)
    except ValueError as error:
        raise UserError(
            f"{path}: expected an import path such as my_code.f(a=1), got {str(error)!r}"
        ) from None


def _kind_name(group: Group) -> str:
    """The name of a kind of data or net; of a user's own net its import path."""
    return group.path if isinstance(group, Own) else type(group).__name__


def differences(old: Config, new: Config) -> list[str]:
    """One line for each field that differs: "config.optim.learning_rate: 0.001 -> 0.003"."""
    before = by_path(old)
    after = by_path(new)
    lines = []
    for path in dict.fromkeys([*before, *after]):
        was = before.get(path, "absent")
        is_now = after.get(path, "absent")
        if was != is_now:
            lines.append(f"{path}: {was} -> {is_now}")
    return lines


def by_path(config: Config) -> dict[str, str]:
    """{path: value as Python writes it} of every option, and the kinds of data and net."""
    found = {f"config.{name}.kind": _kind_name(getattr(config, name)) for name in _WITH_KIND}
    for leaf in fields.walk(config):
        found[leaf.path] = repr(values.to_plain(leaf.value, leaf.annotation))
    # What its "auto" stands for: configs of 0.1.0, which had no "auto" there, say so themselves.
    found["config.optim.beta2"] = repr(config.optim.own_beta2())
    return found


def digest(config: Config) -> str:
    """The SHA-256 of a config's JSON, in hexadecimal: equal for equal configs."""
    return hashlib.sha256(json.dumps(to_json(config), sort_keys=True).encode()).hexdigest()
