"""What tests of checkpoints share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from saved_states import save


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with steps 20 and 30, to be copied and not changed."""
    folder = tmp_path_factory.mktemp("saved")
    save(folder, 10, 20, 30)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "run")
    return tmp_path / "run"
