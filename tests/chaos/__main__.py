"""`python -m tests.chaos`: trials of each kind, their count, and what was found."""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.children import build_shim

RUNS = ("dense", "population", "stream", "lstm", "sequences")


def parse(argv: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--n", type=int, default=1, help="trials of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="", help="of trials, separated by commas; all")
    parser.add_argument("--runs", default=",".join(RUNS), help="that are disturbed")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which none begins")
    parser.add_argument("--epochs", type=int, default=5, help="of each run")
    parser.add_argument("--faults", type=int, default=0, help="of a soak at most; 3 to 7")
    parser.add_argument("--soak", type=float, default=1e9, help="minutes of its faults at most")
    return parser.parse_args(argv)


def prepare_process(folder: Path) -> None:
    """Begins this program anew with the shim before all libraries, and quiet ones."""
    shim = build_shim(folder)
    environment = os.environ | {
        "CHAOS_FOLDER": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PLATFORMS": "cpu",
    }
    if shim is not None:
        environment["LD_PRELOAD"] = str(shim)
    os.execve(sys.executable, [sys.executable, "-m", "tests.chaos", *sys.argv[1:]], environment)


def load_everything() -> None:
    """Imports what a run needs, so that the processes forked off have it; jax computes nothing."""
    import orbax.checkpoint
    import tensorboardX

    from train import check, loop, main, predict
    from train.inference import load
    from train.report import draw, report

    del orbax, tensorboardX, check, loop, main, predict, load, report
    # To draw takes a third of a small run's time.
    draw.draw = _undrawn


def _undrawn(*_: object, **__: object) -> str:
    return '<svg role="img"></svg>'


def main(argv: list[str]) -> int:
    """The exit code: 1 where there is a finding."""
    options = parse(argv)
    if "CHAOS_FOLDER" not in os.environ:
        prepare_process(Path(tempfile.mkdtemp(prefix="denseq-chaos-")))
    folder = Path(os.environ["CHAOS_FOLDER"])
    load_everything()
    from tests.chaos import trials

    kinds = options.kinds.split(",") if options.kinds else list(trials.KINDS)
    if "LD_PRELOAD" not in os.environ:
        print("no compiler for the shim: left out are", *trials.WITH_SHIM)
        kinds = [kind for kind in kinds if kind not in trials.WITH_SHIM]
    began = time.monotonic()
    counts: collections.Counter[str] = collections.Counter()
    found = 0
    try:
        runs = tuple(options.runs.split(","))
        bench = trials.Bench(folder / "bench", options.seed, runs, options.epochs)
        bench.faults = options.faults
        bench.minutes = options.soak
        for number in range(options.n):
            for kind in kinds:
                if time.monotonic() - began > 60 * options.minutes:
                    break
                seed = (options.seed, number, list(trials.KINDS).index(kind))
                bench.random = trials.np.random.default_rng(seed)
                said, *findings = trials.KINDS[kind](bench)
                counts[kind] += 1
                found += len(findings)
                print(f"{kind} {number}: {said}{': FOUND' if findings else ''}", flush=True)
                for line in findings:
                    print("   ", line.replace("\n", "\n    "), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    trials_made = ", ".join(f"{kind} {n}" for kind, n in counts.items())
    print(f"trials: {trials_made}; findings: {found}; {time.monotonic() - began:.0f} s")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
