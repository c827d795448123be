"""Config <-> JSON, what differs between two configs, and a digest of one."""

from __future__ import annotations

import hashlib
import json
from typing import Any, get_type_hints

from train.config import fields, values
from train.config.options import (
    Config,
)
from train.errors import UserError

# These groups come in several kinds, so JSON names theirs.
_WITH_KIND = ("data", "net")


def to_json(config: Config) -> dict[str, Any]:
    """A valid config as JSON has it. `data` and `net` come in several kinds, and name theirs."""
    return _to_plain(config)


def _to_plain(group: Any) -> dict[str, Any]:
    plain = {}
    for name, annotation in get_type_hints(type(group)).items():
        value = getattr(group, name)
        if fields.group_kinds(annotation):
            kind = {"kind": type(value).__name__} if name in _WITH_KIND else {}
            plain[name] = kind | _to_plain(value)
        else:
            plain[name] = values.to_plain(value, annotation)
    return plain


def from_json(plain: dict[str, Any]) -> Config:
    """The config that `to_json` wrote; fields it lacks take their defaults. Raises UserError at
    anything unknown.
    """
    config = _from_plain(plain, (Config,), "config")
    fields.check_fields(config)
    return config


def _from_plain(plain: Any, kinds: tuple[type, ...], path: str) -> Any:
    if not isinstance(plain, dict):
        return plain
    name = plain.get("kind", kinds[0].__name__)
    kind = next((kind for kind in kinds if kind.__name__ == name), None)
    if kind is None:
        known = [kind.__name__ for kind in kinds]
        hint = fields.did_you_mean(str(name), known)
        raise UserError(
            f"{path}.kind: expected {' or '.join(known)}, got {values.shorten(name)}{hint}"
        )
    group = kind()
    hints = get_type_hints(kind)
    for name, value in plain.items():
        inner = fields.group_kinds(hints.get(name))
        if inner:
            setattr(group, name, _from_plain(value, inner, f"{path}.{name}"))
        elif name != "kind":
            setattr(group, name, values.from_plain(value))
    return group


def differences(old: Config, new: Config) -> list[str]:
    """One line for each field that differs: "config.optim.learning_rate: 0.001 -> 0.003"."""
    before = _by_path(old)
    after = _by_path(new)
    return [
        f"{path}: {before.get(path, 'absent')} -> {after.get(path, 'absent')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path, "absent") != after.get(path, "absent")
    ]


def _by_path(config: Config) -> dict[str, str]:
    kinds = {f"config.{name}.kind": type(getattr(config, name)).__name__ for name in _WITH_KIND}
    return kinds | {
        leaf.path: repr(values.to_plain(leaf.value, leaf.annotation))
        for leaf in fields.walk(config)
    }


def digest(config: Config) -> str:
    """The SHA-256 of a config's JSON, in hexadecimal: equal for equal configs."""
    return hashlib.sha256(json.dumps(to_json(config), sort_keys=True).encode()).hexdigest()
