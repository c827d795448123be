"""What timed parts of bench/accelerator.py share: repeated calls, CUDA graphs of PyTorch."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from importlib import util
from typing import Any


def say(**row: object) -> None:
    """A row of the table, as a line of JSON."""
    print(json.dumps(row), flush=True)


def has_torch() -> bool:
    return util.find_spec("torch") is not None


def torch_device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def synchronize() -> None:
    """Waits until the card has done all that PyTorch gave it."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def milliseconds(calls: Callable[[int], object], rounds: int, least: float) -> float:
    """Of one call: the median over rounds of so many calls that a round takes `least` seconds.

    `calls(n)` makes n calls one upon the other and waits for the last.
    """
    calls(2)
    began = time.perf_counter()
    calls(4)
    n = max(int(least / max((time.perf_counter() - began) / 4, 1e-7)), 1)
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        calls(n)
        taken.append((time.perf_counter() - began) / n)
    return statistics.median(taken) * 1e3


def in_cuda_graph(step: Callable[[], object]) -> Callable[[], object] | None:
    """The same step replayed by a CUDA graph; None where there is no such card.

    As PyTorch's documentation has it: some steps on a side stream first, then one is recorded.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
