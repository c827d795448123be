"""Checkpoints: exact bits back, damage noticed, and a usable newest step however a save ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.heads import readable_names
from train.config.options import Optim
from train.core.optim import make_optimizer
from train.core.state import State, init_state
from train.core.weights import Weights
from train.errors import StorageError, UserError
from train.run import checkpoint, digests
from train.run.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
ODD_COLUMNS = ("a/b", "", "x y", "größe", "..", "a.b", "kernel")


@cache
def make_state(name: str = "adamw", width: int = 3, layer: str = "layer_0") -> State:
    """A state with everything in it that a run may have."""
    random = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    params = {"body": {layer: {"kernel": draw(2, width), "bias": draw(width)}}}
    params["output"] = {head: {"kernel": draw(width, 1)} for head in readable_names(ODD_COLUMNS)}
    stats = {"body": {"norm_0": {"mean": draw(width), "var": draw(width)}}}
    momentum = 0.5 if name == "rmsprop" else 0.0
    optim = Optim(name, momentum=momentum, weight_decay=0.1, clip_norm=1.0, rates={"bias": 0.1})
    return init_state(Weights(params, stats), make_optimizer(optim, 10), average=True)


def at(step: int, **options: Any) -> State:
    """That state at a step, every number another one than at the next."""
    state = jax.tree.map(
        lambda leaf: leaf + step if leaf.dtype == jnp.float32 else leaf, make_state(**options)
    )
    return state.replace(step=jnp.int32(step))


def model_of(state: State) -> dict[str, Any]:
    targets = {name: {"rate": jnp.full(2, i)} for i, name in enumerate(ODD_COLUMNS)}
    statistics = {"inputs": {"fill": jnp.arange(3.0)}, "targets": targets}
    weights = state.best.weights
    return {"params": weights.params, "batch_stats": weights.batch_stats, "statistics": statistics}


def save(folder: Path, *steps: int, keep: int = 2) -> None:
    checkpoints = Checkpoints(folder, keep)
    for step in steps:
        checkpoints.save(step, at(step), model_of(at(step)))
    checkpoints.close()


def files_of(folder: Path, step: int) -> list[Path]:
    return sorted(
        path for path in (folder / "checkpoints" / str(step)).rglob("*") if path.is_file()
    )


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def assert_same_bits(ours: Any, wanted: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with steps 20 and 30, to be copied and not changed."""
    folder = tmp_path_factory.mktemp("saved")
    save(folder, 10, 20, 30)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    shutil.copytree(saved, tmp_path / "run")
    return tmp_path / "run"


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
    with pytest.raises(UserError, match=r"checkpoint 30 in .* is of another network or optimizer"):
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


def test_every_listed_step_has_its_digest_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run killed between its first two saves would have no checkpoint to its name."""
    seen = []
    write = checkpoint.write_digests

    def watch(path: Path, value: Any) -> None:
        seen.append((path.name, (tmp_path / "checkpoints" / "5").exists()))
        write(path, value)

    monkeypatch.setattr(checkpoint, "write_digests", watch)
    save(tmp_path, 5)
    assert seen == [("digest-5.json", False)]


def no_space(*arguments: Any, **options: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["digest", "orbax"])
def test_a_full_disk_leaves_the_older_steps_and_is_told_at_close(
    copied: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    checkpoints = Checkpoints(copied)
    if where == "digest":
        monkeypatch.setattr(digests.os, "fsync", no_space)
    else:
        monkeypatch.setattr(checkpoints._manager, "save", no_space)
    checkpoints.save(40, at(40), model_of(at(40)))
    with pytest.raises(
        StorageError, match=r"the checkpoint of step 40 could not be written: .*No space left"
    ):
        checkpoints.close()
    monkeypatch.undo()
    reader = Checkpoints(copied)
    assert reader.steps() == [30, 20]
    assert_same_bits(reader.restore_state(30, make_state()), at(30))
    reader.close()
    names = sorted(path.name for path in (copied / "checkpoints").iterdir())
    # Nothing half written takes up the room.
    assert names == ["20", "30", "digest-20.json", "digest-30.json"]


def test_a_later_save_that_succeeds_settles_an_earlier_failure(
    copied: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(copied)
    with monkeypatch.context() as patch:
        patch.setattr(digests.os, "fsync", no_space)
        checkpoints.save(40, at(40), model_of(at(40)))
        checkpoints._finish()
    checkpoints.save(50, at(50), model_of(at(50)))
    checkpoints.close()
    assert Checkpoints(copied, read_only=True).steps() == [50, 30]
    assert "Traceback" not in caplog.text and "step 40 could not be written" in caplog.text


SAVE = """
    import resource, sys, time, pathlib
    from tests.run.test_checkpoint import at, model_of, make_state
    from train.run.checkpoint import Checkpoints
    from train.errors import StorageError
    checkpoints = Checkpoints(pathlib.Path(sys.argv[1]))
    make_state()
"""


# What tensorstore's threads say of a write that failed goes past Python's logging.
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}


def python(code: str, *arguments: object, **pipes: Any) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(SAVE) + textwrap.dedent(code),
        *map(str, arguments),
    ]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, env=os.environ | {"PYTHONPATH": "."}, **(PIPES | pipes)
    )


FILES_OF_4_KB = """
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    kernel = at(40).weights.params["body"]["layer_0"]["kernel"]
    checkpoints.save(40, at(40).replace(average={"kernel": kernel.repeat(10000)}), model_of(at(40)))
    try:
        checkpoints.close()
    except StorageError as error:
        print(error)
"""


def test_a_file_system_that_refuses_to_write_leaves_the_older_steps(copied: Path) -> None:
    """The limit is this process' own, so the failure comes from the system itself, inside orbax."""
    with python(FILES_OF_4_KB, copied, stderr=subprocess.PIPE) as process:
        output, errors = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in errors and "could not be written" in errors
    assert re.fullmatch(
        "the checkpoint of step 40 could not be written: .*File too large.*\n", output
    )
    reader = Checkpoints(copied)
    assert reader.steps() == [30, 20]
    assert_same_bits(reader.restore_state(30, make_state()), at(30))
    reader.close()


SAVE_FOR_EVER = """
    for step in range(1, 10000):
        checkpoints.save(step, at(step), model_of(at(step)))
        print(step, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_newest_step(tmp_path: Path) -> None:
    """At moments of a save, of the deletion of an older step, or between them."""
    delays = np.random.default_rng(0).uniform(0, 0.15, 6)
    for delay in delays:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        with python(SAVE_FOR_EVER, tmp_path / "run") as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < 4:
                pass
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            started = [int(line) for line in process.stdout.read().splitlines()]
        last = max([4, *started])
        checkpoints = Checkpoints(tmp_path / "run")
        steps = checkpoints.steps()
        assert steps[0] in (last - 1, last, last + 1)  # save(n) returns when n - 1 is whole
        for step in steps:
            assert_same_bits(checkpoints.restore_state(step, make_state()), at(step))
            assert_same_bits(checkpoints.restore_model(step), model_of(at(step)))
        checkpoints.save(steps[0] + 1, at(steps[0] + 1), model_of(at(steps[0] + 1)))
        checkpoints.close()
        assert checkpoints.steps()[0] == steps[0] + 1


def test_a_kill_after_the_very_first_save_leaves_that_step(tmp_path: Path) -> None:
    code = (
        "checkpoints.save(1, at(1), model_of(at(1))); print('saving', flush=True); time.sleep(60)"
    )
    with python(code, tmp_path) as process:
        assert process.stdout is not None and process.stdout.readline() == "saving\n"
        for _ in range(200):
            if (tmp_path / "checkpoints" / "1").exists():
                break
            time.sleep(0.05)
        process.kill()
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.steps() == [1]
    assert_same_bits(checkpoints.restore_state(1, make_state()), at(1))
    checkpoints.close()
