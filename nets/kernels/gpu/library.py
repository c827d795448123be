"""The GPU's LSTM kernel made ready: the card, NVRTC's images, and the library that launches them.

Nothing here is called unless a user asks for the kernel (`choice.SWITCH`), and nothing fails a
program: what goes wrong is `compiling.Unavailable`, and the reason why the scans are taken.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jax

from nets.kernels import compiling
from nets.kernels.compiling import Unavailable
from nets.kernels.gpu.nvrtc import Nvrtc, find_nvrtc
from nets.kernels.gpu.plan import Card, Pass, Plan
from nets.kernels.library import cache_folder, cached
from nets.kernels.trusted import Untrusted, loadable, read_whole, write_whole

FOLDER = Path(__file__).parent
HEADERS = ("thread.h", "arguments.h")
TARGETS: dict[Pass, str] = {
    "forward": "denseq_gpu_lstm_forward",
    "backward": "denseq_gpu_lstm_backward",
}
DRIVER = "libcuda.so.1"
# Of CUdevice_attribute, CUDA Driver API.
MAX_REGISTERS_PER_BLOCK = 12
MULTIPROCESSOR_COUNT = 16
COMPUTE_CAPABILITY = (75, 76)
MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97

_lock = threading.Lock()
_found: Kernels | Unavailable | None = None


@dataclass
class Kernels:
    """A card, and what makes kernels for it."""

    card: Card
    image: Callable[[Pass, Plan], bytes]
    """Compiles one."""
    add: Callable[[bytes, bytes, int], object]
    """Makes an image of so many bytes known to the library by a key."""
    _keys: dict[tuple[Pass, tuple[int, ...]], str] = field(default_factory=dict)

    def key(self, which: Pass, plan: Plan) -> str:
        """By which the library knows a plan's kernel; it is made at first."""
        constants = (which, constants_of(plan))
        if constants not in self._keys:
            image = self.image(which, plan)
            key = f"{which}-{hashlib.sha256(image).hexdigest()[:32]}"
            self.add(key.encode(), image, len(image))
            self._keys[constants] = key
        return self._keys[constants]


def constants_of(plan: Plan) -> tuple[int, int, int, int]:
    """HIDDEN, ROWS, SLICES and KEPT of thread.h."""
    return plan.hidden, plan.rows, plan.slices, plan.kept


def find() -> Kernels:
    """The process' kernels, made by the first call. Raises Unavailable, always for one reason."""
    global _found
    with _lock:
        if _found is None:
            try:
                _found = _make()
            except Unavailable as reason:
                _found = reason
            except Exception as error:  # whatever it is, there is another way to compute
                _found = Unavailable(f"{type(error).__name__}: {error}")
    if isinstance(_found, Unavailable):
        raise Unavailable(str(_found))
    return _found


def use(kernels: Kernels) -> None:
    """Makes these the process' kernels."""
    global _found
    _found = kernels


def _make() -> Kernels:
    card = card_of(DRIVER)
    find_nvrtc()  # the reason that is soonest mended, before anything is built
    compiler = compiling.find_compiler()
    sources = [FOLDER / "lstm.cc", *sorted(FOLDER.glob("*.h")), *sorted(FOLDER.glob("*.cu"))]
    status = os.stat(compiler)
    marks = [f"{compiler} {status.st_size} {status.st_mtime_ns} {card}".encode()]
    _, content = cached(
        "gpu",
        [*marks, *(source.read_bytes() for source in sources)],
        lambda made: build(compiler, made),
        _try_out,
    )
    return load(content, card, "CUDA", DRIVER)


def _try_out(library: Path) -> None:
    # Two processes share the card for a moment.
    environment = {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    command = [sys.executable, "-m", "nets.kernels.gpu.probe", str(library)]
    compiling.run(command, "trial", environment)


def build(compiler: str, path: Path, *flags: str) -> None:
    """Compiles the library that launches kernels; CUDA's headers are not needed."""
    common = ["-std=c++17", "-O2", "-fPIC", "-shared", f"-I{jax.ffi.include_dir()}"]
    command = [compiler, *common, *flags, str(FOLDER / "lstm.cc"), "-o", str(path), "-ldl"]
    compiling.run(command, "compilation")


def load(content: bytes, card: Card, platform: str, driver: str) -> Kernels:
    """A library, the content of a file, known to jax for a platform; its driver is at a path."""
    try:
        with loadable(content) as name:
            loaded = ctypes.CDLL(name)
        loaded.denseq_gpu_open.restype = ctypes.c_char_p
        loaded.denseq_gpu_add.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int64)
        if problem := loaded.denseq_gpu_open(driver.encode()):
            raise Unavailable(f"{driver}: {problem.decode()}")
        for target in TARGETS.values():
            jax.ffi.register_ffi_target(
                target, jax.ffi.pycapsule(getattr(loaded, target)), platform=platform
            )
    except (OSError, AttributeError) as error:
        raise Unavailable(f"the library that launches kernels cannot be loaded: {error}") from None
    return Kernels(card, lambda which, plan: image(which, plan, card), loaded.denseq_gpu_add)


def card_of(driver: str) -> Card:
    """The first GPU as the driver at a path describes it. Raises Unavailable."""
    try:
        library = ctypes.CDLL(driver)
    except OSError as error:
        raise Unavailable(f"no CUDA driver: {error}") from None
    device = ctypes.c_int()
    for status in (library.cuInit(0), library.cuDeviceGet(ctypes.byref(device), 0)):
        if status:
            raise Unavailable(f"the CUDA driver shows no device (error {status})")

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        if status := library.cuDeviceGetAttribute(ctypes.byref(value), number, device):
            raise Unavailable(f"the CUDA driver does not tell attribute {number} (error {status})")
        return value.value

    major, minor = (attribute(number) for number in COMPUTE_CAPABILITY)
    return Card(
        f"sm_{major}{minor}",
        attribute(MULTIPROCESSOR_COUNT),
        attribute(MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        attribute(MAX_REGISTERS_PER_BLOCK),
    )


def image(which: Pass, plan: Plan, card: Card) -> bytes:
    """A kernel compiled for a card, kept on the disk. Raises Unavailable."""
    headers = {name: (FOLDER / name).read_text() for name in HEADERS}
    name = f"lstm_{which}.cu"
    text = (FOLDER / name).read_text()
    names = ("HIDDEN", "ROWS", "SLICES", "KEPT")
    constants = zip(names, constants_of(plan), strict=True)
    options = [f"--gpu-architecture={card.architecture}", "-std=c++17"]
    options += [f"-D{constant}={value}" for constant, value in constants]
    nvrtc = Nvrtc(find_nvrtc())
    key = hashlib.sha256(repr((nvrtc.version(), options, text, headers)).encode()).hexdigest()
    path = cache_folder() / f"lstm-{which}-{key[:16]}.cubin"
    if os.path.lexists(path):
        with contextlib.suppress(Untrusted):
            return read_whole(path)
    made = nvrtc.compiled(name, text, headers, options)
    with contextlib.suppress(OSError):  # a full disk: it is compiled again next time
        write_whole(path, made)
    return made
