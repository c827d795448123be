"""What stands on the area of a figure: lines, points, bands, bars, words, as elements of an SVG."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from train.report.scales import Scale

FONT = 12


class Place(NamedTuple):
    """The rectangle between the axes, and the axes."""

    left: float
    top: float
    width: float
    height: float
    x: Scale
    y: Scale

    def points(self, x: ArrayLike, y: ArrayLike) -> np.ndarray:
        """Where values stand on the drawing [n, 2]."""
        across = self.left + self.width * self.x.share(x)
        down = self.top + self.height * (1 - self.y.share(y))
        return np.stack(np.broadcast_arrays(across, down), -1)

    @property
    def low(self) -> float:
        """The value at the lower end of the y axis."""
        return self.y.low


class Mark(Protocol):
    """What stands on the area of a figure."""

    def svg(self, place: Place) -> str:
        """The mark as elements of an `<svg>`."""
        ...


@dataclass(frozen=True)
class Line:
    """A line through points, broken where a value is not finite; `dash` is "", "dash" or "dot"."""

    x: ArrayLike
    y: ArrayLike
    colour: str = "blue"
    dash: str = ""
    dots: bool = False

    def svg(self, place: Place) -> str:
        points = place.points(self.x, self.y)
        kind = f"l {self.colour} {self.dash}".rstrip()
        drawn = f'<path class="{kind}" d="{path(points)}"/>'
        known = points[np.isfinite(points).all(-1)]
        if self.dots or len(known) == 1:
            drawn += dots(known, self.colour, "p big")
        return drawn


@dataclass(frozen=True)
class Points:
    """Points, small and transparent where there are many."""

    x: ArrayLike
    y: ArrayLike
    colour: str = "blue"
    kind: str = ""  # "few", "many"; by their number

    def svg(self, place: Place) -> str:
        points = place.points(self.x, self.y)
        points = points[np.isfinite(points).all(-1)]
        kind = self.kind or ("few" if len(points) < 500 else "many")
        return dots(points, self.colour, f"p {kind}")


@dataclass(frozen=True)
class Band:
    """The area between two lines."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    colour: str = "blue"

    def svg(self, place: Place) -> str:
        lower, upper = _ends(place, self)
        outline = np.concatenate([upper, lower[::-1]])
        return f'<path class="band {self.colour}" d="{path(outline)}Z"/>' if len(lower) else ""


@dataclass(frozen=True)
class Bars:
    """Bars from the lower end of the axis between neighbouring edges [n + 1]."""

    edges: ArrayLike
    heights: ArrayLike
    colour: str = "blue"

    def svg(self, place: Place) -> str:
        edges = np.asarray(self.edges, np.float64)
        tops = place.points(edges[:-1], self.heights)
        rights = place.points(edges[1:], self.heights)[:, 0]
        bottom = place.top + place.height
        boxes = []
        for (left, top), right in zip(tops, rights, strict=True):
            gap = 1 if right - left > 4 else 0
            if bottom - top > 0:
                boxes.append(f"M{left:.1f} {bottom:.1f}V{top:.1f}H{right - gap:.1f}V{bottom:.1f}Z")
        return f'<path class="a {self.colour}" d="{"".join(boxes)}"/>'


@dataclass(frozen=True)
class Spans:
    """Lines that stand upright from `low` to `high` at each x."""

    x: ArrayLike
    low: ArrayLike
    high: ArrayLike
    colour: str = "pale"

    def svg(self, place: Place) -> str:
        drawn = ""
        for (x, bottom), (_, top) in zip(*_ends(place, self), strict=True):
            drawn += f"M{x:.1f} {bottom:.1f}V{top:.1f}"
        return f'<path class="l thin {self.colour}" d="{drawn}"/>'


def _ends(place: Place, mark: Band | Spans) -> tuple[np.ndarray, np.ndarray]:
    """Where the lower and the upper ends are drawn [n, 2], as far as both are known."""
    lower = place.points(mark.x, mark.low)
    upper = place.points(mark.x, mark.high)
    known = np.isfinite(lower).all(-1) & np.isfinite(upper).all(-1)
    return lower[known], upper[known]


@dataclass(frozen=True)
class Rule:
    """A thin line across the area, upright at `x` or level at `y`."""

    x: float | None = None
    y: float = 0.0
    colour: str = "grey"

    def svg(self, place: Place) -> str:
        if self.x is not None:
            across, _ = place.points(self.x, place.low)
            drawn = f"M{across:.1f} {place.top:.1f}v{place.height:.1f}"
        else:
            _, down = place.points(place.x.low, self.y)
            drawn = f"M{place.left:.1f} {down:.1f}h{place.width:.1f}"
        return f'<path class="l thin {self.colour}" d="{drawn}"/>'


@dataclass(frozen=True)
class Words:
    """Texts whose middles stand at these values."""

    x: ArrayLike
    y: ArrayLike
    texts: Sequence[str]
    kind: str = "ink"

    def svg(self, place: Place) -> str:
        drawn = ""
        for (across, down), said in zip(place.points(self.x, self.y), self.texts, strict=True):
            drawn += text(across, down + 0.36 * FONT, said, "middle", self.kind) if said else ""
        return drawn


@dataclass(frozen=True)
class Area:
    """Closed outlines [p, 2] of one colour, filled as much as `opacity` says."""

    outlines: Sequence[np.ndarray]
    colour: str
    opacity: float = 1.0

    def svg(self, place: Place) -> str:
        drawn = ""
        for outline in self.outlines:
            drawn += path(place.points(outline[:, 0], outline[:, 1])) + "Z"
        return f'<path class="a {self.colour}" fill-opacity="{self.opacity:.2g}" d="{drawn}"/>'


def text(x: float, y: float, said: str, anchor: str = "start", kind: str = "") -> str:
    """A text element; `kind` is a class of the page, for example "ink"."""
    which = f' class="{kind}"' if kind else ""
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {at}{which}>{html.escape(label(said, 60))}</text>"


def path(points: np.ndarray) -> str:
    """The data of a path through points [n, 2]; a gap where one is not finite."""
    steps = []
    is_on = False
    for across, down in points:
        if not np.isfinite(across + down):
            is_on = False
            continue
        steps.append(f"{'L' if is_on else 'M'}{across:.1f} {down:.1f}")
        is_on = True
    return "".join(steps)


def dots(points: np.ndarray, colour: str, kind: str) -> str:
    """Round points, all of them one path of lines without a length."""
    drawn = "".join(f"M{across:.1f} {down:.1f}h0" for across, down in points)
    return f'<path class="{kind} {colour}" d="{drawn}"/>' if drawn else ""


def label(name: str, limit: int) -> str:
    """A name that fits beside an axis: printable, on one line, at most `limit` characters."""
    said = "".join(c if c.isprintable() else " " for c in str(name))
    return said if len(said) <= limit else said[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def text_width(said: str) -> float:
    """A generous estimate of a text's width in pixels; East Asian wide characters count twice."""
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in said)
    return 0.6 * FONT * wide
