"""`python -m train.evaluate`: the metrics of a trained network on a labelled file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from train.data.encode import TableEncoder
from train.data.read import read_table
from train.metrics import evaluate as metrics_of
from train.predict import Predictor, load


def evaluate(model: Predictor, table: pa.Table, where: str = "data") -> dict[str, float]:
    """Metrics over all rows whose target is present, in original units; {"rows": ..., "rmse": ...}."""
    targets, present = model.encoder.encode_targets(table, where)
    rows = np.flatnonzero(present)
    inputs = {name: array[rows] for name, array in model.encoder.encode(table, where).items()}
    known = {name: array[rows] for name, array in targets.items()}
    return {"rows": len(rows), **score(model.encoder, model.answers(inputs), known)}


def score(
    encoder: TableEncoder,
    answers: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """Metrics of answers to encoded rows, in original units."""
    return metrics_of(encoder.heads, answers, targets, weight, encoder.units)


def main(argv: list[str]) -> int:
    """python -m train.evaluate --workdir=DIR --data=FILE"""
    from train.flags import parse_paths

    paths = parse_paths(argv, "train.evaluate", required=("workdir", "data"))
    model = load(Path(paths["workdir"]))
    table = read_table(paths["data"], model.config.data.missing)
    print(json.dumps(evaluate(model, table, paths["data"])))
    return 0


if __name__ == "__main__":
    from train.flags import run

    run(main)
