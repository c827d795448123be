"""How fast a trained net answers rows of a DataFrame, with the compiled kernel and without it:

    python bench/answers.py --workdir=DIR --data=FILE.csv

One row a call and all rows in one, in turns in one process: the median call of a turn, of turns the
median and the fastest, and the median time that the process was given, which other programs take
less from. A turn is a second of calls, of which the second half is timed: cores that rested are
slow first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from nets.kernels import library
from train import predict
from train.inference.predictor import Predictor

ROUNDS = 9
TURN = 1.0  # seconds of calls in a turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=20_640)
    asked = parser.parse_args()
    frame = pd.read_csv(asked.data)
    n_times = -(-asked.rows // len(frame))
    many = pd.concat([frame] * n_times, ignore_index=True).iloc[: asked.rows]
    one = frame.iloc[[0]]
    portable, native = predict.load(asked.workdir), predict.load(asked.workdir)
    with library.portable():
        portable(one)
    print(f"{len(frame.columns)} columns; the kernel: {library.core()}")
    sides = {"kernel": native, "DENSEQ_NATIVE=0": portable}
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for side, model in sides.items():
            for what, rows in (("one row", one), ("many", many)):
                times.setdefault((side, what), []).append(seconds(model, rows))
    for (side, what), found in times.items():
        (wall, cpu), (least, _) = np.median(found, 0), np.min(found, 0)
        line = f"{side:16} {what:8} {1e3 * wall:8.2f} ms, fastest {1e3 * least:8.2f}"
        line = f"{line}, cpu {1e3 * cpu:8.2f}"
        print(line if what == "one row" else f"{line}: {asked.rows / wall:,.0f} rows a second")


def seconds(model: Predictor, rows: pd.DataFrame) -> tuple[float, float]:
    """The seconds of a turn's median call: by the wall's clock, and of the process."""
    began = time.perf_counter()
    taken = []
    while (passed := time.perf_counter() - began) < TURN or not taken:
        call = once(lambda: model(rows))
        if passed > TURN / 2:
            taken.append(call)
    wall, cpu = np.median(taken, 0)
    return float(wall), float(cpu)


def once(call: Callable[[], object]) -> tuple[float, float]:
    """What a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
