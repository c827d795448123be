"""README and docs: short, linked, and each page's first command runs as it stands."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from train.console import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
# A config of one epoch, and of one small LSTM, in place of the one of its name, whose path takes
# the place of WHOLE, with nothing beside it that takes long.
SHORT = """
import runpy

def get_config():
    config = runpy.run_path(WHOLE)["get_config"]()
    config.train.epochs = 1
    config.train.tree_seconds = config.train.linear_seconds = config.train.importance_seconds = 0
    if config.net.reads_steps:
        config.net.hidden = (8,)
        config.population.seeds = 1
    return config
"""
# A line of a page that is nothing but a command of ours: the process it starts is not the subject.
OURS = re.compile(r"python -m (train\.\w+)((?: [^\s&|;<>$]+)*)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")


def first_command(page: Path) -> str:
    """The first block of bash of a page, which stands right below its title."""
    found = re.match(r"# [^\n]+\n\n```bash\n(.*?)\n```\n", page.read_text(), re.DOTALL)
    assert found is not None, f"{page.name} does not begin with a command"
    return found[1]


def test_readme_is_short_and_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 150
    assert {f"docs/{page.name}" for page in PAGES} <= set(LINK.findall(readme))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path):
    missing = [to for to in LINK.findall(page.read_text()) if not (page.parent / to).exists()]
    assert not missing


def test_every_file_that_readme_names_is_there():
    named = re.findall(
        r"`((?:tests|train|configs|docs)/[\w/.]*)`", (ROOT / "README.md").read_text()
    )
    assert named and not [name for name in named if not (ROOT / name).exists()]


def test_every_file_that_the_map_names_is_there():
    workspace = (ROOT / "WORKSPACE.md").read_text()
    table = workspace[workspace.index("## Where to change what") : workspace.index("## How a run")]
    named = set(re.findall(r"`([\w/]+\.py)`", table))
    there = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/*.py")}
    missing = [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in there)]
    assert named and not [name for name in missing if Path(name).stem.split("_")[-1] != "NAME"]
    assert not [name for name in COMMANDS.values() if f"{name.split('.')[1]}.py" not in workspace]


def test_every_name_that_the_map_says_is_in_the_code():
    """A renamed function is renamed there too; NAME stands for one that is to be made."""
    workspace = (ROOT / "WORKSPACE.md").read_text()
    named = set(re.findall(r"`(?:\w+\.)?(\w*[A-Z_]\w*)(?:\(\))?`", workspace))
    known: set[str] = set()
    for folder in ("bench", "nets", "tests", "train"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".cc", ".h"):
                known |= set(re.findall(r"\w+", path.read_text()))
    assert named and not [name for name in named - known if not name.endswith("NAME")]


def test_a_name_stands_in_the_file_that_the_map_says():
    """ "`NAME`, `OTHER` in `FILE`": a name that moved to another file is led there."""
    workspace = (ROOT / "WORKSPACE.md").read_text()
    files = [
        path for folder in ("nets", "train", "tests") for path in (ROOT / folder).rglob("*.py")
    ]
    said = re.findall(r"((?:`\w+`(?:, | and )?)+) in `([\w/]+\.py)`", workspace)
    elsewhere = []
    for names, file in said:
        text = "\n".join(path.read_text() for path in files if path.as_posix().endswith(f"/{file}"))
        for name in re.findall(r"`(\w+)`", names):
            if "NAME" not in name and not re.search(rf"\b{name}\b", text):
                elsewhere.append(f"{name} in {file}")
    assert len(said) > 50 and not elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_first_command_of_a_page_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for name in ("bench", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    shorten_configs(tmp_path / "configs")
    command = first_command(page)
    lines = [OURS.fullmatch(line) for line in command.splitlines()]
    if all(lines):
        monkeypatch.chdir(tmp_path)
        for found in filter(None, lines):
            assert importlib.import_module(found[1]).main(shlex.split(found[2])) in (None, 0)
        said = capsys.readouterr().out
    else:
        done = run_in_bash(command, tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        said = done.stdout
    trains = "train.inspect" not in command
    scored = [path for path in tmp_path.glob("runs/*/result.json") if scores_in(path)]
    assert len(scored) == trains, "each trains one net, which is scored, or none"
    assert trains or "what is done with it" in said
    for out in re.findall(r"--out=(\S+)", command):
        assert (tmp_path / out).stat().st_size


def shorten_configs(folder: Path):
    """Configs whose runs end after an epoch, unless a command says otherwise."""
    folder.mkdir()
    (folder / "course").symlink_to(ROOT / "configs" / "course")
    for path in (ROOT / "configs").glob("*.py"):
        (folder / path.name).write_text(SHORT.replace("WHOLE", repr(str(path))))


def scores_in(path: Path) -> list[float]:
    """The finite scores of all splits that a run's result.json holds."""
    scores: list[float] = []
    for of_split in json.loads(path.read_text())["metrics"].values():
        scores += [value for value in of_split.values() if value is not None]
    return scores


def run_in_bash(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What lines of a page, run as they stand in a folder, printed and ended with."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=540,
    )


@pytest.mark.slow
def test_own_code_of_the_api_page_runs(tmp_path: Path):
    text = (ROOT / "docs" / "api.md").read_text()
    own = text.partition("## Your own net")[2]
    found = re.search(r"```bash\n(.*?)\n```\n", own, re.DOTALL)
    assert found is not None
    done = run_in_bash(found[1], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len((tmp_path / "own.csv").read_text().splitlines()) == 443


def test_pages_begin_with_a_command():
    for page in PAGES:
        assert first_command(page)
