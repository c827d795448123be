"""Imports point one way, what is heavy is imported where it is needed, and files stay small."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from train import console

ROOT = Path(__file__).parents[1]
COMMANDS = tuple(console.COMMANDS.values())
# The packages of train, in the order of a run. One may import those before its own line.
FLOORS = (
    ("errors",),
    ("config",),
    ("data", "flags"),
    ("core", "evaluation"),
    ("parallel", "report"),
    ("run",),
    ("inference", "population"),
    ("results",),
    ("loop", "portable"),
    ("console", "estimators", *(name.removeprefix("train.") for name in COMMANDS)),
)
# What is loaded before a command line has been found right.
LIGHT = (
    "train.errors",
    "train.parallel",
    "train.parallel.hosts",
    "train.parallel.runtime",
    "train.population.study",
    "train.population.workers",
    "train.run.folder",
    "train.run.lock",
    "train.run.manifest",
    "train.run.digests",
    "train.data.files.storage",
    *COMMANDS,
)
# Each takes a second or more, or is installed for tests and benchmarks alone.
LATE = {
    "keras",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "polars",
    "sklearn",
    "statsforecast",
    "tensorboardX",
    "torch",
}


class Import(NamedTuple):
    """`module` imports `name`; `late` inside a function, `typing` for its types alone."""

    module: str
    name: str
    late: bool
    typing: bool


def imports_of(module: str, source: str, known: set[str]) -> Iterator[Import]:
    """All imports of a module's source; `from package import module` is one of the module."""

    def visit(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, late, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, (
                f"{module} line {node.lineno}: write the whole name of what is imported"
            )
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield Import(module, whole if whole in known else str(node.module), late, typing)
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing = typing or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for child in ast.iter_child_nodes(node):
            yield from visit(child, late, typing)

    return visit(ast.parse(source), False, False)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FOLDERS = ("bench", "configs", "nets", "tests", "train")
PATHS = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
MODULES = {name_of(path): path for path in PATHS}
IMPORTS = [
    found
    for name, path in MODULES.items()
    for found in imports_of(name, path.read_text(), set(MODULES))
]


def top(name: str) -> str:
    return name.split(".")[0]


def outside(found: Import, allowed: set[str]) -> bool:
    """Whether an import is neither of the standard library nor allowed."""
    return top(found.name) not in allowed | sys.stdlib_module_names


def package(name: str) -> str:
    """The package, or the file, right under train that a module belongs to."""
    return name.split(".")[1]


def floor(name: str) -> int:
    """The line of FLOORS that a module of train stands on."""
    floors = [number for number, names in enumerate(FLOORS) if package(name) in names]
    assert floors, f"{name} has no floor: give it one in FLOORS of {Path(__file__).name}"
    return floors[0]


def is_light(name: str) -> bool:
    """Whether a module is loaded before a command line has been found right."""
    return name in LIGHT or name.startswith(("train.config", "train.flags"))


def test_nets_know_arrays_only():
    allowed = {"nets", "jax", "flax", "numpy"}
    assert [i for i in IMPORTS if top(i.module) == "nets" and outside(i, allowed)] == []


def test_packages_import_those_before_them():
    inner = [i for i in IMPORTS if i.module.startswith("train.") and i.name.startswith("train.")]
    between = [i for i in inner if package(i.module) != package(i.name)]
    assert [i for i in between if floor(i.name) >= floor(i.module)] == []


def test_what_is_for_gpus_is_imported_late():
    for_gpus = "nets.kernels.gpu"
    product = [i for i in IMPORTS if top(i.module) in ("nets", "train")]
    others = [i for i in product if not i.module.startswith(for_gpus)]
    taken = [i for i in others if i.name.startswith(for_gpus)]
    assert {i.module for i in taken} == {"nets.recurrence", "train.run.versions"}
    assert all(i.late for i in taken)


def test_every_module_of_train_has_a_floor():
    floors = [floor(name) for name in MODULES if name.startswith("train.")]
    assert sorted(set(floors)) == list(range(len(FLOORS)))


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in turn; none where there are no such."""
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_files_import_each_other_in_circles():
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for found in IMPORTS:
        if found.name in MODULES and found.name != found.module:
            graph[found.module].add(found.name)
    assert circle(graph) == []
    assert circle({"a": {"b"}, "b": {"a"}}) != []


def test_a_command_line_is_checked_without_anything_heavy():
    first = [i for i in IMPORTS if is_light(i.module) and not i.late and not i.typing]
    inner = [i for i in first if i.name != "train" and not is_light(i.name)]
    assert [i for i in inner if outside(i, {"absl"}) and not is_empty(i.name)] == []


def is_empty(name: str) -> bool:
    """Whether a module is the face of a package that imports nothing."""
    return name in MODULES and not any(found.module == name for found in IMPORTS)


def test_options_load_neither_numpy_nor_jax():
    code = "import sys; from train import config; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "train.config.options" in loaded.stdout.split()
    assert set(loaded.stdout.split()) & {"numpy", "jax", "flax", "pyarrow"} == set()


def test_configs_take_options_only_and_nobody_takes_configs():
    allowed = ("train.config", "train.config.options", "dataclasses", "__future__")
    assert [i for i in IMPORTS if top(i.module) == "configs" and i.name not in allowed] == []
    assert [i for i in IMPORTS if top(i.name) == "configs"] == []


def test_orbax_stands_behind_one_door():
    shipped = [i for i in IMPORTS if top(i.module) in ("nets", "train")]
    assert {i.module for i in shipped if top(i.name) == "orbax"} <= {"train.run.checkpoint"}
    at_once = [i for i in shipped if top(i.name) in LATE and not i.late and not i.typing]
    assert [i for i in at_once if not is_imported_late(i)] == []


def test_orbax_waits_until_a_run_trains():
    code = "import sys; from train import loop; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "train.run.checkpoint" in loaded.stdout.split()
    assert "orbax.checkpoint" not in loaded.stdout.split()


def test_the_large_parts_of_scipy_wait_for_who_asks_for_them():
    # After "import scipy" its parts are loaded by their first use: scipy.special, scipy.optimize.
    product = [i for i in IMPORTS if top(i.module) in ("nets", "train")]
    own = [i for i in product if top(i.name) == "scipy" and not i.late]
    assert {i.name for i in own} <= {"scipy", "scipy.sparse"}


def is_imported_late(found: Import) -> bool:
    """Whether it is in a module that is imported late itself, for what it imports."""
    if found.module.startswith("train.estimators"):
        return top(found.name) == "sklearn"
    return found.module.startswith("train.portable.") and "onnx" in found.name


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path: Path):
    n_lines = len(path.read_text().splitlines())
    # The tests of one module are one idea, however many cases it has; so are the sides of a bench.
    is_product = path.relative_to(ROOT).parts[0] in ("nets", "train", "configs")
    assert n_lines <= (260 if is_product else 500)


def test_imports_are_seen_wherever_they_stand():
    source = """
import a.b, c
from train import config as configs, nothing
if TYPE_CHECKING:
    from d import e
class F:
    def g(self):
        from train.data.files.read import h
"""
    known = {"train", "train.config", "train.data.files.read"}
    assert list(imports_of("m", source, known)) == [
        ("m", "a.b", False, False),
        ("m", "c", False, False),
        ("m", "train.config", False, False),
        ("m", "train", False, False),
        ("m", "d", False, True),
        ("m", "train.data.files.read", True, False),
    ]
