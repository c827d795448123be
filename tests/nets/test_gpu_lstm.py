"""The GPU's LSTM kernel, emulated on this CPU, against the scans in float64.

The emulation runs the kernel's own text (nets/kernels/gpu), and refuses what a GPU would not
notice: races, and shared memory out of bounds.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from emulated_gpu import FOLDER, emulated
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import slow

from nets.kernels import compiling
from nets.kernels.gpu import library
from nets.kernels.gpu.lstm import gpu_layer
from nets.kernels.gpu.plan import ROWS, Asked, Card, Pass, Plan, plan
from nets.kernels.probe import TOLERANCE, difference
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer
from tests.nets.lstm_layers import assert_close, both, exact, gradient, make_layer, make_pulls
from tests.nets.test_kernel_driver import has_sanitizer

BOTH = (False, True)
SMALL = (5, 4, 3, 6)
RICH = Card("sm_90", 132, 232448, 65536)
# Few registers, so that most weights lie in shared memory; and one multiprocessor, which makes
# blocks of many rows.
POOR = Card("sm_90", 1, 232448, 8192)
MIDDLING = Card("sm_90", 132, 232448, 32768)  # of 66 units some weights lie here, some there
Sizes = tuple[int, int, int, int]


# Of the session: a process takes a handler of one name once, and workers come back to this file.
@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[library.Kernels, ctypes.CDLL]:
    try:
        return emulated(tmp_path_factory.mktemp("emulated"))
    except compiling.Unavailable as reason:
        if "compilation failed" in str(reason):
            raise
        pytest.skip(str(reason))


@pytest.fixture
def driver(made, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    """The stand-in, behind the process' kernels."""
    monkeypatch.setattr(library, "_found", made[0])
    yield made[1]
    made[1].emulated_order(0)


def check_against_the_scans(sizes: Sizes, reverse: tuple[bool, ...], options: str) -> None:
    layer = make_layer(sizes, reverse)
    pulls = make_pulls(sizes, reverse)
    if options == "no mask":
        layer = layer._replace(mask_dbh=jnp.ones_like(layer.h_dbh))
    if options == "no lengths":
        layer = layer._replace(lengths_b=jnp.full(sizes[0], sizes[1]))
    answer, gradients = exact(reverse, layer, pulls)
    if options == "no mask":
        layer = layer._replace(mask_dbh=None)
        gradients = gradients._replace(mask_dbh=None)
    if options == "no lengths":
        layer = layer._replace(lengths_b=None)
    ours, slopes = jax.jit(partial(both, gpu_layer, reverse))(layer, pulls)
    assert_close(ours, answer)
    n_gates = 4 * sizes[3] * len(reverse)
    assert_close(slopes.x_btf, gradients.x_btf, n_steps=sizes[1], n_rows=n_gates)
    others = [part._replace(x_btf=None) for part in (slopes, gradients)]
    assert_close(others[0], others[1], n_steps=sizes[1], n_rows=sizes[0])


@pytest.mark.parametrize(
    ("sizes", "reverse", "options", "card"),
    [
        ((5, 4, 3, 13), BOTH, "", POOR),
        *slow(
            ((1, 1, 1, 1), (False,), "no mask", RICH),
            ((9, 5, 4, 64), (True,), "no lengths", POOR),
            ((3, 3, 2, 66), BOTH, "no mask", MIDDLING),
        ),
    ],
)
def test_answers_and_gradients_equal_those_of_the_scans(
    driver, made, monkeypatch, sizes: Sizes, reverse: tuple[bool, ...], options: str, card: Card
) -> None:
    monkeypatch.setattr(library, "_found", replace(made[0], card=card, _keys={}))
    launch = plan("forward", Asked(1, len(reverse), sizes[0], sizes[3]), card)
    assert isinstance(launch, Plan) and (launch.rows > 1) == (card == POOR)
    before = driver.emulated_launches()
    check_against_the_scans(sizes, reverse, options)
    assert driver.emulated_launches() == before + 2


@pytest.mark.slow
@settings(max_examples=40)
@given(
    sizes=st.tuples(*(st.integers(1, most) for most in (20, 7, 5, 66))),
    reverse=st.sampled_from([(False,), (True,), BOTH, (True, False)]),
    options=st.sampled_from(["", "no mask", "no lengths"]),
    card=st.builds(
        Card,
        st.just("sm_90"),
        st.sampled_from([1, 132]),
        st.just(232448),
        st.sampled_from([8192, 16384, 32768, 40960, 65536]),
    ),
)
def test_all_sizes_give_the_answers_and_gradients_of_the_scans(
    made, sizes: Sizes, reverse: tuple[bool, ...], options: str, card: Card
) -> None:
    found = replace(made[0], card=card, _keys={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "_found", found)
        check_against_the_scans(sizes, reverse, options)


def launched(found: library.Kernels, which: Pass, launch: Plan, reverse: int, given: list) -> list:
    """What a pass gives of arrays of one member, launched as planned, in numpy."""
    carry = given[2] if which == "forward" else given[1]
    steps = (given[0] if which == "forward" else given[4]).shape[:-1]
    size = launch.hidden
    shapes = [(*steps, 4 * size), carry.shape, carry.shape]
    if which == "forward":
        shapes = [(*steps, size), carry.shape, carry.shape, (*steps, 4 * size), (*steps, size)]
    call = jax.ffi.ffi_call(
        library.TARGETS[which], [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    )
    results = call(
        *given,
        key=found.key(which, launch),
        block_rows=np.int64(launch.rows),
        threads=np.int64(launch.threads),
        shared_bytes=np.int64(launch.shared_bytes),
        reverse=np.int64(reverse),
    )
    return [np.asarray(result) for result in results]


def passes_of(size: int, n_rows: int) -> dict[Pass, list[np.ndarray]]:
    """What each pass is given: numbers about 1, of two members and directions and four steps."""
    random = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, np.float32)

    carries = [drawn(2, 2, n_rows, size) for _ in range(5)]
    lengths = np.arange(2 * n_rows, dtype=np.int32).reshape(2, n_rows) % 5
    steps = (2, n_rows, 4, 2)
    weights = drawn(2, 2, size, 4 * size)
    return {
        "forward": [drawn(*steps, 4 * size), weights, *carries[:2], lengths, carries[2]],
        "backward": [
            *(weights, carries[1], lengths, carries[2]),
            np.abs(drawn(*steps, 4 * size)) % 1,
            *(drawn(*steps, size) for _ in range(2)),
            *carries[3:],
        ],
    }


@pytest.mark.parametrize("card", [RICH, POOR], ids=["rich", "poor"])
@pytest.mark.parametrize("which", ["forward", "backward"])
def test_threads_in_any_order_give_the_same_bits_and_use_the_planned_memory(
    driver, made, which: Pass, card: Card
) -> None:
    size = 14  # of 8 slices, two are padded
    launch = plan(which, Asked(2, 2, 5, size), card)
    assert isinstance(launch, Plan)
    results = []
    for order in range(3):
        driver.emulated_order(order)
        results.append(launched(made[0], which, launch, 2, passes_of(size, 5)[which]))
        assert driver.emulated_touched() == launch.shared_bytes
    written = results[0][: 3 if which == "forward" else None]
    assert all(np.isfinite(array).all() for array in written)
    for others in results[1:]:
        # What lies beyond a row's length among the gates nobody writes, and nobody reads.
        for mine, other in zip(written, others, strict=False):
            assert mine.tobytes() == other.tobytes()


def test_a_launch_that_does_not_fit_its_kernel_is_refused(driver, made) -> None:
    launch = plan("forward", Asked(2, 2, 5, 9), made[0].card)
    assert isinstance(launch, Plan)
    given = passes_of(9, 5)["forward"]
    narrow = replace(launch, shared_bytes=launch.shared_bytes - 16)
    with pytest.raises(jax.errors.JaxRuntimeError, match="nothing is there at float"):
        launched(made[0], "forward", narrow, 0, given)
    small = replace(launch, slices=1)
    key = made[0].key("forward", launch)
    wrong = replace(made[0], _keys={("forward", library.constants_of(small)): key})
    with pytest.raises(jax.errors.JaxRuntimeError, match="cuLaunchKernel: invalid argument"):
        launched(wrong, "forward", small, 0, given)
    with pytest.raises(jax.errors.JaxRuntimeError, match="the shape of lengths does not fit"):
        launched(made[0], "forward", launch, 0, [*given[:4], given[4][:, :4], given[5]])
    unknown = replace(made[0], _keys={("forward", library.constants_of(launch)): "another"})
    with pytest.raises(jax.errors.JaxRuntimeError, match="no kernel is known by the key another"):
        launched(unknown, "forward", launch, 0, given)


@pytest.mark.slow
def test_a_kernel_without_barriers_is_noticed(tmp_path: Path) -> None:
    """The emulation can tell a race: what the other tests rest on."""
    source = tmp_path / "race.cc"
    source.write_text(RACE)
    program = tmp_path / "race"
    said = {}
    for name, flags in {"with": (), "without": ("-DDENSEQ_NO_BARRIERS",)}.items():
        command = [compiling.find_compiler(), "-std=c++17", "-O1", *flags, f"-I{FOLDER}"]
        command += [f"-I{library.FOLDER}", str(source), "-o", str(program)]
        subprocess.run(command, check=True)
        said[name] = subprocess.run([str(program)], capture_output=True, text=True).stdout
    assert said["with"] == ""
    assert said["without"].startswith("read while another thread writes at float ")


RACE = """
#include "emulation.h"
#ifdef DENSEQ_NO_BARRIERS
#undef BARRIER
#define BARRIER() static_cast<void>(0)
#endif
#include "lstm_forward.cu"
#include <cstdio>
int main() {
  auto& launch = denseq::launch;
  launch.hidden = 3, launch.rows = 2, launch.slices = 2, launch.kept = 1;
  launch.memory.resize(1000);
  std::vector<float> zeros(1000);
  std::vector<int> lengths{4, 2};
  float* all = zeros.data();
  denseq_lstm_forward({{2, 4, 1, 0}, all, all, all, all, lengths.data(), nullptr, all, all, all,
                       nullptr, nullptr});
  std::printf("%s", launch.fault.c_str());
}
"""


def members(n: int) -> LayerInputs:
    layers = [make_layer(SMALL, BOTH, seed) for seed in range(n)]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *layers)


def test_members_are_a_grid_of_one_launch(driver) -> None:
    """vmap of vmap, some arrays shared: two launches forward and backward, each row its own."""
    layers = jax.tree.map(lambda part: part.reshape(2, 2, *part.shape[1:]), members(4))
    layers = layers._replace(recurrent_dhg=layers.recurrent_dhg[0], mask_dbh=layers.mask_dbh[:, 0])
    inner = LayerInputs(0, 0, 0, 0, 0, 0, 0, None)  # type: ignore[arg-type]
    outer = LayerInputs(0, 0, None, 0, 0, 0, 0, 0)  # type: ignore[arg-type]

    def gradients(function) -> LayerInputs:
        one = partial(gradient, function)
        return jax.jit(jax.vmap(jax.vmap(one, (inner,)), (outer,)))(layers)

    before = driver.emulated_launches()
    ours = jax.block_until_ready(gradients(gpu_layer))
    assert driver.emulated_launches() == before + 2
    assert_close(ours, gradients(scanned_layer), 1e-5)


@pytest.mark.slow
def test_second_derivatives_and_bfloat16_follow_the_scans(driver) -> None:
    layer = make_layer(SMALL, BOTH)

    def slope(function, layer: LayerInputs) -> jax.Array:
        first = gradient(function, layer)._replace(lengths_b=None)
        return sum((jnp.square(part).sum() for part in jax.tree.leaves(first)), jnp.zeros(()))

    def second(function) -> LayerInputs:
        numbers = layer._replace(lengths_b=None)
        return jax.jit(jax.grad(lambda n: slope(function, n._replace(lengths_b=layer.lengths_b))))(
            numbers
        )

    assert_close(second(gpu_layer), second(scanned_layer), 1e-4)
    narrow = [array.astype(jnp.bfloat16) for array in layer[:3]]
    layer = LayerInputs._make((*narrow, *layer[3:]))
    pulls = make_pulls(SMALL, BOTH)
    ours, truth = (both(f, BOTH, layer, pulls) for f in (gpu_layer, scanned_layer))
    assert [a.dtype for a in jax.tree.leaves(ours)] == [a.dtype for a in jax.tree.leaves(truth)]
    wide = [jax.tree.map(lambda a: a.astype(jnp.float32), tree) for tree in (ours, truth)]
    assert_close(wide[0], wide[1], 0.02, n_steps=4, n_rows=5)


@pytest.mark.slow
def test_the_kernel_keeps_within_its_arrays(tmp_path: Path) -> None:
    """Launches on arrays of exactly their sizes, under the sanitizers (gpu_lstm_driver.cc)."""
    try:
        compiler = compiling.find_compiler()
    except compiling.Unavailable as reason:
        pytest.skip(str(reason))
    if not has_sanitizer(compiler, "address,undefined", tmp_path):
        pytest.skip(f"{compiler} has no sanitizers")
    program = tmp_path / "driver"
    source = Path(__file__).parent / "gpu_lstm_driver.cc"
    command = [compiler, "-std=c++17", "-O1", "-g1", "-fsanitize=address,undefined", "-Wall"]
    command += ["-Wextra", "-Werror", f"-I{library.FOLDER}", f"-I{FOLDER}"]
    subprocess.run([*command, str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.stdout == f"{len(ROWS) * 3} launches of each pass, 0 refused\n", done.stderr[-3000:]
    assert not done.stderr


@pytest.mark.slow
def test_the_library_that_users_get_is_built_without_cuda(made, tmp_path: Path) -> None:
    """XLA's stream in it, and the driver found at run time; it is loaded, not called."""
    path = tmp_path / "launcher.so"
    library.build(compiling.find_compiler(), path)
    driver = made[1]._name
    assert library.load(path.read_bytes(), POOR, "CUDA", driver).card == POOR
    with pytest.raises(compiling.Unavailable, match=r"absent\.so: .*cannot open shared object"):
        library.load(path.read_bytes(), POOR, "CUDA", str(tmp_path / "absent.so"))
    with pytest.raises(compiling.Unavailable, match=r"lacks a function of the CUDA driver"):
        library.load(path.read_bytes(), POOR, "CUDA", str(path))
    with pytest.raises(compiling.Unavailable, match=r"no CUDA driver: .*absent\.so"):
        library.card_of(str(tmp_path / "absent.so"))
    assert library.card_of(driver) == RICH


@pytest.mark.slow
def test_the_trial_tells_a_right_kernel_from_a_wrong_one(driver) -> None:
    del driver
    assert difference(gpu_layer) < TOLERANCE

    def wrong(reverse: tuple[bool, ...], layer: LayerInputs) -> Answer:
        return gpu_layer(reverse, layer._replace(mask_dbh=None))

    assert difference(wrong) > 10 * TOLERANCE
