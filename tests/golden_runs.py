"""Eight small runs and all that they come to, to compare two states of the code on one machine.

    python tests/golden_runs.py --out=before.json          # in the checkout of the state before
    python tests/golden_runs.py --against=before.json      # in that of the state after

Bits depend on the machine and on the versions of libraries, so nothing of this is kept in the
repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
sys.path.insert(0, str(ROOT))

import jax
import numpy as np
import orbax.checkpoint as ocp
import pyarrow as pa
import pyarrow.parquet as pq

from train import config as configs
from train import loop

# The linear model and the trees are bounded by the clock, unless their seconds are given.
NO_CLOCK = {"train.linear_seconds": "600", "train.tree_seconds": "600"}
TWO_EPOCHS = {"train.epochs": "2", "train.checkpoint_every": "2"}


def make_inputs(folder: Path) -> None:
    """Sentences with tags and an intent, and a folder of Parquet files."""
    random = np.random.default_rng(0)
    words = ["play", "some", "jazz", "in", "paris", "rain", "tomorrow", "oslo"]
    tags = {"jazz": "B-genre", "paris": "B-city", "oslo": "B-city", "tomorrow": "B-day"}
    lines = []
    for _ in range(200):
        tokens = [words[i] for i in random.integers(0, len(words), random.integers(2, 9))]
        line = {"tokens": tokens, "tags": [tags.get(token, "O") for token in tokens]}
        lines.append(json.dumps(line | {"intent": "music" if "jazz" in tokens else "weather"}))
    (folder / "sentences.jsonl").write_text("\n".join(lines))
    (folder / "stream").mkdir()
    for part in range(3):
        x = random.normal(size=(700, 4)).astype(np.float32)
        kind = np.array(["red", "green", "blue"])[random.integers(0, 3, 700)]
        y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + (kind == "red") + 0.1 * random.normal(size=700)
        columns = {f"x{i}": x[:, i] for i in range(4)} | {"kind": kind, "y": y}
        pq.write_table(pa.table(columns), folder / "stream" / f"{part}.parquet", row_group_size=100)


def runs(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """{name: (config file, overrides)}."""
    grid = '{"optim.learning_rate": (1e-3, 1e-2), "net.hidden": ((8,), (16, 8))}'
    return {
        "diabetes": ("diabetes", {}),
        "table": (
            "table",
            {
                "data.path": "builtin:wine",
                "data.target": "cultivar",
                "population.folds": "1",
            },
        ),
        "population": (
            "diabetes",
            {
                "population.seeds": "2",
                "population.folds": "3",
                "population.grid": grid,
                "net.dropout": "0.2",
            },
        ),
        "series": (
            "series",
            {"data.path": "builtin:mackey_glass", "data.target": "x", "data.rows": "600"},
        ),
        "tags": (
            "sequences",
            {
                "data.path": str(folder / "sentences.jsonl"),
                "data.inputs": "tokens",
                "data.target": "tags,intent",
                "population.seeds": "1",
            },
        ),
        "clusters": ("clusters", {"data.path": "builtin:iris", "data.label": "species"}),
        "autoencoder": ("autoencoder", {}),
        "stream": (
            "table",
            {
                "data.path": str(folder / "stream"),
                "data.target": "y",
                "data.stream": "true",
                "net.hidden": "(32,)",
            },
        ),
    }


def state_digest(folder: Path) -> str:
    """SHA-256 over every array of a run's newest checkpoints, parts of a population included."""
    digest = hashlib.sha256()
    for checkpoints in sorted(folder.rglob("checkpoints")):
        newest = max(
            (path for path in checkpoints.iterdir() if path.name.isdigit()),
            key=lambda path: int(path.name),
        )
        for item in sorted(path for path in newest.iterdir() if path.is_dir()):
            tree = ocp.PyTreeCheckpointer().restore(item)
            for path, leaf in sorted(
                (
                    (jax.tree_util.keystr(path), leaf)
                    for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
                ),
                key=lambda pair: pair[0],
            ):
                array = np.asarray(leaf)
                digest.update(f"{item.name}{path} {array.dtype} {array.shape}".encode())
                digest.update(array.tobytes())
    return digest.hexdigest()


def record(name: str, config_name: str, overrides: dict[str, str], folder: Path) -> dict:
    """What a run of two epochs comes to."""
    config = configs.load(ROOT / "configs" / f"{config_name}.py", overrides | TWO_EPOCHS | NO_CLOCK)
    result = loop.fit(config, folder / name, verbose=False)
    path = folder / name / "predictions.parquet"
    text = pq.read_table(path).to_pylist() if path.exists() else None
    del result["versions"], result["seconds"], result["examples_per_second"]
    # A path of the temporary folder is part of some configs, and so of their digests.
    digest = configs.digest(config) if "/" not in config.data.path else "has a temporary path"
    result["config_sha256"] = digest
    plain = json.dumps(result, sort_keys=True).replace(str(folder), "FOLDER")
    return {
        "result": json.loads(plain),
        "predictions": hashlib.sha256(json.dumps(text, default=str).encode()).hexdigest(),
        "history": hashlib.sha256((folder / name / "metrics.jsonl").read_bytes()).hexdigest(),
        "state": state_digest(folder / name),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        for run, (config_name, overrides) in runs(folder).items():
            if not options.only or run in options.only.split(","):
                found[run] = record(run, config_name, overrides, folder)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1, sort_keys=True))
    if not options.against:
        return 0
    before = json.loads(options.against.read_text())
    wrong = 0
    for run, now in found.items():
        for part, value in now.items():
            if before[run][part] != value:
                wrong += 1
                print(f"{run}: {part} differs")
                if part == "result":
                    for key in value:
                        if before[run][part].get(key) != value[key]:
                            print(f"  {key}: {before[run][part].get(key)} -> {value[key]}")
    print(f"{len(found)} runs, {wrong} differences")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
