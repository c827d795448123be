"""Pictures of a population's scores: by each field that varies, and over all fields at once.

k members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.report import draw, scales
from train.report.data import Array
from train.report.marks import Line, Mark, Points, Rule, Words
from train.report.page import Key, figure, number
from train.report.result import MemberRecord
from train.report.scales import Tick, plain

MAX_VALUES = 12  # of a field through whose means a line goes
MAX_TICKS = 6  # values of a field that all bear their number
MAX_LINES = 200  # nets of the picture of all fields
BINS = 20


def score_pictures(members: Sequence[MemberRecord], metric: str) -> Iterator[str]:
    """The spread of scores; then each net's by every field that varies, and by fold."""
    scored = [member for member in members if member["metrics"].get(metric) is not None]
    score_k = np.array([member["metrics"][metric] for member in scored], np.float64)
    if not len(score_k):
        return
    yield _spread(score_k, metric)
    varied = _varied(scored)
    fields = {name: values for name, values in varied.items() if name != "fold"}
    if len(fields) > 1:
        yield _parallel(fields, score_k, metric)
    for field, values in varied.items():
        yield _scores_by(field, values, score_k, metric)


def _varied(members: Sequence[MemberRecord]) -> dict[str, list[object]]:
    """By name what the members differ in but by chance, a value for each."""
    varied: dict[str, list[object]] = {}
    for field in members[0].get("values", {}):
        varied[field] = [member.get("values", {})[field] for member in members]
    if "fold" in members[0]:
        varied["fold"] = [member.get("fold") for member in members]
    return varied


def _spread(score_k: Array, metric: str) -> str:
    """How often each score occurs, a dot for each net above its place."""
    finite = score_k[np.isfinite(score_k)]
    x = scales.linear(finite)
    place_k = np.clip((x.share(finite) * BINS).astype(int), 0, BINS - 1)
    height_k = np.zeros(len(finite))
    stacked = np.zeros(BINS, int)
    for i in np.argsort(finite, kind="stable"):
        stacked[place_k[i]] += 1
        height_k[i] = stacked[place_k[i]]
    middle = float(np.median(finite)) if len(finite) else 0.0
    marks: list[Mark] = [
        Points(finite, height_k, kind="few"),
        Rule(x=middle),
    ]
    y = scales.Scale(0.0, float(max(stacked.max(), 1)) + 1.0, ())
    svg = draw.draw(f"Spread of {metric} over the nets", x, y, marks, xlabel=metric)
    note = f"{metric} of each of {len(score_k)} nets"
    return figure("Spread", note, svg, keys=[Key(f"median {number(middle)}", "grey")])


def _placed(values: Sequence[object]) -> tuple[Array, scales.Scale]:
    """Values on an axis: of numbers, by powers of ten where they span one; of names."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        x_k = np.array(numbers, np.float64)
        is_wide = x_k.min() > 0 and x_k.max() >= 10 * x_k.min()
        x = scales.logarithmic(x_k) if is_wide else scales.linear(x_k)
        at = np.unique(x_k)
        if len(at) <= MAX_TICKS:
            x = replace(x, ticks=tuple(Tick(float(value), plain(float(value))) for value in at))
        return x_k, x
    names = sorted(set(map(str, values)))
    x_k = np.array([names.index(str(value)) for value in values], np.float64)
    return x_k, scales.names([draw.label(name, 14) for name in names])


def _scores_by(field: str, values: Sequence[object], score_k: Array, metric: str) -> str:
    """A dot for each net, and a line through the means at each value where these are few.

    Folds have no order that a line would show.
    """
    x_k, x = _placed(values)
    at = np.unique(x_k)
    has_line = len(at) <= MAX_VALUES and field != "fold"
    colour = "pale" if has_line else "blue"
    marks: list[Mark] = [Points(x_k, score_k, colour, "few")]
    keys = [Key("a net", colour, "dot")]
    if has_line:
        means = [score_k[x_k == value].mean() for value in at]
        marks.append(Line(at, means, dots=True))
        keys.append(Key("mean", "blue"))
    svg = draw.draw(
        f"{metric} by {field}", x, scales.linear(score_k), marks, xlabel=field, ylabel=metric
    )
    return figure(metric, f"by {field}", svg, keys=keys)


def _parallel(fields: dict[str, list[object]], score_k: Array, metric: str) -> str:
    """A line for each net over an axis for each field and its score; the best tenth is blue.

    The axis of a score is upside down where lower is better.
    """
    higher = metric.rpartition(".")[2] in HIGHER_IS_BETTER
    axes = [*(_placed(values) for values in fields.values()), (score_k, scales.linear(score_k))]
    names = [*(name.rpartition(".")[2] for name in fields), metric]
    share_ka = np.stack([scale.share(x_k) for x_k, scale in axes], -1)
    if not higher:
        share_ka[:, -1] = 1 - share_ka[:, -1]
    order = np.argsort(share_ka[:, -1], kind="stable")[-MAX_LINES:]
    n_best = max(1, len(order) // 10)
    at = np.arange(len(axes))
    marks: list[Mark] = [Rule(x=float(i)) for i in at]
    for place, k in enumerate(order):
        is_best = place >= len(order) - n_best
        marks.append(Line(at, share_ka[k], "blue" if is_best else "pale"))
    for i, (_, scale) in enumerate(axes):
        shown = scale.ticks if len(scale.ticks) <= 6 else scale.ticks[:: len(scale.ticks) // 5 + 1]
        places = scale.share([tick.value for tick in shown])
        if i == len(axes) - 1 and not higher:
            places = 1 - places
        texts = [draw.label(tick.text, 12) for tick in shown]
        marks.append(Words(np.full(len(shown), float(i)), places, texts))
    note = "a line for each net, the best score on top; the best tenth is blue"
    x = scales.Scale(-0.35, len(axes) - 0.65, scales.names(names).ticks)
    y = scales.Scale(-0.04, 1.04, ())
    svg = draw.draw(f"All fields at once: {note}", x, y, marks, height=300)
    keys = [Key("the best", "blue"), Key("others", "pale")]
    return figure("All fields at once", note, svg, keys=keys)
