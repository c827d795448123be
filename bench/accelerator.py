"""An accelerator in under eight minutes: is it right, and how fast is it beside PyTorch and cuDNN?

    python bench/accelerator.py --out=FOLDER [--quick] [--parts tests dense lstm commands]

Four parts, each a process of its own, so that one that fails leaves the others whole:

tests     those marked `accelerator`: the first device against the CPU
dense     dense nets, one and K at once, against PyTorch's loop and PyTorch with CUDA graphs
lstm      LSTM layers against torch.nn.LSTM (cuDNN on a GPU) and jax.experimental.rnn
commands  the first command, configs/table.py and configs/series.py on generated rows, whole

It writes accelerator.json and accelerator.md into FOLDER after each part. A part stops at its share
of the time and says what it left out. PyTorch is left out where it is not installed; a figure that
a side cannot give is a dash, its reason below the table. --quick takes small sizes, to try all of
it on a CPU in about a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple, cast

ROOT = Path(__file__).parents[1]
# Seconds of each part, of 460 in all; the last of a run may take what the others left.
SHARES = {"tests": 170, "dense": 80, "lstm": 130, "commands": 80}
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
SCRIPTS = {"dense": "accelerator_dense.py", "lstm": "accelerator_lstm.py"}


def versions() -> dict[str, str]:
    """Of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


class FoundDevice(NamedTuple):
    """The first device, and how many of its kind there are."""

    platform: str
    kind: str
    n_devices: int


def device() -> FoundDevice:
    """The first device as jax names it, found by a process that ends: its memory is free then."""
    code = (
        "import jax, json; d = jax.devices(); print(json.dumps({'platform': d[0].platform, "
        "'kind': d[0].device_kind, 'n_devices': len(d)}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"jax finds no device:\n{done.stderr[-2000:]}")
    return FoundDevice(**json.loads(done.stdout.splitlines()[-1]))


def environment(on_gpu: bool) -> dict[str, str]:
    """Memory is taken as needed, for PyTorch shares the card; bits are to be repeatable."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    found["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if on_gpu:
        flags = "--xla_gpu_deterministic_ops=true"
        found["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    return found


def run(command: list[str], seconds: float, env: dict[str, str]) -> tuple[int, str]:
    """Exit status (124: the time was over) and all that was printed."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            timeout=seconds,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as error:
        printed = error.stdout or b""
        return 124, printed.decode(errors="replace") if isinstance(printed, bytes) else printed
    return done.returncode, done.stdout


def run_tests(seconds: float, quick: bool, env: dict[str, str]) -> dict[str, object]:
    """How many tests passed, and the last lines of those that did not."""
    chosen = "accelerator and not slow" if quick else "accelerator"
    command = [sys.executable, "-m", "pytest", "-q", "-m", chosen, "tests/accelerator"]
    if util.find_spec("xdist") and not quick:
        command += ["-n", "4"]
    # Other versions of pytest than the project's do too.
    command += ["-p", "no:cacheprovider", "-o", "minversion=7"]
    status, printed = run(command, seconds, env)
    return {"exit_status": status, "printed": printed[-6000:]}


def run_script(part: str, seconds: float, quick: bool, env: dict[str, str]) -> dict[str, object]:
    """The JSON lines that a part's script printed."""
    command = [sys.executable, str(ROOT / "bench" / SCRIPTS[part]), f"--seconds={seconds - 15:.0f}"]
    status, printed = run([*command, "--quick"] if quick else command, seconds + 30, env)
    rows = []
    others = []
    for line in printed.splitlines():
        if line.startswith("{"):
            rows.append(json.loads(line))
        else:
            others.append(line)
    return {"exit_status": status, "rows": rows, "printed": "\n".join(others)[-3000:]}


def run_commands(
    folder: Path, seconds: float, quick: bool, env: dict[str, str]
) -> dict[str, object]:
    """Seconds and scores of whole commands, the first time and again; if `quick`, once."""
    import numpy as np

    random = np.random.default_rng(0)
    n = 500 if quick else 20_000
    x = random.standard_normal((n, 8))
    y = np.sin(x[:, 0] + x[:, 1]) + x[:, 2] * x[:, 3] / 2 + 0.1 * random.standard_normal(n)
    table = folder / "rows.csv"
    names = ",".join([*(f"x{i}" for i in range(8)), "y"])
    np.savetxt(table, np.column_stack([x, y]), delimiter=",", header=names, comments="", fmt="%.5f")
    few = ["--config.train.epochs=2"] if quick else []
    bare = ["--baselines=none", "--config.train.importance_seconds=0"] if quick else []
    commands = {
        "configs/diabetes.py": [*few, *bare],
        "configs/table.py": [f"--config.data.path={table}", "--config.data.target=y", *few, *bare],
        "configs/series.py": [
            "--config.data.path=builtin:mackey_glass",
            "--config.data.target=x",
            *(["--config.data.rows=600", *few, *bare] if quick else []),
        ],
    }
    began = time.monotonic()
    rows = []
    for config, options in commands.items():
        for turn in ("first",) if quick else ("first", "again"):
            left = seconds - (time.monotonic() - began)
            if left < 5:
                rows.append({"config": config, "turn": turn, "left_out": "the time was over"})
                continue
            workdir = folder / f"{Path(config).stem}-{turn}"
            command = [sys.executable, "-m", "train.main", f"--config={config}"]
            started = time.monotonic()
            status, printed = run([*command, f"--workdir={workdir}", *options], left, env)
            row: dict[str, object] = {"config": config, "turn": turn, "exit_status": status}
            row["seconds"] = round(time.monotonic() - started, 2)
            if status:
                row["printed"] = printed[-3000:]
            else:
                result = json.loads((workdir / "result.json").read_text())
                row["metrics"] = result["metrics"].get("test") or result["metrics"].get("valid")
                row["train_seconds"] = result["seconds"]["train"]
            rows.append(row)
    return {"rows": rows}


def cell(value: object) -> str:
    """A number with three digits, a dash for what was not measured."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def markdown_table(rows: list[dict[str, object]]) -> list[str]:
    """Rows of one part as a table; its columns are the keys of all of them."""
    shown = [row for row in rows if "note" not in row]
    keys = list(dict.fromkeys(key for row in shown for key in row if key != "printed"))
    lines = ["| " + " | ".join(keys) + " |", "|" + " --- |" * len(keys)]
    for row in shown:
        lines.append("| " + " | ".join(cell(row.get(key)) for key in keys) + " |")
    notes = [f"\n{row['note']}" for row in rows if "note" in row]
    return lines + notes


def write(folder: Path, card: FoundDevice, parts: dict[str, dict[str, object]]) -> None:
    """accelerator.json and accelerator.md, of what is there so far."""
    found = {"versions": versions(), "device": card._asdict(), **parts}
    (folder / "accelerator.json").write_text(json.dumps(found, indent=1, default=str))
    lines = [f"# {card.n_devices} x {card.kind}", ""]
    lines.append(", ".join(f"{name} {version}" for name, version in versions().items()))
    for part, entry in parts.items():
        lines += ["", f"## {part}", ""]
        if rows := entry.get("rows"):
            lines += markdown_table(cast(list[dict[str, object]], rows))
        if entry.get("printed") and (entry.get("exit_status") or part == "tests"):
            lines += ["```", str(entry["printed"])[-2500:].strip(), "```"]
    (folder / "accelerator.md").write_text("\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="an empty or a new folder")
    parser.add_argument("--parts", nargs="+", choices=SHARES, default=list(SHARES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=460, help="for all parts together")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    card = device()
    parts: dict[str, dict[str, object]] = {}
    env = environment(card.platform == "gpu")
    failed = 0
    for i, part in enumerate(options.parts):
        left = options.seconds - (time.monotonic() - began)
        later = sum(SHARES[name] for name in options.parts[i + 1 :])
        share = max(min(left - later * left / (later + SHARES[part]), left), 20)
        started = time.monotonic()
        if part == "tests":
            entry = run_tests(share, options.quick, env)
        elif part == "commands":
            entry = run_commands(options.out, share, options.quick, env)
        else:
            entry = run_script(part, share, options.quick, env)
        entry["seconds"] = round(time.monotonic() - started, 1)
        failed += bool(entry.get("exit_status"))
        parts[part] = entry
        write(options.out, card, parts)
        print(
            f"{part}: {entry['seconds']} s, exit status {entry.get('exit_status', 0)}", flush=True
        )
    print((options.out / "accelerator.md").read_text())
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
