"""What a finished run says: metrics of whole splits beside baselines, predictions, result.json and the report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from train import config as configs
from train.baselines import baseline_metrics, fit_baselines
from train.data.read import write_table
from train.evaluate import score
from train.folder import write_json
from train.importance import permutation_importance, prediction_error
from train.log import read_history
from train.network import count_parameters
from train.predict import Predictor
from train.prepare import Run, versions
from train.report import write_report
from train.state import State

Arrays = dict[str, np.ndarray]
BASELINE_ROWS = 200_000  # the linear baseline is fitted on at most so many training rows: more would not change it


def finish(run: Run, state: State, seconds: Mapping[str, float], started: float) -> dict[str, Any]:
    """Judges the best weights on every split and writes all that a user reads. Returns result.json's content."""
    dataset, encoder = run.dataset, run.dataset.encoder
    predictor = Predictor(run.config, encoder, jax.device_get(state.best.weights.variables(run.data.statistics)))
    splits = [split for split, rows in dataset.splits.items() if len(rows)]
    answers = {split: predictor.answers(rows_of(dataset.inputs, dataset.splits[split])) for split in splits}
    scores = {split: _score(run, split, answers[split]) for split in splits}
    judged = next(split for split in ("test", "valid", "train") if split in splits)
    if judged == "test":
        _write_predictions(run, answers["test"])
    n_epochs = int(state.step) // run.program.steps_per_epoch
    result: dict[str, Any] = {
        "task": {
            head.name: {"kind": head.kind, "columns": list(head.columns), "loss": task.loss}
            for head, task in zip(encoder.heads, run.program.tasks, strict=True)
        },
        "n_parameters": count_parameters(state.best.weights),
        "members": 1,
        "metrics": scores,
        "baselines": {judged: _baseline_scores(run, judged)},
        "steps": int(state.step),
        "epochs": n_epochs,
        "best_step": int(state.best.step),
        "rows": {split: len(dataset.splits[split]) for split in splits},
        "examples_per_second": n_epochs * len(run.data.train) / max(seconds["train"], 1e-9),
        "per_member": [{"seed": run.config.seed, "best_step": int(state.best.step), "metrics": scores[judged]}],
        "spread": {},
        "notes": list(dataset.notes),
        "versions": versions(),
        "config_sha256": configs.digest(run.config),
    }
    importance = _importance(run, predictor, judged)
    result["seconds"] = {**seconds, "total": time.time() - started}
    write_json(run.folder / "result.json", _finite(result))
    write_report(
        run.folder / "report.html",
        result | {"config": configs.to_json(run.config)},
        read_history(run.folder),
        _shown(run, judged, answers[judged]),
        importance,
    )
    return result


def rows_of(arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> Arrays:
    """These rows of every array."""
    return {name: array[rows] for name, array in arrays.items()}


def _score(run: Run, split: str, answers: Arrays) -> dict[str, float]:
    rows = run.dataset.splits[split]
    return score(run.dataset.encoder, answers, rows_of(run.dataset.target, rows), run.dataset.weight[rows])


def _baseline_scores(run: Run, judged: str) -> dict[str, dict[str, float]]:
    dataset, encoder = run.dataset, run.dataset.encoder
    fitted, rows = dataset.splits["train"], dataset.splits[judged]
    if len(fitted) > BASELINE_ROWS:
        fitted = np.sort(np.random.default_rng(0).choice(fitted, BASELINE_ROWS, replace=False))
    features = linear_features(rows_of(dataset.inputs, fitted), rows_of(dataset.inputs, rows), encoder.category_sizes)
    target, weight = rows_of(dataset.target, fitted), dataset.weight[fitted]
    baselines = fit_baselines(features[0], target, weight, encoder.heads)
    truth, heads = rows_of(dataset.target, rows), encoder.heads
    return baseline_metrics(baselines, features[1], truth, dataset.weight[rows], heads, encoder.units)


def linear_features(train: Arrays, judged: Arrays, category_sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What a linear model is given [n, d]: numbers filled by the median and standardised, flags of missing ones, and
    one-hot categories, all by the training rows."""
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    if "numbers" in train:
        gaps = np.isnan(train["numbers"])
        fill = np.array([np.median(column[~gap]) for column, gap in zip(train["numbers"].T, gaps.T, strict=True)])
        filled = np.where(gaps, fill.astype(np.float32), train["numbers"])
        mean, sd = filled.mean(0, dtype=np.float64), filled.std(0, dtype=np.float64)
        for part, inputs in zip(parts, (train, judged), strict=True):
            numbers = np.where(np.isnan(inputs["numbers"]), fill, inputs["numbers"])
            part.append(((numbers - mean) / np.where(sd > 0, sd, 1)).astype(np.float32))
            part.append(np.isnan(inputs["numbers"][:, gaps.any(0)]).astype(np.float32))
    for i, size in enumerate(category_sizes):
        for part, inputs in zip(parts, (train, judged), strict=True):
            part.append((inputs["codes"][:, i, None] == np.arange(size + 1)).astype(np.float32))
    return np.concatenate(parts[0], 1), np.concatenate(parts[1], 1)


def _write_predictions(run: Run, answers: Arrays) -> None:
    """predictions.parquet: the test rows with their number in the file, target and prediction."""
    dataset, encoder = run.dataset, run.dataset.encoder
    rows = dataset.splits["test"]
    truth = encoder.decode_targets(rows_of(dataset.target, rows))
    truth = {"target" if len(truth) == 1 else f"target_{name}": values for name, values in truth.items()}
    table = pa.table({"row": dataset.original_rows[rows], **truth, **encoder.decode(answers)})
    write_table(table, str(run.folder / "predictions.parquet"))


def _importance(run: Run, predictor: Predictor, judged: str) -> dict[str, dict[str, float]]:
    dataset, encoder = run.dataset, run.dataset.encoder
    rows = dataset.splits[judged]
    error = prediction_error(encoder.heads, rows_of(dataset.target, rows), dataset.weight[rows], encoder.units)
    inputs = rows_of(dataset.inputs, rows)
    return permutation_importance(predictor.answers, inputs, encoder.places, error, run.config.seed)


def _shown(run: Run, judged: str, answers: Arrays) -> dict[str, Any]:
    """Targets and answers of the judged rows, numbers in original units, for the report's pictures."""
    encoder, target = run.dataset.encoder, rows_of(run.dataset.target, run.dataset.splits[judged])
    heads = [
        {"name": h.name, "kind": h.kind, "columns": list(h.columns), "classes": list(h.classes)} for h in encoder.heads
    ]
    targets, shown = dict(target), dict(answers)
    for head in encoder.heads:
        if head.kind == "regression":
            for arrays in (targets, shown):
                raw = encoder.decode_targets(target | arrays)
                arrays[head.name] = np.stack([raw[name] for name in head.columns], axis=1)
    return {"heads": heads, "targets": targets, "answers": shown}


def _finite(value: Any) -> Any:
    """JSON has no nan: a metric that is not defined (auc of one class) becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def summary(result: Mapping[str, Any], folder: Path) -> str:
    """What a terminal shows at the end: scores of each split, the baselines on the last of them, the report's path."""
    rows = {f"{split} ({result['rows'][split]} rows)": scores for split, scores in result["metrics"].items()}
    for split, baselines in result["baselines"].items():
        rows |= {f"  {name}, {split}": scores for name, scores in baselines.items()}
    names = list(next(iter(rows.values())))
    width = max(len(label) for label in rows)
    lines = [" " * width + "".join(f"{name:>12}" for name in names)]
    for label, scores in rows.items():
        lines.append(f"{label:<{width}}" + "".join(f"{_short(scores.get(name)):>12}" for name in names))
    seconds = result["seconds"]
    lines.append(
        f"{result['n_parameters']:,} parameters, {result['epochs']} epochs; weights of step {result['best_step']} of "
        f"{result['steps']}; {seconds['total']:.1f} s (compile {seconds['compile']:.1f}, train {seconds['train']:.1f})"
    )
    return "\n".join([*lines, f"report: {folder / 'report.html'}"])


def _short(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
