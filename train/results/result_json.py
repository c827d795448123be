"""The content of result.json: the task, the scores of the net and its baselines, the notes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from train import config as configs
from train.data.sequences.encoder import SequenceEncoder
from train.report.result import Result, read_result
from train.results.against_baselines import losing_lines, metric_that_counts
from train.results.assessment import Assessment
from train.results.monitored import Monitored
from train.results.sample import part_in_words, sample_in_words
from train.results.temperature import Scaled
from train.run.log import read_history
from train.run.run import Run
from train.run.versions import lstm_core, versions


def result_json(
    run: Run, found: Assessment, scaled: Scaled, seconds: Mapping[str, float], started: float
) -> Result:
    """The content; `seconds` {phase: its duration}, `started` is time.monotonic() at the start."""
    split = found.split
    splits = found.splits
    history = read_history(run.folder)
    has_valid = "valid" in splits.scores
    monitored = Monitored.of(found.outcome.predictor.config, history, has_valid=has_valid)
    facts = monitored.name_best(found.outcome.facts)
    options = monitored.options_to_try(facts.answering_nets())
    if len(facts.per_member) == 1:
        facts = facts.with_metrics(splits.scores[split])
    result: dict[str, object] = {
        "task": _task(run, scaled.temperatures),
        "metrics": splits.scores,
        "baselines": _baselines(found),
    }
    if found.baselines.fitted_on:
        result["baselines_fitted_on"] = dict(found.baselines.fitted_on)
    if found.baselines.by_step:
        result["horizon"] = {split: found.baselines.by_step}
    result |= {
        **facts.to_json(),
        "monitor": monitored.monitor,
        "warnings": _warnings(run, found, options),
        "interval": found.interval,
        "rows": splits.rows,
    }
    if splits.sampled:
        result["sampled"] = splits.sampled
    result["examples_per_second"] = facts.examples / max(seconds["train"], 1e-9)
    result["notes"] = [*run.dataset.notes, *_notes(run, found), *scaled.notes]
    core = lstm_core(run.config)
    if core is not None:
        result["lstm"] = core
    if not run.config.train.report:
        result["report"] = False
    result["versions"] = versions()
    result["config_sha256"] = configs.digest(run.config)
    if found.classes:
        result["classes"] = {split: found.classes}
    if found.groups is not None:
        result["groups"] = {split: found.groups.to_json()}
    result["seconds"] = {**seconds, "total": time.monotonic() - started}
    return read_result(result)


def _task(run: Run, temperatures: Mapping[str, float]) -> dict[str, dict[str, object]]:
    """{head: its kind, columns, loss}, and the metric and temperature that it has besides."""
    own_metric = metric_that_counts(run.config.data)
    task: dict[str, dict[str, object]] = {}
    for head, head_task in zip(run.dataset.encoder.heads, run.program.tasks, strict=True):
        columns = list(head.columns)
        task[head.name] = {"kind": head.kind, "columns": columns, "loss": head_task.loss}
        if head.kind in own_metric:
            task[head.name]["metric"] = own_metric[head.kind]
        if head.name in temperatures:
            task[head.name]["temperature"] = temperatures[head.name]
    return task


def _baselines(found: Assessment) -> dict[str, dict[str, dict[str, float]]]:
    """{split: {baseline: its metrics}}, of the split that is reported and of validation rows."""
    baselines = {found.split: found.baselines.baselines}
    if found.valid_baselines and found.split != "valid":
        baselines["valid"] = found.valid_baselines
    return baselines


def _warnings(run: Run, found: Assessment, options: Sequence[str]) -> list[str]:
    """Lines on baselines that do better, with `options` to try, and on baselines left out.

    Scores are those of the validation rows. They are those of the test rows where no rows validate,
    and for sequences, where the weights may have been chosen by few validation rows.
    """
    where = {"valid": "validation", "test": "test"}
    encoder = run.dataset.encoder
    by_test = found.split == "test" and isinstance(encoder, SequenceEncoder)
    split = "valid" if "valid" in found.splits.scores and not by_test else found.split
    losing = []
    if split in where:
        losing = losing_lines(
            encoder.heads,
            found.splits.scores[split],
            found.valid_baselines if split == "valid" else found.baselines.baselines,
            options if split == "valid" else (),
            metric_that_counts(run.config.data),
            where[split],
        )
    return [*losing, *filter(None, [found.baselines.note]), *found.importance.notes]


def _notes(run: Run, found: Assessment) -> list[str]:
    """Which scores and baselines are of a part of the rows."""
    notes = []
    for name, n_scored in found.splits.sampled.items():
        notes.append(sample_in_words(n_scored, found.splits.rows[name]))
    if found.baselines.fitted_on:
        notes.append(part_in_words(found.baselines.fitted_on, run.dataset.n_train))
    return notes
