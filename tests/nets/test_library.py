"""Compiled kernels made and loaded: whatever fails, the scans answer and the reason can be read."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.kernels import compiling, library, probe
from nets.recurrence import lstm
from nets.recurrence_scan import Answer, LayerInputs

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that has not asked yet, with an empty cache of its own."""
    monkeypatch.setattr(library, "_found", None)
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    monkeypatch.delenv("DENSEQ_NATIVE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that counts its calls in a file CALLS and makes a library that is none."""
    return write_compiler(tmp_path, monkeypatch, f"echo nonsense > $out; echo >> {tmp_path}/CALLS")


def write_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    path = folder / "c++"
    path.write_text(f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nout=$2\n{body}\n')
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    return path


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.suffix for path in (tmp_path / "cache" / "denseq" / "kernels").iterdir())


def has_set() -> bool:
    try:
        return bool(compiling.instruction_set())
    except compiling.Unavailable:
        return False


needs_set = pytest.mark.skipif(
    not has_set(), reason="this machine has none of the kernel's instruction sets"
)


def assert_portable(reason: str, size: int) -> None:
    """Asserts that layers are computed by scans, and for that reason.

    The size must be new in this process, which remembers what it compiled.
    """
    assert library.core() == f"portable ({reason})" and not library.is_native()
    x_btf = jnp.ones((1, 2, 1))
    ones = jnp.ones((1, 1, 4 * size))
    run = jax.jit(
        lambda x_btf: lstm(x_btf, ones, jnp.zeros((1, size, 4 * size)), ones[0], reverse=(False,))[
            0
        ]
    )
    assert "denseq_" not in run.lower(x_btf).as_text()
    sigmoid = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(
        run(x_btf)[0, 0, 0], sigmoid * np.tanh(sigmoid * np.tanh(2)), atol=1e-6
    )


def test_it_is_off_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DENSEQ_NATIVE", "0")
    assert_portable("DENSEQ_NATIVE=0", 201)
    assert not (tmp_path / "cache").exists()


@needs_set
def test_without_a_compiler(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    reason = "no C++ compiler: install g++ or clang++, or name one in CXX"
    assert_portable(reason, 202)
    assert library.core() == library.core()
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [f"LSTM core: portable ({reason})"], "once, however often it is asked"


def test_another_device_asks_for_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert library.core() == "portable (for gpu)" and not library.is_native()
    assert not (tmp_path / "cache").exists()


def test_a_bug_here_is_a_reason_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(compiling, "instruction_set", fail)
    assert_portable("RuntimeError: Could not determine home directory.", 206)


@needs_set
def test_where_nothing_can_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiler: Path
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert library.core().startswith(f"portable (cannot make {tmp_path}/cache/denseq/kernels: ")

    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    (tmp_path / "cache").unlink()
    monkeypatch.setattr(library, "_found", None)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    assert_portable(f"cannot write in {tmp_path}/cache/denseq/kernels: Read-only file system", 203)


@needs_set
def test_a_folder_that_others_can_write_is_not_trusted(
    tmp_path: Path, compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache" / "denseq" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert_portable(f"{folder} can be written by others", 204)
    folder.chmod(0o700)
    parent = tmp_path / "cache"
    for mode, owner, wrong in ((0o775, 0, "can be written by others"), (0o755, 1, "belongs to an")):
        monkeypatch.setattr(library, "_found", None)
        parent.chmod(mode)
        if owner and os.getuid():
            continue  # only root may give folders away
        os.chown(parent, owner or os.getuid(), -1)
        assert library.core().startswith(f"portable ({parent}, in which {folder} is, {wrong}")
    assert not (tmp_path / "CALLS").exists()


@needs_set
def test_a_compiler_that_fails_is_quoted_and_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = (
        f'echo >> {tmp_path}/CALLS; echo "lstm.cc:1: error: no such thing" >&2; echo bye >&2; '
        f"exit 1"
    )
    write_compiler(tmp_path, monkeypatch, body)
    assert library.core() == "portable (compilation failed: lstm.cc:1: error: no such thing)"
    assert kept(tmp_path) == [".failed"]
    monkeypatch.setattr(library, "_found", None)
    failed = next((tmp_path / "cache" / "denseq" / "kernels").iterdir())
    assert library.core().endswith(f"no such thing; delete {failed} to try again)")
    assert (tmp_path / "CALLS").read_text() == "\n"
    # A day later it is: the disk may have been full. So it is where the clock was set back since.
    now = time.time()
    for seconds in (-3600, 25 * 3600):
        calls = (tmp_path / "CALLS").read_text()
        with monkeypatch.context() as patch:
            patch.setattr(library, "_found", None)
            patch.setattr(library.time, "time", lambda at=now + seconds: at)
            library.core()
        assert (tmp_path / "CALLS").read_text() == calls + "\n"


@needs_set
def test_a_library_that_fails_its_trial_is_not_loaded(tmp_path: Path, compiler: Path) -> None:
    assert library.core().startswith("portable (trial failed: ")
    assert kept(tmp_path) == [".failed"]
    assert_portable(library.core()[len("portable (") : -1], 205)


def test_numbers_that_are_wrong_fail_the_trial(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(library, "register", lambda path, content: None)

    def scanned(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
        # Not the recurrence, which compiles for seconds: any layer that both sides agree on.
        weights = layer.kernel_dfg.sum() + layer.recurrent_dhg.sum() + layer.bias_dg.sum()
        return layer.x_btf * weights, layer.h_dbh, layer.c_dbh

    monkeypatch.setattr(probe, "scanned_layer", scanned)
    monkeypatch.setattr(probe, "native_layer", scanned)
    monkeypatch.setattr(probe, "native_layers", probe.dense_layers)
    # A process in which no other test has loaded a library has none of its functions.
    monkeypatch.setattr(probe, "native_embedding", probe.embed_numbers)
    monkeypatch.setattr(probe, "difference_of_tables", lambda: 0.0)
    assert probe.main(__file__) == 0
    for factor, code in ((1.001, 1), (float("nan"), 1)):
        monkeypatch.setattr(
            probe,
            "native_layer",
            lambda *given, f=factor: tuple(f * part for part in scanned(*given)),
        )
        assert probe.main(__file__) == code
    assert "from the portable ones" in capsys.readouterr().err


@needs_set
def test_a_library_that_does_not_load_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "lstm.so"
    broken.write_text("nonsense")
    monkeypatch.setattr(library, "_library", lambda name: (broken, b"nonsense"))
    assert library.core().startswith(f"portable ({broken} cannot be loaded: ")
    assert not broken.exists()


@needs_set
def test_each_compiler_jaxlib_and_flag_has_a_library_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compiling, "run", lambda command, what: Path(command[-1]).touch())
    name = compiling.instruction_set()
    write_compiler(tmp_path, monkeypatch, "")
    paths = [library._library(name)[0]]
    assert library._library(name)[0] == paths[0]
    write_compiler(tmp_path, monkeypatch, "# another one")
    paths.append(library._library(name)[0])
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "0.99")
    paths.append(library._library(name)[0])
    monkeypatch.setattr(compiling, "FLAGS", (*compiling.FLAGS, "-DDEBUG"))
    paths.append(library._library(name)[0])
    sources = tmp_path / "sources"
    shutil.copytree(library.FOLDER, sources)
    (sources / "layer.h").write_text("// another one")
    monkeypatch.setattr(library, "FOLDER", sources)
    paths.append(library._library(name)[0])
    assert len(set(paths)) == 5


@needs_set
def test_a_ready_made_library_needs_no_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def find_none() -> str:
        raise compiling.Unavailable("no C++ compiler")

    works: list[bool] = []
    monkeypatch.setattr(library, "READY", tmp_path)
    monkeypatch.setattr(compiling, "find_compiler", find_none)
    ready = tmp_path / f"lstm-{compiling.instruction_set()}.so"
    ready.write_bytes(b"ready")

    def try_it(command: list[str], what: str) -> None:
        works.append(Path(command[-1]).read_bytes() == b"ready")
        if not works[-1]:
            raise compiling.Unavailable(f"{what} failed")

    monkeypatch.setattr(compiling, "run", try_it)
    path, content = library._library(compiling.instruction_set())
    assert content == b"ready" and path.parent == tmp_path / "cache" / "denseq" / "kernels"
    assert library._library(compiling.instruction_set()) == (path, content) and works == [True]
    # One that is not what was kept is made anew, whatever is wrong with it.
    whole = path.read_bytes()

    def spoil_each() -> Iterator[None]:
        for spoilt in (b"", whole[:-1], whole[:3], b"x" + whole[1:], b"ready", whole + b"\0"):
            path.write_bytes(spoilt)
            yield
        path.chmod(0o666)
        yield
        path.unlink()
        path.symlink_to(tmp_path / "elsewhere.so")
        (tmp_path / "elsewhere.so").write_bytes(whole)
        yield

    for number, _ in enumerate(spoil_each(), 2):
        assert library._library(compiling.instruction_set()) == (path, b"ready")
        assert path.read_bytes() == whole and not path.is_symlink()
        assert works == [True] * number
    assert kept(tmp_path) == [".so"]
    # One that fails its trial is passed over.
    ready.write_bytes(b"not for this machine")
    with pytest.raises(compiling.Unavailable, match=r"no C\+\+ compiler"):
        library._library(compiling.instruction_set())


@needs_set
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
def test_processes_that_make_it_at_once_all_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    _, content = library._library(compiling.instruction_set())  # the one this machine keeps
    ready = tmp_path / "ready.so"
    ready.write_bytes(content)
    # Each waits for the other, however late a busy machine starts it, so that both are at it.
    calls = tmp_path / "CALLS"
    both = f"i=0; until [ $(wc -l < {calls}) = 2 ] || [ $i = 600 ]; do sleep .1; i=$((i+1)); done"
    compiler = write_compiler(tmp_path, monkeypatch, f"echo >> {calls}; {both}; cp {ready} $out")
    settings = {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "CXX": str(compiler),
        "PYTHONPATH": str(ROOT),
    }
    environment = os.environ | settings
    # Their trials, which all other tests of the kernel have behind them, are left out.
    program = (
        "from nets.kernels import compiling, library as made\n"
        "run = compiling.run\n"
        "compiling.run = lambda command, what: what == 'trial' or run(command, what)\n"
        "print(made.core())"
    )
    command = [sys.executable, "-c", program]
    running = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in running:
        said, error = process.communicate(timeout=300)
        assert said == f"native {compiling.instruction_set()}\n", error
    assert calls.read_text() == "\n\n"
    assert kept(tmp_path) == [".so"]


def test_nothing_is_made_on_import() -> None:
    program = "import sys, nets; from nets.kernels import compiling, library; print(library._found)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "None\n"
