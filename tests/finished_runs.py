"""Folders of runs that have ended, as a comparison reads them, without any training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train import config as configs
from train.config import Config, Table
from train.report.result import PopulationResult
from train.results.comparison.finished import Finished, read_runs
from train.results.comparison.paired import Difference, difference


def make_run(folder: Path, answers, target, config=None, scores=None, **changes):
    """A finished run's folder with these answers to the test rows."""
    folder.mkdir(parents=True)
    config = config or Config(data=Table(path="homes.csv", target="price"))
    scores = scores or {"rmse": float(np.sqrt(np.mean((answers - target) ** 2))), "r2": 0.5}
    result = {
        "rows": {"train": 9, "test": len(target)},
        "metrics": {"train": scores, "test": scores},
        "baselines": {},
        "members": 1,
        "n_parameters": 12,
        "steps": 1,
        "epochs": 1,
        "best_step": 1,
        "interval": {},
        "seconds": {"total": 1.5},
        "examples_per_second": 9.0,
        "notes": [],
        "versions": {},
        "config_sha256": "",
        "per_member": [],
        "settings": [],
        "spread": {},
        "kept": [],
    }
    (folder / "result.json").write_text(json.dumps(result | changes))
    (folder / "config.json").write_text(json.dumps({"config": configs.to_json(config)}))
    line = {"step": 1, "epoch": 1, "split": "valid", "member": 0, "loss": 0.5, **scores}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    rows = {"row": np.arange(len(target)), "target": target, "prediction": answers}
    pq.write_table(pa.table(rows), folder / "predictions.parquet")
    return folder


def read_again(folder: Path, *names: str) -> list[Finished]:
    """The runs of these names, in their order."""
    by_name = {run.folder.name: run for run in read_runs([str(folder / n) for n in names])[0]}
    return [by_name[name] for name in names]


def paired(folder: Path, run: str, other: str, metric: str) -> Difference | str:
    """The difference of two runs of a folder."""
    own, others = read_again(folder, run, other)
    return difference(own, others, metric)


def undeclared(value: Any, kind: Any = PopulationResult) -> set[str]:
    """The keys of a result, and of the records in it, that no type declares."""
    if get_origin(kind) is NotRequired:
        (kind,) = get_args(kind)
    if not is_typeddict(kind):
        inner = get_args(kind)
        if get_origin(kind) is Mapping:
            return set().union(*(undeclared(item, inner[1]) for item in value.values()))
        if get_origin(kind) is Sequence:
            return set().union(*(undeclared(item, inner[0]) for item in value))
        return set()
    declared = get_type_hints(kind, include_extras=True)
    found = {name for name in value if name not in declared}
    return found.union(*(undeclared(value[name], declared[name]) for name in value.keys() - found))
