"""A figure as inline SVG: its style, its colours as CSS variables of the page, sizes of texts.

Blue is the model, grey is the truth or what chance would do. Colours leave as CSS variables, so
that one drawing serves the page's light and its dark scheme. matplotlib is imported when the first
figure is drawn.
"""

from __future__ import annotations

import html
import io
import re
import unicodedata
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.typing import RcKeyType

Painter: TypeAlias = "Callable[[Axes], None]"

# Of a panel, in points: three stand side by side, and a phone shows one larger than life
WIDTH = 240
HEIGHT = 180
MAX_POINTS = 5_000  # of a figure

BLUE = "#2563eb"
PALE = "#9dbbf7"
GREY = "#8b929c"
INK = "#1f2430"
MUTED = "#667080"
LINE = "#e3e6ea"
ON_BLUE = "#fefefe"
# Told apart by most eyes (Tableau's ten), on light and on dark.
CATEGORIES = (
    "#4e79a7",
    "#f28e2b",
    "#e15759",
    "#76b7b2",
    "#59a14f",
    "#edc948",
    "#b07aa1",
    "#ff9da7",
    "#9c755f",
    "#bab0ac",
)
VARIABLES = {
    BLUE: "blue",
    PALE: "pale",
    GREY: "grey",
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    ON_BLUE: "on-blue",
}

STYLE: dict[RcKeyType, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.formatter.limits": (-4, 5),
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": MUTED,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}
FONT = "; font-family: 'DejaVu Sans', sans-serif"


def draw(
    paint: Painter,
    title: str,
    *,
    width: float = WIDTH,
    height: float = HEIGHT,
    left: float = 42,
    bottom: float = 34,
) -> str:
    """One panel as an `<svg>` element; `paint` draws on its axes.

    Sizes are in points; `title` is read aloud.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # The browser has its own font for a name in any script.
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure((width / 72, height / 72))
        across = (width - left - 8) / width
        up = (height - bottom - 14) / height
        paint(figure.add_axes((left / width, bottom / height, across, up)))
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", dpi=160)
    # Text of one size in all, always legible.
    bounds = f"max-width:{1.34 * width:.0f}px;min-width:{width:.0f}px"
    box = f'viewBox="0 0 {width:.6g} {height:.6g}" style="{bounds}"'
    body = _inline(buffer.getvalue())
    return f'<svg role="img" aria-label="{html.escape(title)}" {box}>{body}'


def label_with_numbers(axis: Axis) -> None:
    """Labels a logarithmic axis with numbers: those of matplotlib are formulas."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def sample(n: int) -> np.ndarray:
    """Which of n points to draw: all, or `MAX_POINTS` of them, the same ones every time."""
    if n <= MAX_POINTS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, MAX_POINTS, replace=False))


def label(name: str, limit: int) -> str:
    """A name that fits beside an axis: printable, on one line, at most `limit` characters."""
    text = "".join(c if c.isprintable() else " " for c in str(name))
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def text_width(text: str) -> float:
    """A generous estimate of a text's width in points; East Asian wide characters count twice."""
    return 0.58 * 8.5 * sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _inline(svg: str) -> str:
    """What is within matplotlib's `<svg>`, as a part of the page, with the closing tag."""
    head = re.compile(r"^.*?<svg[^>]*>|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
    body = head.sub("", svg, count=3)
    # The same in every figure, and nothing refers to them.
    body = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", body)
    return re.sub(r'style="[^"]*"', _with_variables, body).strip()


def _with_variables(style: re.Match[str]) -> str:
    """A style whose font is the page's, and whose colours are its variables."""
    text = style[0].replace(FONT, "")
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--{name})")
    return text
