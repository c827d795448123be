"""`python -m nets.kernels.gpu.probe LIBRARY`: exit code 0 if the GPU's LSTM kernel is right here.

In a process of its own, as nets/kernels/probe.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax

from nets.kernels.gpu import library
from nets.kernels.gpu.lstm import gpu_layer
from nets.kernels.probe import TOLERANCE, difference


def main(path: str) -> int:
    """The exit code for the library at a path."""
    card = library.card_of(library.DRIVER)
    library.use(library.load(Path(path).read_bytes(), card, "CUDA", library.DRIVER))
    with jax.default_matmul_precision("highest"):
        found = difference(gpu_layer)
    if not found < TOLERANCE:  # a NaN is an error too
        print(f"error: its numbers are {found:.3g} from the scans'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
