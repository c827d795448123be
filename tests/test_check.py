"""`train.check`: what is said of a folder, file by file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_old_runs import unpack

from train import check, predict
from train.errors import UserError
from train.run.manifest import record_files


def test_a_folder_is_looked_at_file_by_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = unpack("sentences", tmp_path)
    argv = [f"--workdir={run}"]
    before = sorted(os.walk(run))
    assert check.main(argv) == 0
    told = capsys.readouterr().out
    assert "manifest.json: none" in told and "config.json: there, with no digest" in told
    assert "whole, and restores" in told and "the net: loads" in told
    assert sorted(os.walk(run)) == before
    step = next(int(path.name) for path in (run / "checkpoints").glob("[0-9]*"))
    record_files(run, ["config.json", "encoder.json", "result.json"], {"checkpoints": [step, 999]})
    result = run / "result.json"
    content = result.read_text()
    result.write_text(content.replace("1", "2", 1))
    assert check.main(argv) == 2
    told = capsys.readouterr().out
    assert "BAD result.json: result.json is not the file that was written" in told
    assert "BAD checkpoints/999: its files are gone" in told
    assert "ok  config.json: whole" in told and "2 of them are not well" in told
    encoder = run / "encoder.json"
    encoder.write_text(encoder.read_text().replace("1", "2", 1))
    with pytest.raises(UserError, match=r"encoder\.json is not the file that was written"):
        predict.load(run)
    (run / "checkpoints").rename(tmp_path / "elsewhere")
    (run / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"):
        check.main(argv)


def test_a_check_of_no_folder_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        check.main([f"--workdir={tmp_path / 'none'}"])
