"""The GPU's LSTM kernel without a GPU.

Its own text, launched by its own library, through a stand-in for the CUDA driver whose card is this
CPU (nets/emulated/driver.cc).
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

from nets.kernels import compiling
from nets.kernels.gpu import library
from nets.kernels.gpu.plan import Pass, Plan
from nets.kernels.library import cached

FOLDER = Path(__file__).parent / "nets" / "emulated"


def image(which: Pass, plan: Plan) -> bytes:
    """What the stand-in takes for a compiled kernel."""
    del which
    return " ".join(map(str, library.constants_of(plan))).encode() + b"\0"


def build_driver(path: Path, *flags: str) -> None:
    command = [compiling.find_compiler(), "-std=c++17", "-O1", "-D_GLIBCXX_ASSERTIONS", "-fPIC"]
    command += ["-shared", "-Wall", "-Wextra", "-Werror", f"-I{library.FOLDER}", f"-I{FOLDER}"]
    compiling.run([*command, *flags, str(FOLDER / "driver.cc"), "-o", str(path)], "compilation")


def build_launcher(path: Path) -> None:
    library.build(compiling.find_compiler(), path, "-include", str(FOLDER / "stream.h"))


def emulated(folder: Path) -> tuple[library.Kernels, ctypes.CDLL]:
    """The kernels, known to jax for the CPU, and their driver. Raises Unavailable.

    Both libraries are kept, as those that users have are.
    """
    sources = [path for of in (library.FOLDER, FOLDER) for path in sorted(of.glob("*.[hc]*"))]
    marks = [compiling.find_compiler().encode(), *(source.read_bytes() for source in sources)]
    _, launcher = cached("emulated-launcher", marks, build_launcher, lambda made: None)
    _, content = cached("emulated-driver", marks, build_driver, lambda made: None)
    driver = folder / "driver.so"
    driver.write_bytes(content)
    loaded = ctypes.CDLL(str(driver))
    loaded.emulated_touched.restype = ctypes.c_int64
    loaded.emulated_launches.restype = ctypes.c_int64
    found = library.load(launcher, library.card_of(str(driver)), "cpu", str(driver))
    return replace(found, image=image), loaded
