"""A figure as inline SVG: an area with two axes, and marks upon it.

Blue is the model, grey is the truth or what chance would do. Colours are CSS variables of the page,
so that one drawing serves its light and its dark scheme; sizes are CSS pixels, and a drawing is
shown about as large as it is made.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

import numpy as np

from train.report.marks import FONT, Mark, Place, label, text, text_width
from train.report.scales import Scale

WIDTH = 400
HEIGHT = 250
MAX_POINTS = 2_500  # of a figure
CATEGORIES = 10  # colours of the page for what has no order


def draw(
    title: str,
    x: Scale,
    y: Scale,
    marks: Iterable[Mark],
    *,
    xlabel: str = "",
    ylabel: str = "",
    height: float = HEIGHT,
    bare: bool = False,
) -> str:
    """One panel as an `<svg>` element; `title` is read aloud. A `bare` one has no axes."""
    widest = max((text_width(tick.text) for tick in y.ticks), default=0)
    left = max(widest + 10, 24.0)
    ends = text_width(x.ticks[-1].text) / 2 if x.ticks else 0
    right = max(10.0, ends)
    top = 12.0 + 14 * bool(ylabel)
    bottom = 26.0 + 18 * bool(xlabel)
    if bare:
        left = right = top = bottom = 4.0
    place = Place(left, top, WIDTH - left - right, height - top - bottom, x, y)
    parts = [] if bare else [_axes(place, xlabel, ylabel)]
    parts += [mark.svg(place) for mark in marks]
    head = f'<svg role="img" aria-label="{html.escape(title)}" viewBox="0 0 {WIDTH} {height:g}">'
    return f"{head}{''.join(parts)}</svg>"


def category(i: int) -> str:
    """The colour of the i-th of things without an order; they begin again after ten."""
    return f"c{i % CATEGORIES}"


def sample(n: int) -> np.ndarray:
    """Which of n points to draw: all, or `MAX_POINTS` of them, the same ones every time."""
    if n <= MAX_POINTS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, MAX_POINTS, replace=False))


def _axes(place: Place, xlabel: str, ylabel: str) -> str:
    """The grid, the ticks' texts, the names of the axes: y above its ticks, x below them."""
    bottom = place.top + place.height
    grid = ""
    texts = ""
    for tick in place.y.ticks:
        _, down = place.points(place.x.low, tick.value)
        grid += f"M{place.left:.1f} {down:.1f}h{place.width:.1f}"
        texts += text(place.left - 6, down + 0.36 * FONT, tick.text, "end")
    taken = -np.inf
    for tick in place.x.ticks:
        across, _ = place.points(tick.value, place.low)
        half = text_width(tick.text) / 2
        if across - half < taken:
            continue
        taken = across + half + 4
        texts += text(max(across, half), bottom + 18, tick.text, "middle")
    frame = f'<path class="axis" d="M{place.left:.1f} {bottom:.1f}h{place.width:.1f}"/>'
    if ylabel:
        texts += text(0, FONT, label(ylabel, 52))
    if xlabel:
        texts += text(place.left + place.width, bottom + 38, label(xlabel, 52), "end")
    return f'<path class="grid" d="{grid}"/>{frame}{texts}'
