"""What a finished run leaves: metrics beside baselines, predictions, result.json, the report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from train import config as configs
from train.data.dataset import HostArrays
from train.data.files.write import finite, write_table
from train.evaluation.classes import score_classes
from train.evaluation.conformal import Scores, conformal_scores, numbers_head, score_intervals
from train.evaluation.importance import Rises
from train.evaluation.kinds import BaselineScores, SplitPredictions, kind_of, score_rows_of
from train.evaluation.metrics.probabilistic import probabilistic_metrics
from train.evaluation.paths import relative_errors
from train.inference.predictor import Predicted
from train.report.report import write_report
from train.report.result import read_result
from train.results.against_baselines import losing_lines, metric_that_counts
from train.results.baselines import baseline_seconds, baselines_on_valid, importance_seconds
from train.results.groups import score_groups
from train.results.monitored import Monitored
from train.results.outcome import Outcome, report_split
from train.results.report_data import report_data
from train.results.sample import part_in_words, sample_in_words, scored_rows
from train.results.sessions import show_end
from train.results.temperature import scale_answers
from train.run.calibration import write_scores
from train.run.errors import write_errors
from train.run.folder import write_json
from train.run.log import NAME as LOG
from train.run.log import read_history
from train.run.manifest import rewriting
from train.run.metadata import lstm_core, versions
from train.run.run import Run

WRITTEN = (
    "calibration.parquet",
    "errors.parquet",
    "groups.csv",
    "importance.csv",
    "predictions.parquet",
    "temperature.json",
    "result.json",
    "report.html",
    LOG,
)


def finish(
    run: Run, outcome: Outcome, seconds: Mapping[str, float], started: float
) -> dict[str, Any]:
    """Evaluates a trained net and writes all that a user reads; returns result.json's content."""
    with rewriting(run.folder, *WRITTEN):
        return _finish(run, outcome, seconds, started)


def _finish(
    run: Run, outcome: Outcome, seconds: Mapping[str, float], started: float
) -> dict[str, Any]:
    dataset = run.dataset
    kind = kind_of(dataset.encoder)
    scaled = scale_answers(run, outcome)
    outcome = scaled.outcome
    evaluated = _evaluate_splits(run, outcome)
    split = evaluated.split
    residuals = _calibrate(run, outcome, evaluated.validated)
    rows = scored_rows(dataset, split, run.config.seed)
    batch = dataset.take(dataset.arrays, rows)
    predictor = outcome.predictor
    judged = SplitPredictions(
        dataset, split, rows, batch, evaluated.predictions, predictor.answers, predictor.shuffled
    )
    allowed = baseline_seconds(run.config.train, seconds["train"], dataset.n_train)
    beside = kind.baselines(judged, allowed)
    on_valid: dict[str, dict[str, float]] = {}
    # Where every fold has validation rows of its own, no one model stands beside them all.
    if outcome.valid is None and evaluated.validated is not None:
        on_valid = baselines_on_valid(kind, judged, evaluated.validated, allowed)
    interval: dict[str, float] = {}
    if split == "test":
        table = kind.table(judged, run.config.levels())
        write_table(table, run.folder / "predictions.parquet")
        interval = score_intervals(dataset.encoder, residuals, judged.predictions, batch)
    result = _result(run, outcome, evaluated, beside, on_valid, interval, seconds)
    for name, temperature in scaled.temperatures.items():
        result["task"][name]["temperature"] = temperature
    result["notes"] += scaled.notes
    allowed = importance_seconds(run.config.train, seconds["train"])
    importance = kind.importance(judged, run.config.seed, allowed)
    if by_class := score_classes(
        dataset.encoder.heads, batch.target, judged.predictions, batch.weight
    ):
        result["classes"] = {split: by_class}
    result["warnings"] += [*filter(None, [beside.note]), *importance.notes]
    if groups := score_groups(run.folder, judged, residuals):
        result["groups"] = {split: groups.to_json()}
    if importance.rises:
        write_table(_importance_table(importance.rises), run.folder / "importance.csv")
    else:  # of an earlier end of the run
        (run.folder / "importance.csv").unlink(missing_ok=True)
    result["seconds"] = {**seconds, "total": time.monotonic() - started}
    write_json(run.folder / "result.json", finite(result))
    show_end(run.folder, run.config, read_result(result))
    if not run.config.train.report:  # nor is one of an earlier end left
        (run.folder / "report.html").unlink(missing_ok=True)
        return result
    drawn = report_data(
        run,
        outcome.predictor,
        result,
        split,
        batch,
        judged.predictions,
        importance.rises,
        residuals,
    )
    write_report(run.folder / "report.html", drawn)
    return result


def _importance_table(rises: Rises) -> pa.Table:
    """The columns, the most important first, and by how much the error rises without each."""
    columns: dict[str, list[str] | list[float]] = {"column": list(rises)}
    for name in ("mean", "sd"):
        columns[name] = [rise[name] for rise in rises.values()]
    return pa.table(columns)


class Evaluated(NamedTuple):
    """The metrics of every split and how many rows it has; `sampled` says where fewer are scored.

    `predictions` are those of the split that is reported, `validated` those of the validation rows.
    """

    scores: dict[str, dict[str, float]]
    rows: dict[str, int]
    sampled: dict[str, int]
    split: str
    predictions: HostArrays
    validated: Predicted | None


def _evaluate_splits(run: Run, outcome: Outcome) -> Evaluated:
    """Metrics of whole splits; of validation rows by other nets, where those predicted them."""
    dataset = run.dataset
    reported = report_split(dataset)
    scores: dict[str, dict[str, float]] = {}
    rows = {}
    sampled = {}
    predictions: HostArrays = {}
    validated = outcome.valid
    for split, places in dataset.splits.items():
        if not len(places):
            continue
        rows[split] = len(places)
        places = scored_rows(dataset, split, run.config.seed)
        if len(places) < rows[split]:
            sampled[split] = len(places)
        predicted = outcome.predictor.predict_rows(dataset, places)
        scores[split] = _score(run, places, predicted)
        if split == reported:
            predictions = predicted.predictions
        if split == "valid" and outcome.valid is None:
            validated = predicted
    if outcome.valid is not None:
        scores["valid"] = _score(run, outcome.valid_rows, outcome.valid)
        rows["valid"] = len(outcome.valid.weight)
    return Evaluated(scores, rows, sampled, reported, predictions, validated)


def _score(run: Run, rows: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """The metrics of rows, and what their spread is worth where one is answered."""
    target, weight, predictions = predicted
    scores = score_rows_of(run.dataset, rows, predictions, target, weight)
    levels = run.config.levels()
    encoder = run.dataset.encoder
    return scores | probabilistic_metrics(encoder, predictions, target, weight, levels)


def _calibrate(run: Run, outcome: Outcome, validated: Predicted | None) -> Scores | None:
    """The conformal scores of the validation rows, written to the run's folder.

    None where there are no such rows, or nothing predicts numbers.
    """
    encoder = run.dataset.encoder
    head = numbers_head(encoder)
    if validated is None or head is None:
        return None
    target, weight, predictions = validated
    residuals = conformal_scores(encoder, head, predictions, target, weight)
    steps = outcome.facts.steps
    write_scores(run.folder, head, residuals, steps)
    write_errors(run.folder, relative_errors(encoder, head, predictions, target, weight), steps)
    return residuals


def _result(
    run: Run,
    outcome: Outcome,
    evaluated: Evaluated,
    beside: BaselineScores,
    on_valid: dict[str, dict[str, float]],
    interval: dict[str, float],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """result.json's content but for "seconds", which come last."""
    split = evaluated.split
    own_metric = metric_that_counts(run.config.data)
    task = {}
    for head, head_task in zip(run.dataset.encoder.heads, run.program.tasks, strict=True):
        columns = list(head.columns)
        task[head.name] = {"kind": head.kind, "columns": columns, "loss": head_task.loss}
        if head.kind in own_metric:
            task[head.name]["metric"] = own_metric[head.kind]
    horizon = {"horizon": {split: beside.by_step}} if beside.by_step else {}
    notes = []
    for name, n_scored in evaluated.sampled.items():
        notes.append(sample_in_words(n_scored, evaluated.rows[name]))
    if beside.fitted_on:
        notes.append(part_in_words(beside.fitted_on, run.dataset.n_train))
    history = read_history(run.folder)
    has_valid = "valid" in evaluated.scores
    monitored = Monitored.of(outcome.predictor.config, history, has_valid=has_valid)
    facts = monitored.name_best(outcome.facts)
    baselines = {split: beside.baselines}
    if on_valid and split != "valid":
        baselines["valid"] = on_valid
    options = monitored.options_to_try(facts.answering_nets())
    heads = run.dataset.encoder.heads
    warnings = losing_lines(heads, evaluated.scores.get("valid", {}), on_valid, options, own_metric)
    if len(facts.per_member) == 1:
        facts = facts.with_metrics(evaluated.scores[split])
    core = lstm_core(run.config)
    lstm = {} if core is None else {"lstm": core}
    return {
        "task": task,
        "metrics": evaluated.scores,
        "baselines": baselines,
        **({"baselines_fitted_on": dict(beside.fitted_on)} if beside.fitted_on else {}),
        **horizon,
        **facts.to_json(),
        "monitor": monitored.monitor,
        "warnings": warnings,
        "interval": interval,
        "rows": evaluated.rows,
        **({"sampled": evaluated.sampled} if evaluated.sampled else {}),
        "examples_per_second": facts.examples / max(seconds["train"], 1e-9),
        "notes": [*run.dataset.notes, *notes],
        **lstm,
        **({} if run.config.train.report else {"report": False}),
        "versions": versions(),
        "config_sha256": configs.digest(run.config),
    }
