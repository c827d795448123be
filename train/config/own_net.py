"""Options of a net that is a user's own Linen module: its import path, and its fields."""

from __future__ import annotations

import dataclasses
import functools
import keyword
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import ClassVar

from train.config.imported import FieldValue, Imported
from train.config.net_base import NetOptions
from train.config.values import Annotation
from train.errors import UserError


@dataclass
class Own(NetOptions):
    """A Linen module of yours as hidden layers, `net=MyNet(hidden=64)`.

    It takes the scaled features of a row, x [b, f], and gives [b, h], or of steps, x [b, t, f], and
    gives [b, t, h]; the layer of the targets is put behind it. Its fields are options:
    --config.net.hidden=64.
    """

    path: ClassVar[str] = ""
    parameters: ClassVar[tuple[str, ...]] = ("*",)

    def __reduce__(self) -> tuple[Callable[..., Own], tuple[str, dict[str, FieldValue]]]:
        return own_net, (self.path, dict(vars(self)))


def own_net(path: str, fields: Mapping[str, FieldValue]) -> Own:
    """The options of the module at an import path. Raises UserError for odd names."""
    if not all(map(_is_name, path.split("."))):
        raise UserError(f"config.net: expected an import path such as my_nets.MyNet, got {path!r}")
    for name in fields:
        if hasattr(Own, name):
            raise UserError(f"config.net: a field of {path} is called {name!r}; call it otherwise")
        if not _is_name(name):
            raise UserError(f"config.net: {name!r} is no field of {path}")
    kind = _kind(path, tuple((name, _annotation(value)) for name, value in fields.items()))
    return kind(**fields)


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


@functools.cache
def _kind(path: str, annotations: tuple[tuple[str, Annotation], ...]) -> Callable[..., Own]:
    fields = [(name, of, dataclasses.field(default=None)) for name, of in annotations]
    names = {"path": path, "__doc__": Own.__doc__, "__module__": __name__}
    kind = dataclasses.make_dataclass(
        path.rpartition(".")[2], fields, bases=(Own,), namespace=names
    )
    return kind


def _annotation(value: FieldValue) -> Annotation:
    """What the field of a value may hold: values of its kind, and of any where it holds none."""
    if isinstance(value, Imported):
        return Imported
    if isinstance(value, bool | int | float | str):
        return type(value)
    if isinstance(value, tuple):
        kinds = [_annotation(item) for item in value] or [int | float | str]
        return tuple[functools.reduce(operator.or_, kinds), ...]
    if isinstance(value, Mapping):
        kinds = [_annotation(item) for item in value.values()] or [int | float | str]
        return dict[str, functools.reduce(operator.or_, kinds)]
    return NoneType | bool | int | float | str | tuple[int | float | str, ...]
