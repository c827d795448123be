"""CUDA's compiler as a library, NVRTC, by its public C interface: a text becomes a kernel's image.

It comes with `jax[cuda12]` and `jax[cuda13]` (nvidia-cuda-nvrtc); no toolkit is needed.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from nets.kernels.compiling import Unavailable


def find_nvrtc() -> Path:
    """The library that pip installed, the newest if there are several. Raises Unavailable."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    found = [path for folder in folders for path in folder.glob("*/lib/libnvrtc.so.*[0-9]")]
    if not found:
        raise Unavailable('no NVRTC: pip install "jax[cuda13]" (or cuda12)')
    return max(found, key=lambda path: [int(n) for n in path.name.split(".so.")[1].split(".")])


class Nvrtc:
    """The compiler at a path. Raises Unavailable if it cannot be loaded."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path))
            self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
        except (OSError, AttributeError) as error:
            raise Unavailable(f"{path} cannot be loaded: {error}") from None

    def version(self) -> tuple[int, int]:
        """Its major and minor number."""
        major = ctypes.c_int()
        minor = ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        return major.value, minor.value

    def compiled(
        self, name: str, text: str, headers: Mapping[str, str], options: Sequence[str]
    ) -> bytes:
        """The image (CUBIN) of a program for the real architecture that `options` names.

        `headers` are what it may include, by name. Raises Unavailable with the compiler's first
        error.
        """
        program = ctypes.c_void_p()
        n = len(headers)
        self._call(
            "nvrtcCreateProgram",
            ctypes.byref(program),
            text.encode(),
            name.encode(),
            n,
            (ctypes.c_char_p * n)(*(header.encode() for header in headers.values())),
            (ctypes.c_char_p * n)(*(header.encode() for header in headers)),
        )
        try:
            given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
            status = self._library.nvrtcCompileProgram(program, len(options), given)
            if status:
                log = self._read("nvrtcGetProgramLog", program).decode(errors="replace")
                lines = [line for line in log.splitlines() if "error" in line] or [log.strip()]
                raise Unavailable(f"NVRTC: {lines[0][:300] or self._explained(status)}")
            return self._read("nvrtcGetCUBIN", program)
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _read(self, what: str, program: ctypes.c_void_p) -> bytes:
        """What a pair of functions gives, the first of which tells its size."""
        size = ctypes.c_size_t()
        self._call(f"{what}Size", program, ctypes.byref(size))
        content = ctypes.create_string_buffer(size.value)
        self._call(what, program, content)
        return content.raw

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise Unavailable(f"{function}: {self._explained(status)}")

    def _explained(self, status: int) -> str:
        return self._library.nvrtcGetErrorString(status).decode()
