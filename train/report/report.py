"""Numbers -> pictures: report.html of a run, one file that opens anywhere.

n rows, o outputs, k classes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from train.errors import StorageError
from train.report import plots as figures
from train.report.clusters import cluster_sections
from train.report.codes import reconstruction_sections
from train.report.decisions import decision_sections
from train.report.page import document, escape, figure, number, panels, section, table
from train.report.population import best_member, population_sections
from train.report.series import forecast_sections
from train.report.weights import gradient_pictures, weight_pictures
from train.run.log import HIGHER_IS_BETTER

MAX_TARGETS = 4  # of which there are pictures and a headline; the table has all
MAX_BARS = 20
JUDGED = {"test": "Test", "valid": "Validation", "train": "Training"}  # on the first of these that a run has
HEADLINE = {
    "regression": "rmse",
    "binary": "accuracy",
    "multiclass": "accuracy",
    "tags": "token_accuracy",
    "entities": "f1",
    "cluster": "quantisation_error",
    "reconstruction": "rmse",
    "reconstructed_categories": "accuracy",
    "next_numbers": "rmse",
    "next_binary": "nll",
}
IN_WORDS = {"mean": "the mean", "majority": "the most frequent class", "linear": "a linear model", "pca": "PCA",
            "one_unit": "a single unit", "last": "the last value", "seasonal": "the last season"}  # fmt: skip

Json = Mapping[str, Any]


def write_report(
    path: Path | str,
    result: Json,
    history: Sequence[Json],
    predictions: Json,
    importance: Mapping[str, Mapping[str, float]] | None,
) -> None:
    """Write one HTML file, whole or not at all.

    `result`: as in result.json, and "notes" (list of str) and "config". `history`: the lines of metrics.jsonl.
    `predictions`: {"heads": [{"name", "kind", "columns", "classes"}], "targets": {head: array}, "answers": {head:
    array}} of the test rows, else of the validation rows, else of the training rows: numbers [n, o] in original units;
    classes by index [n], answered by P(second class) [n] or probabilities [n, k]. `importance`: as `train.evaluation.importance`
    returns it; None leaves its picture out. Raises StorageError if the file cannot be written.
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
    result: Json, history: Sequence[Json], predictions: Json, importance: Mapping[str, Mapping[str, float]] | None
) -> str:
    config, heads = result["config"], predictions["heads"]
    split = next(name for name in JUDGED if result["metrics"].get(name))
    targets = [(column, head["kind"]) for head in heads for column in head["columns"]]
    drawn = targets[:MAX_TARGETS]
    about = ("Target: " if len(targets) == 1 else "Targets: ") + ", ".join(f"{name} ({kind})" for name, kind in targets)
    few = f"The first {MAX_TARGETS} of {len(targets)} targets are drawn; the table has all." if targets != drawn else ""
    history = [line for line in history if line.get("member", 0) == best_member(result)]
    sections = [
        f'<h1>{escape(config["name"])}</h1>\n<p class="muted">{escape(about)}</p>',
        *(_headline(result, split, *target) for target in drawn),
        f'<p class="muted">{few}</p>' if few else "",
        section("Scores", _scores(result, split)),
        *population_sections(result, *_drawn_score(result, drawn[0], split)),
        section("Learning", panels([*_learning_curves(result, history, drawn), *gradient_pictures(history)])),
        section("Weights", panels(weight_pictures(predictions.get("kernels")))),
    ]
    columns = {column for column, _ in drawn}
    if "forecasts" in predictions:
        by_step = result["horizon"][split]
        sections += forecast_sections(predictions["forecasts"], by_step, [name for name, _ in drawn], split)
    if "plane" in predictions:
        sections += decision_sections(predictions["plane"], heads, predictions["targets"], split)
    if "codes" in predictions:
        sections += reconstruction_sections(predictions["codes"], split)
    if "clusters" in predictions:
        sections += cluster_sections(predictions["clusters"], split)
    for head in heads:
        if head["name"] not in predictions["targets"] or head["kind"] not in ("regression", "binary", "multiclass"):
            continue
        target, answer = predictions["targets"][head["name"]], predictions["answers"][head["name"]]
        sections += _answers(head, np.asarray(target), np.asarray(answer), columns, split)
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in result["notes"])
    source = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    sections += [
        section("Importance", _importance(importance or {}, targets)),
        section("Data", f"<ul>{notes}</ul>" if notes else ""),
        section("Run", _run(result)),
        f"<details><summary>Config</summary>\n<pre>{escape(source)}</pre></details>",
    ]
    return document(config["name"], sections)


def _score(scores: Json, target: str, metric: str) -> float | None:
    """A target's metric, which bears the target's name where there are several; None if absent or not finite."""
    value = scores.get(f"{target}.{metric}", scores.get(metric))
    return value if value is not None and math.isfinite(value) else None


def _drawn_score(result: Json, target: tuple[str, str], split: str) -> tuple[str, str]:
    """The name of the first target's first metric, and the split that it is of."""
    column, kind = target
    long = f"{column}.{HEADLINE[kind]}"
    return long if long in result["metrics"][split] else HEADLINE[kind], split


def _better(metric: str, a: float, b: float) -> bool:
    return a > b if metric.rpartition(".")[2] in HIGHER_IS_BETTER else a < b


def _headline(result: Json, split: str, target: str, kind: str) -> str:
    """The score in words beside every baseline's, and whether it beats the best of them."""
    metric, scores = HEADLINE[kind], result["metrics"][split]
    score = _score(scores, target, metric)
    rivals = {IN_WORDS.get(name, name): _score(of, target, metric) for name, of in _baselines(result, split).items()}
    known = {name: value for name, value in rivals.items() if value is not None}
    what = f"{JUDGED[split]} {metric}" + (f" of {target}" if metric not in scores else "")
    if score is None:
        return f'<p class="headline">{escape(what)} is not a finite number.</p>'
    ranked = sorted(known, key=lambda name: known[name], reverse=metric in HIGHER_IS_BETTER)
    values = {score, *known.values()}
    digits = next((d for d in (3, 4, 5) if len({number(value, d) for value in values}) == len(values)), 6)
    against = " and ".join(f"{number(known[name], digits)} for {escape(name)}" for name in ranked)
    line = f"{escape(what)} <b>{number(score, digits)}</b>" + (f" against {against}." if against else ".")
    verdict = _verdict(metric, score, ranked[0], known[ranked[0]]) if ranked else "No baseline was measured."
    return f'<p class="headline">{line}</p>\n<p class="muted">{escape(verdict)}</p>'


def _verdict(metric: str, score: float, name: str, rival: float) -> str:
    """One sentence on a score and the best baseline's. Shares differ by points, errors by a part of the rival's."""
    gap = abs(score - rival)
    by = f"{number(100 * gap, 2)} points" if metric in HIGHER_IS_BETTER else (
        f"{number(100 * gap / rival, 2)}%" if rival else number(gap, 2))  # fmt: skip
    if _better(metric, score, rival):
        return f"The net is {by} better than the best baseline, {name}."
    return f"The net does not beat {name}: it is " + (f"{by} worse." if gap else "the same.")


def _score_text(metric: str, value: float | None) -> str:
    """Four digits; of what is at most 1, four decimals: the r2 of a mean is 0, not -2.262e-04."""
    share = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    return f"{value:.4f}" if share and value is not None and math.isfinite(value) else number(value)


def _baselines(result: Json, split: str) -> Json:
    return result["baselines"].get(split, {})


def _scores(result: Json, split: str) -> str:
    """Metrics by split, then the baselines; the best on the judged split in bold."""
    metrics, baselines = result["metrics"], _baselines(result, split)
    splits = [name for name in ("train", "valid", "test") if metrics.get(name)]
    rows, group = [], ""
    for metric in metrics[split]:
        contest = {split: metrics[split], **baselines}
        known = [v for v in (of.get(metric) for of in contest.values()) if v is not None and math.isfinite(v)]
        best = [v for v in known if not any(_better(metric, other, v) for other in known)] if len(known) > 1 else []
        cells = []
        for name, of in ({name: metrics[name] for name in splits} | contest).items():
            text = _score_text(metric, of[metric]) if metric in of else ""
            cells.append(f"<b>{text}</b>" if name in contest and of.get(metric) in best else text)
        target, _, name = metric.rpartition(".")
        if target and target != group:
            rows.append([escape(target)])
        group = target
        rows.append([escape(name), *cells])
    note = f"Baselines are scored on the {split} rows; the best score there is bold." if baselines else ""
    return table(rows, ["", *splits, *(escape(IN_WORDS.get(name, name)) for name in baselines)]) + (
        f'<p class="muted">{note}</p>')  # fmt: skip


def _learning_curves(result: Json, history: Sequence[Json], targets: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The loss by epoch, and each target's first metric, with the epoch of the best weights."""
    best = next((line["epoch"] for line in history if line["step"] == result["best_step"]), None)
    known = {name for line in history for name in line}
    scores = [(f"{target}.{HEADLINE[kind]}", HEADLINE[kind]) for target, kind in targets]
    for name in ["loss", *(long if long in known else short for long, short in scores)]:
        curves = {}
        for split in ("train", "valid"):
            points = [(line["epoch"], line[name]) for line in history if line["split"] == split and name in line]
            if any(value is not None for _, value in points):
                curves[split] = tuple(np.array(points, np.float64).T)
        if curves:
            title = "Loss" if name == "loss" else name
            svg = figures.draw(partial(figures.learning_curve, curves=curves, best_epoch=best), f"{title} by epoch")
            yield figure(title, "by epoch", svg)


def _answers(head: Json, target: np.ndarray, answer: np.ndarray, columns: set[str], split: str) -> list[str]:
    """The sections of one head: one for each of its columns that is to be drawn."""
    sections = []
    for i, column in enumerate(head["columns"]):
        if column not in columns:
            continue
        if head["kind"] == "regression":
            truth, said = target.reshape(len(target), -1)[:, i], answer.reshape(len(answer), -1)[:, i]
        else:
            truth, said = target, answer
        finite_n = np.isfinite(truth) & np.isfinite(said.reshape(len(said), -1)).all(-1)
        draw = _numbers if head["kind"] == "regression" else _classes
        pictures = panels(draw(head, truth[finite_n], said[finite_n])) if finite_n.any() else ""
        title = f"{column}: answers to {finite_n.sum():,} {split} rows"
        if not finite_n.all():
            title += f"; {(~finite_n).sum():,} more are not finite"
        sections.append(section(title, pictures or "<p>There is nothing to draw.</p>"))
    return sections


def _numbers(head: Json, truth_n: np.ndarray, said_n: np.ndarray) -> Iterator[str]:
    n = len(truth_n)
    note = f"{figures.MAX_POINTS:,} of {n:,} rows, at random" if n > figures.MAX_POINTS else ""
    for title, paint, words in (
        ("Predicted against true", figures.predicted_against_true, note),
        ("Residuals", figures.residual_histogram, ""),
        ("Residuals against predicted", figures.residuals_against_predicted, note),
    ):
        yield figure(title, words, figures.draw(partial(paint, truth_n=truth_n, answer_n=said_n), title))


def _classes(head: Json, truth_n: np.ndarray, probability: np.ndarray) -> Iterator[str]:
    classes, truth_n = [str(name) for name in head["classes"]], truth_n.astype(int)
    k, binary = len(classes), head["kind"] == "binary"
    said_n = (probability > 0.5).astype(int) if binary else probability.argmax(-1)
    counts, names = figures.gather_rare(figures.confusion(truth_n, said_n, k), classes)
    note = "number of rows" + (f"; the {len(names) - 1} largest of {k} classes" if len(names) < k else "")
    title = "Confusion"
    svg, wide = figures.confusion_matrix(counts, names, title)
    yield figure(title, note, svg, wide=wide)
    if binary and len(np.unique(truth_n)) == 2:
        false_rate, true_rate, area = figures.roc_curve(truth_n == 1, probability)
        svg = figures.draw(partial(figures.roc, false_rate=false_rate, true_rate=true_rate), "ROC curve")
        yield figure("ROC", f"of {classes[1]}; area {number(area, 3)}", svg)
    happened = truth_n == 1 if binary else np.eye(k, dtype=bool)[truth_n]
    curve = figures.calibration(happened.ravel(), probability.ravel())
    note = f"of P({classes[1]})" if binary else "each class against the rest"
    yield figure("Calibration", note, figures.draw(partial(figures.calibration_curve, curve=curve), "Calibration"))


def _importance(importance: Mapping[str, Mapping[str, float]], targets: Sequence[tuple[str, str]]) -> str:
    if not importance:
        return ""
    ranked = sorted(importance, key=lambda name: -importance[name]["mean"])[:MAX_BARS]
    unit = "error" if len(targets) > 1 else "rmse" if targets[0][1] == "regression" else "share of wrong answers"
    note = "by how much the error grows when one column is shuffled" + (
        f"; the {MAX_BARS} largest of {len(importance)} columns" if len(importance) > MAX_BARS else "")  # fmt: skip
    means, deviations = (np.array([importance[name][key] for name in ranked]) for key in ("mean", "sd"))
    svg = figures.importance_bars(ranked, means, deviations, f"rise in {unit}", "Permutation importance")
    return panels([figure("Permutation importance", note, svg, wide=True)])


def intervals_in_words(interval: Json) -> str:
    """What result.json says of a run's intervals, on a line: "90% hold 89.1% of the test rows, mean width 165"."""
    shares = {name.rpartition("coverage")[0]: share for name, share in interval.items() if name.endswith("coverage")}
    parts = [
        f"{share:.1%} of the test rows{f' for {of[:-1]}' if of else ''}, mean width {number(interval[f'{of}width'], 4)}"
        for of, share in shares.items()
    ]
    return f"{interval['level']:.0%} hold {'; '.join(parts)}"


def _run(result: Json) -> str:
    seconds = result["seconds"]
    parts = ", ".join(f"{name} {number(value, 3)}" for name, value in seconds.items() if name != "total")
    rows = [
        ("parameters", f"{result['n_parameters']:,}"),
        ("updates", f"{result['steps']:,} in {result['epochs']:g} epochs; best after {result['best_step']:,}"),
        ("seconds", f"{number(seconds['total'], 3)} ({parts})"),
        ("speed", f"{number(result['examples_per_second'], 3)} examples/s"),
        *([("intervals", intervals_in_words(result["interval"]))] if result.get("interval") else []),
        ("versions", ", ".join(f"{name} {version}" for name, version in result["versions"].items())),
        ("config sha256", result["config_sha256"]),
    ]
    return table([(name, escape(value)) for name, value in rows], words=True)
