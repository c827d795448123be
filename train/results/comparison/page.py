"""compare.html: runs side by side, in tables and in curves over one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from train.report import draw, scales
from train.report.marks import Line, label
from train.report.page import Key, escape, figure, group, number, section, table, write_document
from train.results.comparison.finished import Finished
from train.results.comparison.ranked import Ranking
from train.results.comparison.text import (
    apart_lines,
    difference_in_words,
    options_in_words,
    score_in_words,
    short_names,
)

MAX_CURVES = draw.CATEGORIES  # runs whose curves are drawn, a colour each
PAIRED = (
    "The difference to the first run is that on the rows both answered, with its 95 % interval: "
    "where 0 lies within, it may be chance. Of many runs compared, one in twenty may seem "
    "different that is not."
)


def write_page(path: Path, rankings: Sequence[Ranking]) -> None:
    """Writes the page, whole or not at all. Raises StorageError."""
    about = f'<h1>Runs compared</h1><p class="muted">{escape(PAIRED)}</p>'
    sections = [f"<header>{about}</header>"]
    for ranking in rankings:
        sections += _sections(ranking)
    write_document(path, "Runs compared", sections)


def _sections(ranking: Ranking) -> Iterator[str]:
    names = short_names([row.run.folder.as_posix() for row in ranking.rows])
    scores = []
    options = []
    for row, name in zip(ranking.rows, names, strict=True):
        cells = [_in_two_lines(score_in_words(row, metric)) for metric in ranking.metrics]
        seconds = number(row.run.result["seconds"]["total"], 3)
        difference = difference_in_words(row.to_first)
        if isinstance(row.to_first, str):
            difference = f"not paired: {row.to_first}"
        scores.append([escape(name), *cells, escape(difference), seconds])
        options.append([escape(name), escape(row.run.net), escape(options_in_words(row, None))])
    head = ["", *map(escape, ranking.metrics), "to the first", "seconds"]
    title = f"{ranking.data}, {ranking.split} rows"
    apart = "".join(f"<p>{escape(line.strip())}</p>" for line in apart_lines(ranking, names))
    yield section(title, table(scores, head, many=True) + apart)
    differences = table(options, ["", "net, parameters", "what differs"], words=True)
    yield section("What differs", differences, columns=1)
    title = "Curves"
    if len(names) > MAX_CURVES:
        title += f" of the first {MAX_CURVES} of {len(names)} runs"
    yield group(title, _curves([row.run for row in ranking.rows], names, ranking.metric))


def _in_two_lines(score: str) -> str:
    """A score, and below it that of each net alone, where there are several."""
    mean, parenthesis, each = escape(score).partition(" (")
    return mean + parenthesis.replace(" ", "<br>") + each.replace("+-", "\N{PLUS-MINUS SIGN}")


def _curves(runs: Sequence[Finished], names: Sequence[str], metric: str) -> Iterator[str]:
    """The validation loss, and the metric, of all runs by epoch; of populations the mean net's."""
    for score in ("loss", metric):
        curves = {}
        for run, name in zip(runs[:MAX_CURVES], names, strict=False):
            curve = _mean_curve(run, score)
            if len(curve[0]):
                curves[name] = curve
        if curves:
            title = "Validation loss" if score == "loss" else f"Validation {score}"
            yield _figure(title, curves)


def _mean_curve(run: Finished, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs, and the mean of the score over all nets evaluated after each."""
    values: dict[float, list[float]] = {}
    for line in run.history:
        value = line.scores.get(score)
        if line.split == "valid" and value is not None:
            values.setdefault(line.epoch, []).append(value)
    epochs = sorted(values)
    return np.array(epochs), np.array([np.mean(values[epoch]) for epoch in epochs])


def _figure(title: str, curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    marks = []
    keys = []
    for i, (name, (epochs, values)) in enumerate(curves.items()):
        marks.append(Line(epochs, values, draw.category(i)))
        keys.append(Key(label(name, 44), draw.category(i)))
    x = scales.whole(*(epochs for epochs, _ in curves.values()))
    y = scales.fitting(*(values for _, values in curves.values()))
    drawn = draw.draw(f"{title} by epoch, a line a run", x, y, marks, xlabel="epoch")
    return figure(title, "by epoch", drawn, keys=keys)
