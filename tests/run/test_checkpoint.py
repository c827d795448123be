"""Checkpoints: exact bits back, and damage noticed."""

from __future__ import annotations

import contextlib
import gc
import re
import shutil
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from saved_states import (
    assert_same_bits,
    at,
    files_of,
    flip_a_bit,
    make_state,
    model_of,
    save,
)

from train.errors import StorageError, UserError
from train.run import checkpoint
from train.run.checkpoint import Checkpoints


@pytest.mark.parametrize("name", ["rmsprop", "adamw", "sgd"])
def test_a_state_comes_back_in_its_very_bits(tmp_path: Path, name: str) -> None:
    state = at(7, name=name)
    odd = state.best.replace(value=jnp.float32(np.nan))
    state = state.replace(
        best=odd, stopped=jnp.array(True), plateau=state.plateau.replace(value=jnp.float32(-0.0))
    )
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(7, state, model_of(state))
    checkpoints.close()
    again = Checkpoints(tmp_path)
    assert_same_bits(again.restore_state(7, make_state(name)), state)
    again.close()


def test_a_model_comes_back_without_a_pattern_to_go_by(saved: Path) -> None:
    """Whatever the columns are called; nothing of the training code is needed."""
    reader = Checkpoints(saved, read_only=True)
    assert_same_bits(reader.restore_model(30), model_of(at(30)))
    assert_same_bits(reader.restore_model(20), model_of(at(20)))


def test_types_come_back_as_they_were(tmp_path: Path) -> None:
    model = {
        "bf16": jnp.arange(3, dtype=jnp.bfloat16),
        "int8": jnp.arange(3, dtype=jnp.int8),
        "bool": jnp.array([True, False]),
    }
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, at(1), model)
    checkpoints.close()
    assert_same_bits(Checkpoints(tmp_path, read_only=True).restore_model(1), model)


def test_the_newest_are_kept_and_listed_first(saved: Path, tmp_path: Path) -> None:
    assert Checkpoints(saved, read_only=True).steps() == [30, 20]
    names = sorted(path.name for path in (saved / "checkpoints").iterdir())
    assert names == ["20", "30", "digest-20.json", "digest-30.json"]
    save(tmp_path, 1, 2, 3, keep=1)
    assert Checkpoints(tmp_path, read_only=True).steps() == [3]


def test_a_folder_without_checkpoints_has_no_steps(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path, read_only=True).steps() == []
    assert not (tmp_path / "checkpoints").exists()
    fresh = Checkpoints(tmp_path)
    assert fresh.steps() == []
    fresh.close()


def test_arrays_are_copied_before_save_returns(tmp_path: Path) -> None:
    """Training is donated the state, and writes over it while the save is still under way."""
    state = jax.tree.map(lambda leaf: jnp.copy(leaf), at(1))
    big = state.replace(average={"kernel": jnp.arange(1e6)})
    wanted = jax.tree.map(lambda leaf: np.array(leaf, copy=True), big)

    def change(leaf: jax.Array) -> jax.Array:
        return ~leaf if leaf.dtype == bool else leaf + 1

    overwrite = jax.jit(partial(jax.tree.map, change), donate_argnums=0)
    like = jax.tree.map(jnp.copy, big)
    overwrite.lower(big).compile()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, big, model_of(at(1)))
    for _ in range(20):
        big = overwrite(big)
    checkpoints.close()
    reader = Checkpoints(tmp_path)
    assert_same_bits(reader.restore_state(1, like), wanted)
    reader.close()


def test_a_large_state_is_on_the_disk_and_let_go_when_save_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MAX_HELD_BYTES", 1 << 10)
    array = jnp.arange(1 << 16, dtype=jnp.float32)
    held = weakref.ref(array)
    with contextlib.closing(Checkpoints(tmp_path)) as checkpoints:
        checkpoints.save(1, {"a": array}, {"params": {"b": array + 1}})
        assert checkpoints.saved.numbers() == [1]
        del array
        gc.collect()
        assert held() is None


def test_counts_of_rows_that_were_whole_numbers_are_restored_as_weights(tmp_path: Path) -> None:
    counted = at(1).replace(sums={"rows": jnp.arange(3)})
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, counted, model_of(at(1)))
    checkpoints.close()
    reader = Checkpoints(tmp_path)
    wanted = counted.replace(sums={"rows": jnp.arange(3.0)})
    assert_same_bits(reader.restore_state(1, jax.tree.map(jnp.zeros_like, wanted)), wanted)
    with pytest.raises(UserError, match="of another network"):
        reader.restore_state(1, counted.replace(sums={"rows": jnp.zeros(3, bool)}))
    reader.close()


def test_a_flipped_bit_in_any_file_is_noticed_or_harmless(saved: Path, tmp_path: Path) -> None:
    names = [path.relative_to(saved) for path in files_of(saved, 30)]
    arrays = [name for name in names if "/d/" in str(name)]
    assert len(arrays) >= 4  # the files with the numbers, of both items
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        shutil.copytree(saved, folder)
        flip_a_bit(folder / name) if (folder / name).stat().st_size else None
        reader = Checkpoints(folder, read_only=True)
        steps = reader.steps()
        if steps[0] == 30:
            assert name not in arrays
            assert_same_bits(reader.restore_model(30), model_of(at(30)))
            assert_same_bits(reader.restore_state(30, make_state()), at(30))
        else:
            assert steps == [20]


@pytest.mark.parametrize(
    "damage", ["flip", "truncate", "delete", "digest flipped", "digest deleted"]
)
def test_the_step_before_a_damaged_one_is_used_and_the_reason_told(
    copied: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = max((p for p in files_of(copied, 30) if "/d/" in str(p)), key=lambda p: p.stat().st_size)
    if damage.startswith("digest"):
        path = copied / "checkpoints" / "digest-30.json"
    if damage.endswith(("delete", "deleted")):
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        flip_a_bit(path)
    checkpoints = Checkpoints(copied)
    assert checkpoints.steps() == [20]
    assert re.search(
        r"checkpoint 30 is passed over: \S+ is (not the file that was written|missing)", caplog.text
    )
    assert_same_bits(checkpoints.restore_state(20, make_state()), at(20))
    checkpoints.close()


def test_a_damaged_step_is_written_anew(copied: Path) -> None:
    """A run that fell back to step 20 comes to step 30 again."""
    flip_a_bit(
        max((p for p in files_of(copied, 30) if "/d/" in str(p)), key=lambda p: p.stat().st_size)
    )
    save(copied, 30)
    checkpoints = Checkpoints(copied)
    assert checkpoints.steps() == [30, 20]
    assert_same_bits(checkpoints.restore_state(30, make_state()), at(30))
    checkpoints.close()


def test_a_damaged_or_stray_step_does_not_outlive_good_ones_as_the_newest(copied: Path) -> None:
    flip_a_bit(
        max((p for p in files_of(copied, 30) if "/d/" in str(p)), key=lambda p: p.stat().st_size)
    )
    (copied / "checkpoints" / "99").mkdir()
    save(copied, 22, 24)
    assert Checkpoints(copied, read_only=True).steps() == [24, 22]
    assert not (copied / "checkpoints" / "99").exists()


def test_strays_are_passed_over(copied: Path) -> None:
    inside = copied / "checkpoints"
    (inside / "99").mkdir()
    (inside / "98").write_text("a file")
    (inside / "97.orbax-checkpoint-tmp").mkdir()
    (inside / "notes").mkdir()
    assert Checkpoints(copied, read_only=True).steps() == [30, 20]
    checkpoints = Checkpoints(copied)
    assert checkpoints.steps() == [30, 20]
    checkpoints.close()


def test_a_folder_of_strays_alone_is_a_folder_without_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "99").mkdir(parents=True)
    assert Checkpoints(tmp_path, read_only=True).steps() == []


def test_when_all_are_damaged_the_run_does_not_begin_anew(copied: Path) -> None:
    for step in (20, 30):
        flip_a_bit(next(p for p in files_of(copied, step) if "/d/" in str(p)))
    checkpoints = Checkpoints(copied)
    with pytest.raises(UserError, match=r"every checkpoint in .*checkpoints is damaged; .*"):
        checkpoints.steps()
    checkpoints.close()


@pytest.mark.parametrize(
    "other", [{"width": 4}, {"layer": "layer_1"}, {"name": "rmsprop"}, {"name": "sgd"}]
)
def test_the_state_of_another_network_or_optimizer_is_refused(
    saved: Path, other: dict[str, Any]
) -> None:
    reader = Checkpoints(saved, read_only=True)
    found = 'checkpoint 30 in .* is of another network or optimizer, or of what "auto" meant in an '
    with pytest.raises(UserError, match=found):
        reader.restore_state(30, make_state(**other))


def test_a_state_of_other_types_is_refused_and_not_cast(saved: Path) -> None:
    half = jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16) if leaf.dtype == jnp.float32 else leaf, make_state()
    )
    with pytest.raises(UserError, match="another network"):
        Checkpoints(saved, read_only=True).restore_state(30, half)


@pytest.mark.parametrize("call", ["metadata", "restore"])
def test_what_cannot_be_read_back_is_an_error_of_storage(
    saved: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Held where a disk fails between the check of the digests and the reading.

    Orbax itself would leave threads behind.
    """

    def fail(*arguments: Any) -> None:
        raise ValueError("DATA_LOSS: Error reading\n" + "spec\n" * 100)

    monkeypatch.setattr(checkpoint.ocp.StandardCheckpointer, call, fail)
    with pytest.raises(
        StorageError, match=r"checkpoint 30 in .* cannot be read: DATA_LOSS: Error reading$"
    ):
        Checkpoints(saved, read_only=True).restore_model(30)


def test_a_folder_that_cannot_be_made_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"--workdir: cannot write in .*file/checkpoints: .*name another folder"
    ):
        Checkpoints(tmp_path / "file")
