"""Kernels ready-made, for a wheel to machines without a compiler:

    python -m nets.kernels.ready
    pip wheel . --no-deps -C--build-option=--plat-name=manylinux_2_28_x86_64

For every instruction set of this machine's architecture, into nets/kernels/ready. Build with the
oldest C library and jaxlib that shall do: newer ones take it. Each machine tries what it got, and
where that fails compiles its own.
"""

from __future__ import annotations

import platform
import sys

from nets.kernels import compiling, library

INSTRUCTION_SETS = {
    "x86_64": ("avx512", "avx2"),
    "amd64": ("avx512", "avx2"),
    "aarch64": ("neon",),
    "arm64": ("neon",),
}


def main() -> int:
    """Compiles them; the exit code."""
    library.READY.mkdir(exist_ok=True)
    try:
        compiler = compiling.find_compiler()
        for name in INSTRUCTION_SETS.get(platform.machine().lower(), ()):
            path = library.READY / f"lstm-{name}.so"
            compiling.build(compiler, name, path)
            print(path)
    except compiling.Unavailable as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
