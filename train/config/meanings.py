"""What each option means: the docstring beside its field, which is where it is written once."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Mapping


@functools.cache
def meanings_of(kind: type) -> Mapping[str, str]:
    """{field: the sentences below it} of a dataclass of options; {} without its source."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except OSError:  # a program packed without its sources
        return {}
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    name = None
    for statement in body.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif name and isinstance(statement, ast.Expr) and _is_text(statement.value):
            text = ast.literal_eval(statement.value)
            found[name] = " ".join(inspect.cleandoc(text).split())
            name = None
        else:
            name = None
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, or its first line, without the full stop."""
    return text.strip().split("\n")[0].split(". ")[0].rstrip(".")
