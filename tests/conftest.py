"""What all tests run under: set in the environment, so that it holds in subprocesses too."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Broadcasting [n] against [n, 1] to [n, n] is the classic silent bug of a loss: ranks must agree.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# Several workers share the cores: threads of a product that wait for each other burn more than the
# product takes, up to twentyfold where a search by L-BFGS asks for thousands of small ones.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
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

# Of the slow suite, whose tests of a file share what they compile, these files' do not, or take
# too long for one worker.
APART = (
    "tests/accelerator/test_whole_runs.py",
    "tests/estimators/test_in_sklearn.py",
    "tests/parallel/test_hosts.py",
    "tests/whole_runs/test_config_scores.py",
    "tests/whole_runs/test_configs.py",
    "tests/whole_runs/test_course.py",
)
# Begun first, so that no worker is left with one of them when the other is done.
LONGEST = (
    "tests/parallel/test_devices.py",
    "tests/parallel/test_device_scores.py",
    "tests/report/test_browser.py",
    "tests/estimators/test_in_sklearn.py",
    "tests/chaos/test_chaos.py",
    "tests/population/test_population.py",
    "tests/test_docs.py",
    "tests/whole_runs/test_noisy_tables.py",
    "tests/portable/test_kinds_of_nets.py",
    "tests/data/test_reading_fuzz.py",
    "tests/test_search.py",
    "tests/run/test_stream_runs.py",
    "tests/test_accelerator_bench.py",
    "tests/whole_runs/test_clusters.py",
    "tests/whole_runs/test_sequences.py",
    "tests/whole_runs/test_augmentation.py",
    "tests/population/test_cluster_population.py",
    "tests/population/test_memory.py",
)
# Slow tests of what a run reads, writes and says, of what it learns (scores that configs and pages
# tell of too), of formulas, within a tolerance, as their fast ones are, and of kernels that are not
# XLA's: not of the program's bits. They are marked `plain`.
PLAIN = (
    "tests/accelerator/test_whole_runs.py",
    "tests/chaos/",
    "tests/core/test_augment.py",
    "tests/core/test_augment_sequences.py",
    "tests/core/test_batch_parts.py",
    "tests/core/test_step.py",
    "tests/core/test_windows.py",
    "tests/data/",
    "tests/estimators/",
    "tests/evaluation/",
    "tests/inference/test_mc_dropout.py",
    "tests/inference/test_processes.py",
    "tests/nets/test_competitive.py",
    "tests/nets/test_forecast.py",
    "tests/nets/test_gpu_cudnn.py",
    "tests/nets/test_gpu_lstm.py",
    "tests/nets/test_inputs.py",
    "tests/nets/test_kernel_driver.py",
    "tests/nets/test_lstm.py",
    "tests/nets/test_lstm_reference.py",
    "tests/nets/test_native.py",
    "tests/nets/test_native_dense.py::test_all_sizes",
    "tests/nets/test_native_dense.py::test_second",
    "tests/nets/test_native_embeddings.py::test_all_sizes",
    "tests/nets/test_native_programs.py",
    "tests/nets/test_native_tables.py::test_all_sizes",
    "tests/nets/test_recurrence.py::test_derivatives",
    "tests/nets/test_recurrence.py::test_forward",
    "tests/nets/test_recurrent.py",
    "tests/nets/test_sequence.py",
    "tests/parallel/test_device_scores.py",
    "tests/parallel/test_hosts.py::test_a_process_that_does_not_come",
    "tests/parallel/test_hosts.py::test_a_signal_to_one",
    "tests/parallel/test_hosts.py::test_two_of_one_number",
    "tests/parallel/test_hosts.py::test_two_processes_score_as_one[members]",
    "tests/parallel/test_hosts.py::test_two_processes_share",
    "tests/parallel/test_hosts.py::test_what_process_0",
    "tests/population/test_cluster_population.py",
    "tests/population/test_halving.py",
    "tests/population/test_memory.py::test_a_run_in_chunks",
    "tests/population/test_memory.py::test_parts_come",
    "tests/population/test_population.py::test_a_member_has_the_scores",
    "tests/population/test_population.py::test_a_member_that_diverges",
    "tests/population/test_population.py::test_a_population_resumes",
    "tests/population/test_population.py::test_groups_of_other_shapes",
    "tests/population/test_population.py::test_members_may_differ",
    "tests/population/test_population.py::test_settings_are_ranked",
    "tests/population/test_population.py::test_the_program_shrinks",
    "tests/portable/",
    "tests/report/",
    "tests/results/",
    "tests/run/test_broken_saves.py",
    "tests/run/test_line.py",
    "tests/run/test_lock.py",
    "tests/run/test_seeds.py",
    "tests/run/test_sequence_streams.py::test_a_stream_stopped",
    "tests/run/test_sequence_streams.py::test_files_are_answered",
    "tests/run/test_sequence_streams.py::test_memory",
    "tests/run/test_sequence_streams.py::test_updates",
    "tests/run/test_series_in_parts.py",
    "tests/run/test_series_parts_memory.py",
    "tests/run/test_series_streams.py",
    "tests/run/test_shortcut.py",
    "tests/run/test_stream_runs.py",
    "tests/test_accelerator_bench.py",
    "tests/test_bad_input.py",
    "tests/test_docs.py",
    "tests/test_loop.py",
    "tests/test_old_runs.py",
    "tests/test_predict.py",
    "tests/test_search.py",
    "tests/test_serving.py",
    "tests/test_shared_search.py",
    "tests/whole_runs/test_augmentation.py",
    "tests/whole_runs/test_backtests.py",
    "tests/whole_runs/test_clusters.py",
    "tests/whole_runs/test_codes.py",
    "tests/whole_runs/test_config_scores.py",
    "tests/whole_runs/test_configs.py::test_a_config_trains",
    "tests/whole_runs/test_course.py",
    "tests/whole_runs/test_densities.py",
    "tests/whole_runs/test_forecasts.py",
    "tests/whole_runs/test_group_scales.py",
    "tests/whole_runs/test_intervals.py",
    "tests/whole_runs/test_linear_fallback.py",
    "tests/whole_runs/test_many_scales.py",
    "tests/whole_runs/test_net_members.py",
    "tests/whole_runs/test_own_code.py",
    "tests/whole_runs/test_perceptron.py",
    "tests/whole_runs/test_sequence_weights.py",
    "tests/whole_runs/test_sequences.py",
    "tests/whole_runs/test_truncated.py::test_populations",
    "tests/whole_runs/test_weights.py",
)
# Tests that train for longer than they compile are not: without emitters of fused loops nets of a
# table train more slowly, and compile no sooner if LLVM optimises them. Of PLAIN these:
TRAINING = (
    "tests/whole_runs/test_config_scores.py::test_a_config_gives_the_scores_it_states[autoencoder]",
    "tests/whole_runs/test_config_scores.py::test_a_config_gives_the_scores_it_states[digits",
)
# What XLA is told, by which tests are chosen. In one piece a program is compiled on one core, with
# less work; without emitters of fused loops it takes half of the time, and is another one.
QUICK_FLAGS = {
    "not slow": {
        "--xla_backend_optimization_level": "0",
        "--xla_cpu_use_fusion_emitters": "false",
        "--xla_cpu_parallel_codegen_split_count": "1",
    },
    "slow and plain": {
        "--xla_cpu_use_fusion_emitters": "false",
        "--xla_cpu_parallel_codegen_split_count": "1",
    },
    "slow and not plain": {"--xla_cpu_parallel_codegen_split_count": "1"},
}
# A word that a file bears if it has a test of the kind asked for.
MARKED_BY = {
    "smoke": "smoke",
    "slow": "slow",
    "slow and plain": "slow",
    "slow and not plain": "slow",
}
# Whole runs with trees beside their scores, as users have them, and tests of those.
WITH_TREES = ("test_baselines", "test_configs", "test_trees")

# A first example may compile for seconds: no deadline.
settings.register_profile("denseq", deadline=None, max_examples=50)
settings.load_profile("denseq")


class Programs:
    """The folder of a worker's compiled programs, and that where all workers leave theirs.

    Each has one of its own, for jax may read what another process is still writing.
    """

    def __init__(self, own: Path, common: Path):
        self._ways = ((own, common), (common, own))
        self._changed = {own: 0, common: 0}
        self._known: set[str] = set()

    def exchange(self) -> None:
        """Between tests, when files are whole: leaves what is new, takes what others have left."""
        for here, there in self._ways:
            changed = here.stat().st_mtime_ns
            if changed == self._changed[here]:
                continue
            self._changed[here] = changed
            for name in set(os.listdir(here)) - self._known:
                with suppress(FileExistsError):
                    os.link(here / name, there / name)
                self._known.add(name)


def keep_compiled_programs() -> Programs:
    """Has this process, and those that its tests start, keep compiled programs in one folder.

    A run and the same run resumed compile one program. The folder is gone at the process' end.
    """
    folder = tempfile.mkdtemp(prefix="denseq-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    common = os.environ["JAX_COMPILATION_CACHE_DIR"] if is_worker else folder
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    # Else XLA is told a place in the folder, and a program in another folder is another one.
    os.environ["JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES"] = "none"
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    # Reading a kept program back, XLA reports LLVM's tuning hints as features not of this machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return Programs(Path(folder), Path(common))


def compile_quickly(config: pytest.Config) -> None:
    """Has XLA take less time to compile, most of what the fast suite takes, and half of `plain`.

    All other choices of tests, -m slow and -m smoke among them, compile as users' programs are.
    """
    wanted = QUICK_FLAGS.get(config.option.markexpr, {})
    if config.option.markexpr == "slow and plain":  # In processes that tests start too.
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    known = metadata.version("jaxlib").startswith("0.10.")
    for name, value in wanted.items():
        flags = os.environ.get("XLA_FLAGS", "")
        # XLA ends a process that names a flag which its version lacks.
        if name not in flags and (known or not name.startswith("--xla_cpu")):
            os.environ["XLA_FLAGS"] = f"{flags} {name}={value}".strip()


PROGRAMS = keep_compiled_programs()
# Compiled programs are many objects that live to the end: they need no looking through each time.
gc.set_threshold(100_000, 20, 20)


def pytest_configure(config: pytest.Config) -> None:
    """Before the first test module imports jax."""
    compile_quickly(config)
    if is_slow_suite(config):
        # Files come in the order of `pytest_collection_modifyitems`, not of their tests' number.
        config.option.loadscopereorder = False


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Passes over the files that have no test of the kind asked for: to import all takes long.

    A test bears its mark by name, or by `slow` of marks.py. A file that is named is looked into.
    """
    word = MARKED_BY.get(config.option.markexpr, "")
    named = [config.invocation_params.dir / name.partition("::")[0] for name in config.args]
    if collection_path.suffix != ".py" or collection_path in named:
        return None
    return True if word not in collection_path.read_text() else None


def is_slow_suite(config: pytest.Config) -> bool:
    """Whether it is the slow tests that were asked for, or the plain ones or others of them."""
    return config.option.markexpr.startswith("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks those of PLAIN, but for those of TRAINING.

    The longest files of the slow suite begin, and those whose tests go apart end.
    """
    for item in items:
        if item.nodeid.startswith(PLAIN) and not item.nodeid.startswith(TRAINING):
            item.add_marker(pytest.mark.plain)
    if is_slow_suite(config):
        items.sort(key=lambda item: _place(item.nodeid.partition("::")[0]))


def _place(file: str) -> int:
    """Where the tests of a file come: the lower, the earlier."""
    if file in LONGEST:
        return LONGEST.index(file)
    return len(LONGEST) + (file in APART)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves out what takes long and few tests look at: trees beside the scores of a table."""
    import runs

    PROGRAMS.exchange()
    runs.grow_trees(item.path.stem in WITH_TREES)


class Scheduler(LoadScopeScheduling):
    """Gives a worker all cases of one test after the other, or all tests of a file in ONE_RUN.

    Of the slow suite it gives all tests of a file that is not in APART, and of others single cases.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        if is_slow_suite(self.config):
            return nodeid if file in APART else file
        return file if file in ONE_RUN else nodeid.partition("[")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    """Who does which test, where several workers do them."""
    return Scheduler(config, log)
