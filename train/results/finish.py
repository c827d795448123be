"""What a finished run says: metrics of whole splits beside baselines, predictions, result.json and
the report.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from train import config as configs
from train.data.dataset import Batch
from train.data.files.write import write_table
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.clusters import one_unit
from train.evaluation.baselines.codes import component_predictions
from train.evaluation.baselines.forecasts import forecast_baselines
from train.evaluation.baselines.sequences import sequence_baselines
from train.evaluation.baselines.table import table_baselines
from train.evaluation.conformal import (
    conformal_scores,
    judge_intervals,
    numbers_head,
    spread_columns,
)
from train.evaluation.importance import permutation_importance, prediction_error
from train.evaluation.metrics.forecasts import forecast_metrics, forecast_rows, step_metrics
from train.evaluation.score import score
from train.inference.predictor import Predictor
from train.report.report import write_report
from train.results.outcome import Outcome, report_split
from train.results.report_data import report_data
from train.run.calibration import write_scores
from train.run.folder import write_json
from train.run.metadata import lstm_core, versions
from train.run.run import Run

Arrays = dict[str, np.ndarray]
# Training rows that baselines are fitted on at most: more would not change them.
BASELINE_ROWS = 50_000


def finish(
    run: Run, outcome: Outcome, seconds: Mapping[str, float], started: float
) -> dict[str, Any]:
    """Judges what training came to on every split and writes all that a user reads. Returns
    result.json's content.
    """
    dataset = run.dataset
    encoder = run.dataset.encoder
    predictor = outcome.predictor
    splits = [split for split, rows in dataset.splits.items() if len(rows)]
    judged = report_split(dataset)
    scores = {}
    validated = None
    residuals = None
    head = numbers_head(encoder)
    # The judged one last: its answers are shown.
    for split in sorted(splits, key=lambda split: split == judged):
        target, weight, answers = predictor.judged(dataset, dataset.splits[split])
        scores[split] = score(encoder, answers, target, weight)
        if split == "valid":
            validated = target, weight, answers
    scores = {split: scores[split] for split in splits}
    rows = {split: len(dataset.splits[split]) for split in splits}
    if outcome.valid is not None:
        validated = target, weight, by_others = outcome.valid
        scores["valid"] = score(encoder, by_others, target, weight)
        rows["valid"] = len(weight)
    if validated is not None and head is not None:
        target, weight, by_valid = validated
        residuals = conformal_scores(encoder, head, by_valid, target, weight)
        write_scores(run.folder, head, residuals, outcome.facts.steps)
    batch = dataset.take(dataset.arrays, dataset.splits[judged])
    beside = _beside(run, predictor, judged, batch, answers)
    if judged == "test":
        _write_predictions(run, batch, answers)
    facts = outcome.facts
    if len(facts.per_member) == 1:
        facts = facts.with_metrics(scores[judged])
    core = lstm_core(run.config)
    result: dict[str, Any] = {
        "task": {
            head.name: {"kind": head.kind, "columns": list(head.columns), "loss": task.loss}
            for head, task in zip(encoder.heads, run.program.tasks, strict=True)
        },
        "metrics": scores,
        **beside,
        **facts.to_json(),
        "interval": judge_intervals(encoder, residuals, answers, batch) if judged == "test" else {},
        "rows": rows,
        "examples_per_second": facts.examples / max(seconds["train"], 1e-9),
        "notes": list(dataset.notes),
        **({} if core is None else {"lstm": core}),
        "versions": versions(),
        "config_sha256": configs.digest(run.config),
    }
    importance = _importance(run, predictor, batch)
    result["seconds"] = {**seconds, "total": time.time() - started}
    write_json(run.folder / "result.json", _finite(result))
    drawn = report_data(run, predictor, result, judged, batch, answers, importance)
    write_report(run.folder / "report.html", drawn)
    return result


def _beside(
    run: Run, predictor: Predictor, judged: str, batch: Batch, answers: Arrays
) -> dict[str, Any]:
    """What stands beside the scores: {"baselines": {judged: ...}}, and for forecasts "horizon", the
    scores by step.
    """
    match run.dataset:
        case SeriesDataset() as series:
            others = forecast_baselines(series, judged)
            baselines = {}
            by_step = {"net": step_metrics(series.encoder, answers, batch.target)}
            for name, other in others.items():
                baselines[name] = forecast_metrics(series.encoder, other, batch.target)
                by_step[name] = step_metrics(series.encoder, other, batch.target)
            return {"baselines": {judged: baselines}, "horizon": {judged: by_step}}
        case SequenceDataset() as sequences:
            return {
                "baselines": {judged: sequence_baselines(sequences.encoder, _sample(run), batch)}
            }
        case TableDataset(encoder=ClusterEncoder()):
            rows = predictor.answers(_sample(run).inputs)["row"]
            return {"baselines": {judged: {"one_unit": one_unit(rows, answers["row"])}}}
        case TableDataset(encoder=ReconstructionEncoder()):
            return {"baselines": {judged: _components(run, predictor, batch, answers)}}
        case table:
            assert isinstance(table, TableDataset)
            return {"baselines": {judged: table_baselines(table.encoder, _sample(run), batch)}}


def _components(
    run: Run, predictor: Predictor, batch: Batch, answers: Arrays
) -> dict[str, dict[str, float]]:
    """What the mean, and as many principal components as the code has numbers, make of the judged
    rows.
    """
    encoder = run.dataset.encoder
    train = _sample(run)
    size = answers["code"].shape[1]
    rows = predictor.answers(train.inputs)["row"]
    assert isinstance(encoder, ReconstructionEncoder)
    sizes = encoder.category_sizes
    found = component_predictions(
        rows, train.weight, answers["row"], encoder.heads[0].name, sizes, size
    )
    return {
        name: score(encoder, others, batch.target, batch.weight) for name, others in found.items()
    }


def _sample(run: Run) -> Batch:
    """The training rows, or BASELINE_ROWS of them."""
    rows = run.dataset.splits["train"]
    if len(rows) > BASELINE_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, BASELINE_ROWS, replace=False))
    return run.dataset.take(run.dataset.arrays, rows)


def _write_predictions(run: Run, batch: Batch, answers: Arrays) -> None:
    """predictions.parquet: the test rows with their number in the file, target and prediction."""
    encoder = run.dataset.encoder
    rows = run.dataset.splits["test"]
    if isinstance(run.dataset, SeriesDataset):
        table = forecast_rows(run.dataset, rows, batch.target, answers)
        for name, column in spread_columns(encoder, answers, run.config.quantiles).items():
            table = table.append_column(name, pa.array(column))
        write_table(table, run.folder / "predictions.parquet")
        return
    columns = {
        "row": run.dataset.original_rows[rows],
        **encoder.raw_targets(batch.target),
        **encoder.decode(answers),
    }
    columns |= spread_columns(encoder, answers, run.config.quantiles)
    write_table(pa.table(columns), run.folder / "predictions.parquet")


def _importance(run: Run, predictor: Predictor, batch: Batch) -> dict[str, dict[str, float]]:
    encoder = run.dataset.encoder
    if isinstance(
        encoder, SeriesEncoder | SequenceEncoder | ClusterEncoder | ReconstructionEncoder
    ):
        # A column shuffled within its window is no series any more, and other nets have no target.
        return {}
    assert isinstance(encoder, TableEncoder)
    error = prediction_error(encoder.heads, batch.target, batch.weight, encoder.units)
    return permutation_importance(
        predictor.answers, batch.inputs, encoder.places(), error, run.config.seed
    )


def _finite(value: Any) -> Any:
    """JSON has no nan: a metric that is not defined (auc of one class) becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
