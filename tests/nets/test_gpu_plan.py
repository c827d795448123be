"""Launches of the GPU's LSTM kernel, by arithmetic done by hand and by the limits of cards.

Limits: CUDA C++ Programming Guide, technical specifications by compute capability.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import pytest

from nets.kernels import library as kernels
from nets.kernels.compiling import Unavailable
from nets.kernels.gpu import choice, library, nvrtc
from nets.kernels.gpu.choice import Choice, Kind, choose
from nets.kernels.gpu.plan import Asked, Card, Pass, Plan, Unfit, plan
from nets.recurrence import lstm

V100 = Card("sm_70", 80, 96 * 1024, 65536)
A100 = Card("sm_80", 108, 163 * 1024, 65536)
H100 = Card("sm_90", 132, 227 * 1024, 65536)
PASSES: tuple[Pass, ...] = ("forward", "backward")


def test_a_layer_of_64_units_lies_in_registers() -> None:
    launch = plan("forward", Asked(members=1, directions=2, rows=32, hidden=64), H100)
    assert isinstance(launch, Plan)
    # 512 threads are 8 slices of 64 / 8 rows of R, each thread's 8 x 4 weights its own.
    assert (launch.slices, launch.kept, launch.threads) == (8, 8, 512)
    assert launch.rows == 1 and launch.grid == (32, 2, 1)
    # h of 64 units, and 8 slices' sums of 4 x 64 gates; no weight.
    assert launch.shared_bytes == 4 * (64 + 8 * 4 * 64)


def test_weights_that_registers_do_not_hold_lie_in_shared_memory() -> None:
    launch = plan("backward", Asked(1, 1, 1, 128), A100)
    assert isinstance(launch, Plan)
    # 4 slices of 32 rows; 128 registers a thread, 48 of which are taken, leave 80 for 20 rows.
    assert (launch.slices, launch.kept, launch.registers) == (4, 20, 128)
    state = 128 * 4
    sums = 4 * 128
    assert launch.shared_bytes == 4 * (4 * 12 * 128 * 4 + state + sums)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("card", [V100, A100, H100], ids=lambda card: card.architecture)
def test_what_is_planned_keeps_within_a_cards_limits(card: Card, which: Pass) -> None:
    sizes = itertools.product((1, 3, 64), (1, 2), (1, 33, 1000), (1, 2, 31, 96, 100, 127, 171))
    found = [(Asked(*size), plan(which, Asked(*size), card)) for size in sizes]
    plans = [(asked, launch) for asked, launch in found if isinstance(launch, Plan)]
    assert len(plans) == 6 / 7 * len(found)  # all but 171 units
    for asked, launch in plans:
        assert launch.shared_bytes <= card.shared_bytes
        warps = -(-launch.threads // 128) * 4  # each of a multiprocessor's quarters takes as many
        assert launch.threads <= 512 and 32 * warps * launch.registers <= 65536
        depth = -(-asked.hidden // launch.slices)
        assert 0 <= launch.kept <= depth and launch.slices <= asked.hidden
        # The state's last rows are padded by the units of one slice.
        assert launch.slices * depth - asked.hidden <= asked.hidden
        blocks, directions, members = launch.grid
        assert (directions, members) == (asked.directions, asked.members)
        assert (blocks - 1) * launch.rows < asked.rows <= blocks * launch.rows


@pytest.mark.parametrize(
    ("card", "most"), [(V100, 128), (A100, 135), (H100, 153)], ids=["sm_70", "sm_80", "sm_90"]
)
def test_the_widest_layer_that_fits_a_card(card: Card, most: int) -> None:
    # sm_90, backward: 3 slices of 51 rows, 20 of each in registers: 4 * (3 * 31 * 153 * 4 + 153 * 4
    # + 3 * 153) = 231948 bytes of 232448; of 154 units the weights alone are 3 * 32 * 154 * 16.
    def fits(hidden: int) -> bool:
        launches = [plan(which, Asked(1, 1, 1, hidden), card) for which in PASSES]
        return all(isinstance(launch, Plan) for launch in launches)

    assert [size for size in range(1, 600) if fits(size)] == list(range(1, most + 1))


def test_what_does_not_fit_says_why() -> None:
    found = plan("forward", Asked(1, 1, 1, 200), A100)
    assert isinstance(found, Unfit)
    # One slice: of 200 threads each has 255 registers, 33 of them taken, so 55 rows are kept.
    least = 4 * ((200 - 55) * 200 * 4 + 200 + 4 * 200)
    assert found.reason == (
        f"200 units ask for {least} bytes of shared memory a block beside what registers hold, "
        "sm_80 has 166912"
    )
    too_many = plan("forward", Asked(1, 1, 1, 513), A100)
    assert too_many == Unfit("513 units are more than a block's 512 threads")
    members = plan("forward", Asked(65536, 1, 1, 8), A100)
    assert members == Unfit("65536 members are more than a grid's 65535")


def test_fewer_threads_are_taken_where_their_registers_must_hold_more() -> None:
    most, fewer = (plan("backward", Asked(1, 1, 1, 128), card) for card in (A100, V100))
    assert isinstance(most, Plan) and isinstance(fewer, Plan)
    assert (most.slices, most.kept, fewer.slices, fewer.kept) == (4, 20, 3, 30)
    assert most.shared_bytes > V100.shared_bytes


def test_blocks_take_more_rows_where_there_are_more_than_multiprocessors() -> None:
    few, many = (plan("forward", Asked(n, 1, 32, 64), H100) for n in (1, 64))
    assert isinstance(few, Plan) and isinstance(many, Plan)
    assert few.rows == 1 and many.rows == 8
    assert few.clocks < many.clocks < 64 * few.clocks


@pytest.mark.parametrize(
    ("asked", "hidden", "found", "expected"),
    [
        ("", 64, H100, Choice("scans", "DENSEQ_GPU_LSTM asks for no other")),
        ("scans", 64, H100, Choice("scans", "DENSEQ_GPU_LSTM asks for no other")),
        ("yes", 64, H100, Choice("scans", "DENSEQ_GPU_LSTM=yes is unknown")),
        ("kernel", 64, Unavailable("no NVRTC"), Choice("scans", "no NVRTC")),
        ("kernel", 64, H100, Choice("kernel", "sm_90")),
        (
            *("kernel", 600, H100),
            Choice("scans", "600 units are more than a block's 512 threads"),
        ),
    ],
)
def test_the_core_follows_from_what_is_asked_for_and_what_is_there(
    asked: str, hidden: int, found: Card | Unavailable, expected: Choice
) -> None:
    assert choose(asked, Kind(hidden), found) == expected


def test_cudnn_is_chosen_for_what_it_knows() -> None:
    none = Unavailable("not looked for")
    assert choose("cudnn", Kind(600, reverse=(False, True)), none).core == "cudnn"
    masked = choose("cudnn", Kind(8, is_masked=True), none)
    assert masked == Choice("scans", "cuDNN knows no recurrent dropout")
    backwards = choose("cudnn", Kind(8, reverse=(True,)), none)
    assert backwards == Choice("scans", "cuDNN does not read backwards alone")


def test_cores_are_told_by_their_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "chosen", lambda kind: choose("kernel", kind, H100))
    assert choice.core_of({Kind(600), Kind(64), Kind(64, True), Kind(32)}) == (
        "kernel (sm_90) for 32, 64 units; "
        "scans (600 units are more than a block's 512 threads) for 600 units"
    )
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    assert choice.core_of({Kind(64)}) == (
        "kernel (sm_90) for 64 units, in pmap and shard_map, else scans (several devices)"
    )
    assert choice.core_of({Kind(600)}).endswith("threads) for 600 units")


def test_a_programs_core_is_the_one_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program for a GPU calls the kernel if the switch is on, and the one for a CPU never."""
    for_h100 = library.Kernels(H100, lambda which, launch: b"", lambda *given: None)
    monkeypatch.setattr(library, "_found", for_h100)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    layer = [np.zeros(shape, np.float32) for shape in ((2, 3, 1), (1, 1, 32), (1, 8, 32), (1, 32))]

    def program(platform: str, core: str) -> str:
        monkeypatch.setenv(choice.SWITCH, core)
        cast(Any, lstm).clear_cache()
        traced = jax.jit(lambda *given: lstm(*given, reverse=(False,))[0]).trace(*layer)
        return traced.lower(lowering_platforms=(platform,)).as_text()

    try:
        assert "denseq_gpu_lstm_forward" in program("cuda", "kernel")
        assert "stablehlo.while" not in program("cuda", "kernel")
        assert "denseq_" not in program("cpu", "kernel")
        assert "denseq_" not in program("cuda", "scans")
        with kernels.portable():
            assert "denseq_" not in program("cuda", "kernel")
    finally:
        cast(Any, lstm).clear_cache()


def test_a_machine_without_a_card_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def card_of(driver: str) -> Card:
        tries.append(driver)
        raise Unavailable("no CUDA driver: none here")

    monkeypatch.setattr(library, "_found", None)
    monkeypatch.setattr(library, "card_of", card_of)
    monkeypatch.setenv(choice.SWITCH, "kernel")
    assert [choice.chosen(Kind(64)) for _ in range(2)] == [
        Choice("scans", "no CUDA driver: none here"),
        Choice("scans", "no CUDA driver: none here"),
    ]
    assert tries == ["libcuda.so.1"]


def test_the_newest_nvrtc_that_pip_installed_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    with pytest.raises(Unavailable, match="no NVRTC: pip install"):
        nvrtc.find_nvrtc()
    for name in (
        "cuda_nvrtc/lib/libnvrtc.so.12",
        "cu13/lib/libnvrtc.so.13",
        "cu9/lib/libnvrtc.so.9",
    ):
        path = tmp_path / "nvidia" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"none")
    importlib.invalidate_caches()
    assert nvrtc.find_nvrtc() == tmp_path / "nvidia/cu13/lib/libnvrtc.so.13"
    with pytest.raises(Unavailable, match=r"libnvrtc\.so\.13 cannot be loaded: "):
        nvrtc.Nvrtc(nvrtc.find_nvrtc())
