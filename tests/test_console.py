"""The command `denseq`: which commands there are, shipped configs by name, and no other `train`."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from train import config, console
from train.errors import UserError

ROOT = Path(__file__).parents[1]


def test_every_command_is_named_once_and_has_a_line(capsys):
    mains = {
        path.stem for path in (ROOT / "train").glob("*.py") if "errors.run(" in path.read_text()
    }
    assert {module.removeprefix("train.") for module in console.COMMANDS.values()} == mains
    assert console.main(["--help"]) == 0
    said = capsys.readouterr().out
    for name in console.COMMANDS:
        assert f"\n  {name} " in said


def test_a_command_is_called_with_what_follows_it():
    with pytest.raises(UserError, match="--workdir: not given"):
        console.main(["check"])
    with pytest.raises(UserError, match="'predcit': no such command; did you mean predict"):
        console.main(["predcit", "--workdir=a"])


def test_the_version_is_that_of_the_project(capsys):
    assert console.main(["--version"]) == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out.startswith((f"denseq {project['version']} from", "denseq, not"))
    assert project["scripts"] == {"denseq": "denseq:main"}
    assert f"version: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_shipped_configs_are_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "diabetes").mkdir()  # a folder is no config
    named = config.load("diabetes", {"seed": "3"})
    assert named == config.load(ROOT / "configs" / "diabetes.py", {"seed": "3"})
    assert config.load("course/xor").name == "xor"
    with pytest.raises(UserError, match=r"named diabetez; did you mean diabetes\?"):
        config.load("diabetez")
    with pytest.raises(UserError, match="no such Python file; --config=diabetes is one"):
        config.load("configs/diabetes.py")


def test_a_users_train_and_nets_are_not_taken_for_ours(tmp_path):
    (tmp_path / "nets").mkdir()
    for name in ("train.py", "nets/__init__.py"):
        (tmp_path / name).write_text("raise SystemExit('not ours')\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "denseq", "train", "--config=diabetes", "--config.net.hidden=x"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("denseq: error: config.net.hidden: expected integers")
