"""Pictures of numbers: predicted against true with the interval, and what is left over. n rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from train.report import draw, scales
from train.report.bins import bin_edges
from train.report.data import Array, Interval
from train.report.draw import MAX_POINTS
from train.report.marks import Band, Bars, Line, Mark, Points, Rule, Spans
from train.report.page import Key, figure, number

MAX_SPANS = 120  # intervals that are drawn one by one


def number_pictures(
    name: str,
    target_n: Array,
    answer_n: Array,
    weight_n: Array | None,
    interval: Interval | None,
    *,
    over_predicted: bool = True,
) -> Iterator[str]:
    """Predicted against true with the interval, the residuals, and these over the prediction.

    Of a series what is over by prediction tells less than its windows.
    """
    n = len(target_n)
    note = f"{MAX_POINTS:,} of {n:,} rows, at random" if n > MAX_POINTS else ""
    yield _against_true(name, target_n, answer_n, interval, note)
    yield _residuals(name, target_n - answer_n, weight_n)
    if over_predicted:
        yield _over_predicted(name, target_n, answer_n, note)


def _against_true(
    name: str, target_n: Array, answer_n: Array, interval: Interval | None, note: str
) -> str:
    """Predictions over targets, with the diagonal on which a perfect model lies."""
    shown = draw.sample(len(target_n))
    x = scales.linear(target_n, answer_n)
    y = x
    ends = [x.low, x.high]
    marks: list[Mark] = []
    keys = [Key("perfect", "grey")]
    if interval is not None:
        band, y = _band(target_n, answer_n, interval, x, shown)
        marks.append(band)
        said = f"{interval.level:.0%} interval"
        keys.append(Key(said, "blue" if isinstance(band, Band) else "pale", "area"))
        held = np.mean((target_n >= interval.low) & (target_n <= interval.high))
        words = f"the interval holds {held:.1%} of the rows"
        note = f"{words}; {note}" if note else words
    marks += [Line(ends, ends, "grey"), Points(target_n[shown], answer_n[shown])]
    title = f"Predicted against true {name}"
    svg = draw.draw(
        title, x, y, marks, xlabel=f"true {name}", ylabel=f"predicted {name}", height=300
    )
    return figure("Predicted against true", note, svg, keys=keys)


def _band(
    target_n: Array, answer_n: Array, interval: Interval, x: scales.Scale, shown: Array
) -> tuple[Mark, scales.Scale]:
    """A band around the diagonal where all are alike, else spans of some rows; and the y axis."""
    below_n = answer_n - interval.low
    above_n = interval.high - answer_n
    ends = np.array([x.low, x.high])
    if np.ptp(below_n) < 1e-6 * np.ptp(ends) and np.ptp(above_n) < 1e-6 * np.ptp(ends):
        # In many steps, so that it ends straight where it leaves the figure.
        places = np.linspace(x.low, x.high, 60)
        low = np.maximum(places - above_n[0], x.low)
        high = np.minimum(places + below_n[0], x.high)
        return Band(places, low, high), x
    few = shown[:: max(1, len(shown) // MAX_SPANS)]
    return Spans(target_n[few], interval.low[few], interval.high[few]), scales.linear(
        target_n, answer_n, interval.low[few], interval.high[few]
    )


def _residuals(name: str, residual_n: Array, weight_n: Array | None) -> str:
    """How often each residual occurs; bins by the square root of the number of rows, at most 40."""
    bins = int(np.clip(np.sqrt(len(residual_n)), 5, 40))
    edges = bin_edges(residual_n, bins)
    counts, _ = np.histogram(residual_n, edges, weights=weight_n)
    what = "rows" if weight_n is None else "weight of rows"
    middle = np.average(residual_n, weights=weight_n)
    svg = draw.draw(
        "Residuals",
        scales.linear(edges),
        scales.linear(counts, zero=True),
        [Bars(edges, counts), Rule(x=0.0)],
        xlabel=f"true \N{MINUS SIGN} predicted {name}",
        ylabel=what,
    )
    return figure("Residuals", f"mean {number(float(middle), 3)}", svg)


def _over_predicted(name: str, target_n: Array, answer_n: Array, note: str) -> str:
    """What is left, target less prediction, over the prediction."""
    shown = draw.sample(len(target_n))
    residual_n = target_n - answer_n
    svg = draw.draw(
        "Residuals against predicted",
        scales.linear(answer_n),
        scales.linear(residual_n),
        [Points(answer_n[shown], residual_n[shown]), Rule(y=0.0)],
        xlabel=f"predicted {name}",
        ylabel="true \N{MINUS SIGN} predicted",
    )
    return figure("Residuals against predicted", note, svg)
