"""Five small runs, one of each kind, and what each comes to when nobody disturbs it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.chaos.children import Child, Ended, Fault, answered, command

ROOT = Path(__file__).parents[2]
QUICK = {
    "train.checkpoint_every": "1",
    "train.linear_seconds": "0",
    "train.tree_seconds": "0",
    "train.importance_seconds": "0",
}


class Small(NamedTuple):
    """A config and overrides, and rows to predict of the finished run."""

    config: str
    overrides: dict[str, str]
    rows: str


def make_inputs(folder: Path, epochs: int) -> dict[str, Small]:
    """The files of the runs, and the runs by name."""
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.1 * random.normal(size=300)
    columns = {f"x{i}": x[:, i] for i in range(3)} | {"kind": random.choice(list("abc"), 300)}
    table = pa.table(columns | {"y": y})
    (folder / "stream").mkdir(parents=True)
    pq.write_table(table, folder / "table.parquet")
    pq.write_table(table.drop_columns("y").slice(0, 10), folder / "rows.parquet")
    for part in range(2):
        own = table.slice(part * 150, 150)
        pq.write_table(own, folder / "stream" / f"{part}.parquet", row_group_size=50)
    series = pa.table({"t": np.arange(260), "x": np.sin(np.arange(260) / 9.0)})
    pq.write_table(series, folder / "series.parquet")
    pq.write_table(series.slice(150), folder / "later.parquet")
    lines = [json.dumps({"x": row, "y": value}) for row, value in zip(x.tolist(), y, strict=True)]
    (folder / "sequences.jsonl").write_text("\n".join(lines))
    (folder / "some.jsonl").write_text("\n".join(lines[:10]))
    of_table = {"data.path": str(folder / "table.parquet"), "data.target": "y"}
    of_series = {"data.path": str(folder / "series.parquet"), "data.target": "x"}
    of_stream = {"data.path": str(folder / "stream"), "data.target": "y", "data.stream": "true"}
    of_sequences = {"data.path": str(folder / "sequences.jsonl"), "data.inputs": "x"}
    of_sequences |= {"data.target": "y", "data.stream": "true", "data.shuffle_window": "100"}
    members = {"population.seeds": "2", "population.grid": '{"optim.l2": (0.0, 0.01)}'}
    one = {"population.folds": "1"}
    small = {"net.hidden": "(6,)", "train.epochs": str(epochs), "train.batch_size": "64"}
    lstm = {"data.lookback": "12", "data.horizon": "2", "data.time": "t"}
    rows = str(folder / "rows.parquet")
    return {
        "dense": Small("table", of_table | small | one, rows),
        "population": Small("table", of_table | small | members, rows),
        "stream": Small("table", of_stream | small | {"data.shuffle_window": "100"}, rows),
        "lstm": Small("series", of_series | small | lstm, str(folder / "later.parquet")),
        "sequences": Small("sequences", of_sequences | small, str(folder / "some.jsonl")),
    }


def arguments(run: Small, folder: Path, *more: str) -> tuple[str, ...]:
    """The command line that trains it in a folder."""
    flags = []
    for name, value in (run.overrides | QUICK).items():
        flags.append(f"--config.{name}={value}")
    config = f"--config={ROOT / 'configs' / f'{run.config}.py'}"
    return (config, *flags, f"--workdir={folder}", *more)


def begin(run: Small, folder: Path, fault: Fault | None = None) -> Child:
    """Begins to train, or goes on."""
    return Child(command("train.main", *arguments(run, folder)), folder, fault)


def outcome(run: Small, folder: Path) -> tuple[Ended, object]:
    """All that a finished run learned and wrote, but for its seconds, and what it predicts."""

    def work() -> object:
        return {"answers": predictions(run, folder), **_written(folder)}

    return answered(work, folder)


def predictions(run: Small, folder: Path) -> str:
    """The SHA-256 of what the net of a folder answers to the rows. Raises what a user may see."""
    from train import predict
    from train.data.files.read import read_table

    model = predict.load(folder)
    answers = model.table(read_table(run.rows, model.config.data.missing), "rows")
    return hashlib.sha256(json.dumps(answers.to_pylist(), default=str).encode()).hexdigest()


def _written(folder: Path) -> dict[str, object]:
    import jax

    from train.run.checkpoint import Checkpoints

    digest = hashlib.sha256()
    for place in sorted(folder.rglob("checkpoints")):
        subfolder = place.parent.relative_to(folder).as_posix()
        checkpoints = Checkpoints(folder, subfolder=subfolder, read_only=True)
        for item in ("state", "model"):
            tree = checkpoints.restore_item(checkpoints.steps()[0], item)
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
                digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
    result = json.loads((folder / "result.json").read_text())
    table = pq.read_table(folder / "predictions.parquet")
    return {
        "state": digest.hexdigest(),
        "history": (folder / "metrics.jsonl").read_text(),
        "metrics": result["metrics"],
        "per_member": result["per_member"],
        "predictions": json.dumps(table.to_pylist(), default=str),
    }


def inventory(folder: Path, but: Path) -> dict[str, str]:
    """Every file and link of a folder and what is in it, without those of one folder in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if but in (path, *path.parents):
            continue
        if path.is_symlink() or not path.is_file():
            found[str(path)] = "-"
        else:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
