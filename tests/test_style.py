"""How the code is written, in numbers: one thing a line, and types that say what a value is."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
# The annotations of options are any type's, so what reads them is about any value.
ABOUT_ANY_VALUE = {"train/config/values.py"}
ENDS_OF_SENTENCES = (".", ":", "?", "!")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Docstring(NamedTuple):
    """A text that documents a module, a class, a function or a field, and where it stands."""

    place: str
    lines: list[str]


class Count(NamedTuple):
    """What was found in some files."""

    lines: int
    any_types: int
    tuple_assignments: int
    comprehensions: int
    nested_conditionals: list[str]
    long_lines: list[str]
    characters: float


def sources(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(path, text) of every file of the product."""
    for folder in ("nets", "train"):
        for path in sorted((root / folder).rglob("*.py")):
            yield str(path.relative_to(root)), path.read_text()


def docstrings(root: Path = ROOT) -> Iterator[Docstring]:
    """Every docstring of the product, those of fields included."""
    for path, text in sources(root):
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
                continue
            if isinstance(node.value.value, str):
                lines = inspect.cleandoc(node.value.value).splitlines()
                yield Docstring(f"{path}:{node.lineno}", lines)


def assigns_unrelated(node: ast.AST) -> bool:
    """Whether a statement is `a, b = x, y`; a swap needs both at once."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    target = node.targets[0]
    if not isinstance(target, ast.Tuple) or len(target.elts) != len(node.value.elts):
        return False
    names = {ast.unparse(element) for element in target.elts}
    return not any(ast.unparse(inner) in names for inner in ast.walk(node.value))


def is_nested(node: ast.AST) -> bool:
    """Whether a conditional expression stands within another one's branches."""
    if not isinstance(node, ast.IfExp):
        return False
    return isinstance(node.body, ast.IfExp) or isinstance(node.orelse, ast.IfExp)


def count(root: Path = ROOT) -> Count:
    """All figures of the files under `root`."""
    lines = any_types = tuples = comprehensions = characters = code_lines = 0
    nested: list[str] = []
    long_lines: list[str] = []
    for path, text in sources(root):
        lines += len(text.splitlines())
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > 100:
                long_lines.append(f"{path}:{number}")
            if line.strip() and not line.strip().startswith("#"):
                characters += len(line)
                code_lines += 1
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Name) and node.id == "Any" and path not in ABOUT_ANY_VALUE:
                any_types += 1
            tuples += assigns_unrelated(node)
            comprehensions += isinstance(node, COMPREHENSIONS)
            if is_nested(node):
                nested.append(f"{path}:{node.lineno}")  # type: ignore[attr-defined]
    return Count(
        lines, any_types, tuples, comprehensions, nested, long_lines, characters / code_lines
    )


def test_a_docstring_begins_with_one_sentence_on_a_line() -> None:
    """A reader gets the summary at once: a line that ends, then an empty one before all else."""
    torn = []
    for docstring in docstrings():
        goes_on = len(docstring.lines) > 1 and docstring.lines[1] != ""
        if goes_on or not docstring.lines[0].endswith(ENDS_OF_SENTENCES):
            torn.append(docstring.place)
    assert not torn


FOUND = count()


def test_types_say_what_a_value_is():
    assert 1000 * FOUND.any_types / FOUND.lines <= 5


def test_a_statement_assigns_one_thing():
    assert 1000 * FOUND.tuple_assignments / FOUND.lines <= 2


def test_comprehensions_are_few():
    assert 1000 * FOUND.comprehensions / FOUND.lines <= 25


def test_no_choice_stands_within_a_choice():
    assert FOUND.nested_conditionals == []


def test_lines_are_short():
    assert FOUND.long_lines == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a, b = 1, 2", True),
        ("a, b = b, a", False),
        ("a, b = pair", False),
        ("a = 1, 2", False),
    ],
)
def test_what_assigns_unrelated_values(source: str, expected: bool):
    assert assigns_unrelated(ast.parse(source).body[0]) is expected


def test_what_is_nested():
    outer = ast.parse("x if a else y if b else z", mode="eval").body
    plain = ast.parse("(x if a else y) + (u if b else v)", mode="eval").body
    assert is_nested(outer) and not is_nested(plain)


if __name__ == "__main__":
    found = count(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    print(f"{found.lines} lines, {found.characters:.1f} characters a line")
    for name in ("any_types", "tuple_assignments", "comprehensions"):
        print(f"{name}: {1000 * getattr(found, name) / found.lines:.1f} per 1,000 lines")
    print("nested conditionals:", *found.nested_conditionals)
    print("long lines:", len(found.long_lines), *found.long_lines[:200])
