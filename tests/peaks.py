"""How far the memory of a program grows with its rows, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# What a measured program ends with; `told` is what else it tells. maxrss would begin with what
# pytest held at the fork.
TELL_PEAK = """
import json
status = open("/proc/self/status").read()
peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
print(json.dumps({"peak": peak} | told))
"""
TRIES = 3


def run_measured(program: str, *arguments: object) -> dict[str, Any]:
    """What a program tells, its peak in bytes with it; freed arrays are given back at once.

    The program's threads share one heap: with a heap each, as is usual, freed blocks stay in the
    heap of the thread that asked, and equal runs differ by tens of MB.
    """
    command = [sys.executable, "-c", program + TELL_PEAK, *map(str, arguments)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def growth(measure: Callable[[str, int], Mapping[str, Any]], cap: int) -> int:
    """The bytes by which the peak of "many" rows lies above that of "few".

    `measure` is given one of the two, and the number of the try. What threads hold at one moment
    differs by tens of MB between equal runs, and only adds: where that reaches the cap, the least
    peaks of up to three tries are taken. What grows with the rows is in each.
    """
    few, many = [], []
    for number in range(TRIES):
        few.append(measure("few", number)["peak"])
        many.append(measure("many", number)["peak"])
        if min(many) - min(few) < cap:
            break
    return min(many) - min(few)
