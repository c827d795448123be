"""`my_losses.smooth(delta=2.0)`: what stands at an import path, with the values it is called by."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import ClassVar, TypeAlias

# A field's value as config.json can hold it.
FieldValue: TypeAlias = (
    "bool | int | float | str | tuple[FieldValue, ...] | Mapping[str, FieldValue] | None"
)


class Imported(str):
    """A text that names what can be imported, and the keywords that it is called with if any."""

    __slots__ = ()
    KEY: ClassVar[str] = "imported"  # of such a text in JSON

    @classmethod
    def of(cls, path: str, fields: Mapping[str, FieldValue] | None) -> Imported:
        """The text of a path, and of its keywords; None of what is not called."""
        if fields is None:
            return cls(path)
        given = [f"{name}={_written(value)}" for name, value in fields.items()]
        return cls(f"{path}({', '.join(given)})")

    @classmethod
    def parse(cls, text: str) -> Imported:
        """The text as it is written here; ValueError where it is none."""
        try:
            value = _value(ast.parse(text.strip(), mode="eval").body)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            raise ValueError(text) from None
        if not isinstance(value, Imported):
            raise ValueError(text)
        return value

    @property
    def path(self) -> str:
        """Where it is imported from: "my_losses.smooth"."""
        return self.partition("(")[0]

    @property
    def is_call(self) -> bool:
        """Whether it is called."""
        return "(" in self

    @property
    def fields(self) -> dict[str, FieldValue]:
        """The keywords that it is called with."""
        node = ast.parse(self, mode="eval").body
        return _keywords(node) if isinstance(node, ast.Call) else {}


def _written(value: FieldValue) -> str:
    if isinstance(value, Imported):
        return str(value)
    if isinstance(value, tuple):
        return f"({''.join(f'{_written(item)}, ' for item in value)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_written(item)}' for name, item in value.items())}}}"
    return repr(value)


def _value(node: ast.expr) -> FieldValue:
    """What a node of Python stands for. ValueError."""
    match node:
        case ast.Attribute():
            return Imported(_dotted(node))
        case ast.Call(func=ast.Attribute() as function, args=[]):
            return Imported.of(_dotted(function), _keywords(node))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(map(_value, items))
        case ast.Dict(keys=keys, values=items):
            return {_text(key): _value(item) for key, item in zip(keys, items, strict=True)}
    value = ast.literal_eval(node)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"{value!r} cannot be written in JSON")


def _text(key: ast.expr | None) -> str:
    match key:
        case ast.Constant(value=str(name)):
            return name
    raise ValueError("no name of a value in a dict")


def _keywords(call: ast.Call) -> dict[str, FieldValue]:
    found = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError("**")
        found[keyword.arg] = _value(keyword.value)
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ValueError("no dotted name")
