"""Which steps may be deleted, which must be there, and what a folder from elsewhere cannot do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from train.errors import UserError
from train.run.digests import FORMAT, file_digests, find_damage, write_digests, write_sealed
from train.run.manifest import read_manifest
from train.run.saved_steps import SavedSteps, set_lost_aside


def make_step(run: Path, step: int) -> Path:
    """A step of two items with a file each, and its digests."""
    folder = run / "checkpoints" / str(step)
    for item in ("state", "model"):
        (folder / item).mkdir(parents=True)
        (folder / item / "numbers").write_text(f"{item} {step}")
    write_digests(run / "checkpoints" / f"digest-{step}.json", file_digests(folder))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with the steps 10, 20 and 30, of which the manifest lists the last two."""
    run = tmp_path / "run"
    for step in (10, 20, 30):
        make_step(run, step)
    SavedSteps(run, "").keep_newest(2)
    return run


def test_older_steps_of_ours_are_deleted_and_nothing_else(run: Path) -> None:
    saved = SavedSteps(run, "")
    (run / "checkpoints" / "5").mkdir()
    (run / "checkpoints" / "5" / "letter.txt").write_text("mine")
    make_step(run, 40)
    saved.keep_newest(2)
    assert saved.steps() == [40, 30]
    assert (run / "checkpoints" / "5" / "letter.txt").read_text() == "mine"
    manifest = read_manifest(run)
    assert manifest is not None and manifest.steps == {"checkpoints": [30, 40]}
    assert not (run / "checkpoints" / "trash").exists()


def test_what_bars_a_step_is_moved_and_not_deleted(run: Path) -> None:
    (run / "checkpoints" / "35").mkdir()
    (run / "checkpoints" / "35" / "letter.txt").write_text("mine")
    assert SavedSteps(run, "").make_room(35)
    assert (run / "checkpoints" / "aside-35" / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_a_newest_step_that_is_gone_is_said(
    run: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    (run / "checkpoints" / "30").rename(run / "elsewhere")
    if how == "emptied":
        (run / "checkpoints" / "30").mkdir()
    assert SavedSteps(run, "").steps() == [20]
    assert "checkpoint 30 is passed over: its files are gone" in caplog.text


def test_a_run_whose_steps_are_gone_does_not_begin_anew_unless_told(run: Path) -> None:
    saved = SavedSteps(run, "")
    for step in (20, 30):
        (run / "checkpoints" / str(step)).rename(run / f"elsewhere-{step}")
    with pytest.raises(UserError, match=r"every checkpoint in .* is gone; .* --restart"):
        saved.steps()
    set_lost_aside(run)
    assert saved.steps() == []


def test_to_begin_anew_leaves_whole_steps_and_keeps_damaged_ones(run: Path) -> None:
    (run / "checkpoints" / "30" / "state" / "numbers").write_text("spoilt!!")
    set_lost_aside(run)
    assert SavedSteps(run, "").steps() == [20]
    (run / "checkpoints" / "20" / "state" / "numbers").write_text("spoilt!!")
    set_lost_aside(run)
    assert SavedSteps(run, "").steps() == []
    assert (run / "checkpoints" / "aside-30" / "model" / "numbers").read_text() == "model 30"


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "5",
        "null",
        '"x"',
        "[" * 100_000,
        "{" * 3,
        '{"state/numbers": 5, "model/numbers": 5}',
        '{"state/numbers": "xyz"}',
        '{"format": 1}',
        '{"format": 1, "files": {}, "sha256": 7}',
        '{"format": 99, "files": {}}',
        '{"a": NaN}',
    ],
)
def test_digests_that_prove_nothing_prove_nothing(run: Path, content: str) -> None:
    """Nor do they end in a traceback."""
    (run / "checkpoints" / "digest-30.json").write_text(content)
    assert SavedSteps(run, "").steps() == [20]
    (run / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json is .*or delete it") as caught:
        read_manifest(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", [{}, {"state/numbers": [1, "0" * 64]}, [], {"state/x": []}, None])
def test_sealed_digests_of_other_content_prove_nothing(run: Path, files: object) -> None:
    write_sealed(run / "checkpoints" / "digest-30.json", {"files": files})
    assert SavedSteps(run, "").steps() == [20]


@pytest.mark.parametrize("steps", [[], {"checkpoints": 5}, {"checkpoints": ["30"]}, None])
def test_a_manifest_of_other_content_is_refused(run: Path, steps: object) -> None:
    write_sealed(run / "manifest.json", {"files": {}, "steps": steps})
    with pytest.raises(UserError, match="its steps are no lists of numbers"):
        read_manifest(run)


def test_a_flipped_bit_anywhere_in_the_digests_is_noticed(run: Path) -> None:
    for name in ("manifest.json", "checkpoints/digest-30.json"):
        content = (run / name).read_bytes()
        for place in range(0, len(content), 7):
            flipped = bytearray(content)
            flipped[place] ^= 1
            (run / name).write_bytes(flipped)
            try:
                manifest = read_manifest(run)
                is_whole = manifest is not None and SavedSteps(run, "").steps() == [30, 20]
            except UserError:
                continue
            # A space for another blank says the same.
            assert not is_whole or json.loads(flipped) == json.loads(content)
        (run / name).write_bytes(content)


@pytest.mark.parametrize("odd", ["link", "pipe", "giant", "more", "folder"])
def test_what_is_no_file_of_ours_is_refused_before_it_is_read(run: Path, odd: str) -> None:
    folder = run / "checkpoints" / "30"
    path = folder / "state" / "numbers"
    content = path.read_bytes()
    if odd == "more":
        path = path.with_name("more")
    else:
        path.unlink()
    match odd:
        case "link":
            (run / "copy").write_bytes(content)
            path.symlink_to(run / "copy")
        case "pipe":
            os.mkfifo(path)
        case "giant":
            path.touch()
            os.truncate(path, 2**42)
        case "more":
            path.write_bytes(content)
        case "folder":
            path.mkdir()
    assert "numbers" in str(find_damage(folder, run / "checkpoints" / "digest-30.json")) or (
        odd == "more"
    )
    assert SavedSteps(run, "").steps() == [20]


def test_digests_of_an_older_version_are_read(run: Path) -> None:
    """They gave no sizes."""
    folder = run / "checkpoints" / "30"
    plain = {name: entry.sha256 for name, entry in file_digests(folder).items()}
    (run / "checkpoints" / "digest-30.json").write_text(json.dumps(plain))
    assert SavedSteps(run, "").steps() == [30, 20]
    assert FORMAT == 1


def test_digests_of_no_file_show_nothing(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    write_digests(tmp_path / "digest-5.json", {})
    damage = find_damage(tmp_path / "5", tmp_path / "digest-5.json")
    assert damage == "digest-5.json is not whole: it names no files of a state and a model"
