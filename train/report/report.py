"""Numbers -> pictures: report.html of a run, one file that opens anywhere.

n rows, o outputs, k classes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from train.errors import StorageError
from train.report import draw
from train.report import plots as figures
from train.report.answers import answer_sections, importance_section
from train.report.clusters import cluster_sections
from train.report.codes import reconstruction_sections
from train.report.decisions import decision_sections
from train.report.page import document, escape, figure, number, panels, section, table
from train.report.population import best_member, population_sections
from train.report.scores import (
    HEADLINE,
    JUDGED,
    MAX_TARGETS,
    drawn_score,
    headline,
    intervals_in_words,
    score_table,
)
from train.report.series import forecast_sections
from train.report.weights import gradient_pictures, weight_pictures

Json = Mapping[str, Any]


def write_report(
    path: Path | str,
    result: Json,
    history: Sequence[Json],
    predictions: Json,
    importance: Mapping[str, Mapping[str, float]] | None,
) -> None:
    """Write one HTML file, whole or not at all.

    `result`: as in result.json, and "notes" (list of str) and "config". `history`: the lines of
    metrics.jsonl. `predictions`: {"heads": [{"name", "kind", "columns", "classes"}], "targets":
    {head: array}, "answers": {head: array}} of the test rows, else of the validation rows, else of
    the training rows: numbers [n, o] in original units; classes by index [n], answered by P(second
    class) [n] or probabilities [n, k]. `importance`: as `train.evaluation.importance` returns it;
    None leaves its picture out. Raises StorageError if the file cannot be written.
    """
    path = Path(path)
    content = _page(result, history, predictions, importance).encode("utf-8", "replace")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}") from None


def _page(
    result: Json,
    history: Sequence[Json],
    predictions: Json,
    importance: Mapping[str, Mapping[str, float]] | None,
) -> str:
    config = result["config"]
    heads = predictions["heads"]
    split = next(name for name in JUDGED if result["metrics"].get(name))
    targets = [(column, head["kind"]) for head in heads for column in head["columns"]]
    drawn = targets[:MAX_TARGETS]
    about = ("Target: " if len(targets) == 1 else "Targets: ") + ", ".join(
        f"{name} ({kind})" for name, kind in targets
    )
    few = (
        f"The first {MAX_TARGETS} of {len(targets)} targets are drawn; the table has all."
        if targets != drawn
        else ""
    )
    history = [line for line in history if line.get("member", 0) == best_member(result)]
    sections = [
        f'<h1>{escape(config["name"])}</h1>\n<p class="muted">{escape(about)}</p>',
        *(headline(result, split, *target) for target in drawn),
        f'<p class="muted">{few}</p>' if few else "",
        section("Scores", score_table(result, split)),
        *population_sections(result, *drawn_score(result, drawn[0], split)),
        section(
            "Learning",
            panels([*_learning_curves(result, history, drawn), *gradient_pictures(history)]),
        ),
        section("Weights", panels(weight_pictures(predictions.get("kernels")))),
    ]
    columns = {column for column, _ in drawn}
    if "forecasts" in predictions:
        by_step = result["horizon"][split]
        sections += forecast_sections(
            predictions["forecasts"], by_step, [name for name, _ in drawn], split
        )
    if "plane" in predictions:
        sections += decision_sections(predictions["plane"], heads, predictions["targets"], split)
    if "codes" in predictions:
        sections += reconstruction_sections(predictions["codes"], split)
    if "clusters" in predictions:
        sections += cluster_sections(predictions["clusters"], split)
    for head in heads:
        if head["name"] not in predictions["targets"] or head["kind"] not in (
            "regression",
            "binary",
            "multiclass",
        ):
            continue
        target = predictions["targets"][head["name"]]
        answer = predictions["answers"][head["name"]]
        sections += answer_sections(head, np.asarray(target), np.asarray(answer), columns, split)
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in result["notes"])
    source = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    sections += [
        section("Importance", importance_section(importance or {}, targets)),
        section("Data", f"<ul>{notes}</ul>" if notes else ""),
        section("Run", _run(result)),
        f"<details><summary>Config</summary>\n<pre>{escape(source)}</pre></details>",
    ]
    return document(config["name"], sections)


def _learning_curves(
    result: Json, history: Sequence[Json], targets: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """The loss by epoch, and each target's first metric, with the epoch of the best weights."""
    best = next((line["epoch"] for line in history if line["step"] == result["best_step"]), None)
    known = {name for line in history for name in line}
    scores = [(f"{target}.{HEADLINE[kind]}", HEADLINE[kind]) for target, kind in targets]
    for name in ["loss", *(long if long in known else short for long, short in scores)]:
        curves = {}
        for split in ("train", "valid"):
            points = [
                (line["epoch"], line[name])
                for line in history
                if line["split"] == split and name in line
            ]
            if any(value is not None for _, value in points):
                curves[split] = tuple(np.array(points, np.float64).T)
        if curves:
            title = "Loss" if name == "loss" else name
            svg = draw.draw(
                partial(figures.learning_curve, curves=curves, best_epoch=best), f"{title} by epoch"
            )
            yield figure(title, "by epoch", svg)


def _run(result: Json) -> str:
    seconds = result["seconds"]
    parts = ", ".join(
        f"{name} {number(value, 3)}" for name, value in seconds.items() if name != "total"
    )
    rows = [
        ("parameters", f"{result['n_parameters']:,}"),
        (
            "updates",
            f"{result['steps']:,} in {result['epochs']:g} epochs; best after {result['best_step']:,}",
        ),
        ("seconds", f"{number(seconds['total'], 3)} ({parts})"),
        ("speed", f"{number(result['examples_per_second'], 3)} examples/s"),
        *(
            [("intervals", intervals_in_words(result["interval"]))]
            if result.get("interval")
            else []
        ),
        (
            "versions",
            ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        ),
        ("config sha256", result["config_sha256"]),
    ]
    return table([(name, escape(value)) for name, value in rows], words=True)
