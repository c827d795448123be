"""The kernels without jax (the drivers beside this file) against plain loops, under sanitizers.

Threads by AVX2, also on a machine that has more.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nets.kernels import compiling, library

KERNELS = ("lstm", "dense", "embeddings", "tables", "sharing", "adam")
DRIVERS = tuple(f"{kernel}_driver.cc" for kernel in KERNELS)


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_the_kernel_alone_is_right_and_clean(sanitizers: str, driver: str, tmp_path: Path) -> None:
    try:
        compiler = compiling.find_compiler()
        name = compiling.instruction_set()
    except compiling.Unavailable as reason:
        pytest.skip(str(reason))
    common = ["-std=c++17", "-ffp-contract=fast", "-pthread"]
    # Who races with whom is no question of instructions: AVX2 is tried with it where there is more.
    if sanitizers == "thread" and name == "avx512":
        name = "avx2"
    # Lines are all that a report of a sanitizer names: -g takes half again as long to compile.
    # At -O1 gcc fuses no product with a sum unless it is asked to; the gates' digits rest on it.
    flags = [*common, *compiling.SETS[name], f"-fsanitize={sanitizers}", "-O1", "-g1"]
    # Checks of addresses that are called, not written out, take a quarter less to compile.
    called = "--param=asan-instrumentation-with-call-threshold=0"
    flags += [] if "clang" in compiler else ["-fexpensive-optimizations", called]
    if not has_sanitizer(compiler, sanitizers, tmp_path):
        pytest.skip(f"{compiler} has no sanitizers: {sanitizers}")
    program = tmp_path / "driver"
    command = [
        compiler,
        *flags,
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{library.FOLDER}",
        str(Path(__file__).parent / driver),
        "-o",
        str(program),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr[-3000:]
    assert done.stdout.endswith("lanes: 0 things wrong\n")


def has_sanitizer(compiler: str, sanitizers: str, folder: Path) -> bool:
    """Whether a program made with them starts: their libraries are packages of their own."""
    source = folder / "empty.cc"
    program = folder / "empty"
    source.write_text("int main() {}")
    made = subprocess.run(
        [compiler, f"-fsanitize={sanitizers}", str(source), "-o", str(program)], capture_output=True
    )
    return (
        made.returncode == 0 and subprocess.run([str(program)], capture_output=True).returncode == 0
    )
