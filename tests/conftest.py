"""What all tests run under: set in the environment, so that it holds in subprocesses too."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Broadcasting [n] against [n, 1] to [n, n] is the classic silent bug of a loss: ranks must agree.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# Without it Keras looks for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")

# Their tests share a run that takes long: one worker does them all, so that it is done once.
ONE_RUN = (
    "tests/core/test_batch_parts.py",
    "tests/inference/test_mc_dropout.py",
    "tests/parallel/test_devices.py",
    "tests/population/test_halving.py",
    "tests/population/test_population.py",
    "tests/results/test_refit.py",
    "tests/run/test_stream_runs.py",
    "tests/test_loop.py",
    "tests/test_predict.py",
    "tests/test_search.py",
    "tests/whole_runs/test_codes.py",
    "tests/whole_runs/test_forecasts.py",
    "tests/whole_runs/test_intervals.py",
    "tests/whole_runs/test_sequences.py",
)

# A first example may compile for seconds: no deadline.
settings.register_profile("denseq", deadline=None, max_examples=50)
settings.load_profile("denseq")


def keep_compiled_programs() -> None:
    """Has this process, and those that its tests start, keep compiled programs in one folder.

    A run and the same run resumed compile one program. Each worker has a folder of its own, gone at
    its end: jax may read what another process is still writing.
    """
    folder = tempfile.mkdtemp(prefix="denseq-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    # Reading a kept program back, XLA reports LLVM's tuning hints as features not of this machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def compile_quickly(config: pytest.Config) -> None:
    """Has XLA optimise less in the fast suite, most of whose time it takes to compile.

    All other choices of tests, -m slow and -m smoke among them, compile as users' programs are.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if config.option.markexpr == "not slow" and "optimization_level" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_optimization_level=0".strip()


keep_compiled_programs()
# Compiled programs are many objects that live to the end: they need no looking through each time.
gc.set_threshold(100_000, 20, 20)


def pytest_configure(config: pytest.Config) -> None:
    """Before the first test module imports jax."""
    compile_quickly(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves out what takes long and few tests look at: trees beside the scores of a table.

    Slow tests, and those that call them, have them.
    """
    import runs

    runs.grow_trees(item.get_closest_marker("slow") is not None or item.path.stem == "test_trees")


class Scheduler(LoadScopeScheduling):
    """Gives a worker one test after the other, or all tests of a file in ONE_RUN."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file in ONE_RUN else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    """Who does which test, where several workers do them."""
    return Scheduler(config, log)
