"""Rows beside what an autoencoder gives back of them: as images, or column by column.

f number columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from train.report import draw
from train.report.data import Array, Codes
from train.report.marks import Area
from train.report.page import escape, figure, number, table
from train.report.scales import Scale

PIXEL = re.compile(r"(.*?)(\d+)[_,x](\d+)$")  # a name such as pixel_3_5
TOLD = ("the best row", "the median row", "the worst row")  # column by column
MAX_COLUMNS = 14  # of a row that is told in a table
GREYS = 16
MIN_FILLED = 0.6  # of the places of an image


class Image(NamedTuple):
    """Where each column stands in an image of `height` by `width` pixels."""

    height: int
    width: int
    row_f: Array
    column_f: Array


def reconstruction_pictures(codes: Codes) -> Iterator[str]:
    """Each shown row beside what comes back of it."""
    image = find_image(codes.columns)
    for about, before_f, after_f in codes.shown:
        if image is None:
            if about in TOLD:
                yield _table(codes, about, before_f, after_f)
            continue
        low = float(min(np.nanmin(before_f), np.nanmin(after_f)))
        high = float(max(np.nanmax(before_f), np.nanmax(after_f)))
        pair = _image(image, before_f, low, high, f"{about}: the row")
        pair += _image(image, after_f, low, high, f"{about}: what comes back")
        yield figure(about, "the row, and what comes back", f'<div class="strip">{pair}</div>')


def find_image(columns: Sequence[str]) -> Image | None:
    """The image whose pixels the columns are, by their names; None where they are none."""
    found = [PIXEL.fullmatch(name) for name in columns]
    if len(found) < 16 or not all(found):
        return None
    matches = [match for match in found if match is not None]
    row_f = np.array([int(match[2]) for match in matches])
    column_f = np.array([int(match[3]) for match in matches])
    row_f = row_f - row_f.min()
    column_f = column_f - column_f.min()
    height = int(row_f.max()) + 1
    width = int(column_f.max()) + 1
    is_one_name = len({match[1] for match in matches}) == 1
    n_places = len(set(zip(row_f, column_f, strict=True)))
    # Pixels that are always alike are no columns: their places stay empty.
    if not is_one_name or n_places < len(columns) or n_places < MIN_FILLED * height * width:
        return None
    return Image(height, width, row_f, column_f)


def _image(image: Image, value_f: Array, low: float, high: float, title: str) -> str:
    """The pixels, the darker the larger, in few shades: alike ones are one path."""
    share_f = (np.asarray(value_f, np.float64) - low) / ((high - low) or 1)
    shade_f = np.round(np.nan_to_num(share_f) * GREYS).astype(int)
    marks = []
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    for shade in np.unique(shade_f[shade_f > 0]):
        own = np.flatnonzero(shade_f == shade)
        outlines = [square + np.array([image.column_f[i], image.row_f[i]]) for i in own]
        marks.append(Area(outlines, "ink", shade / GREYS))
    x = Scale(0, image.width, ())
    y = Scale(image.height, 0, ())
    height = draw.WIDTH * image.height / image.width
    return draw.draw(title, x, y, marks, height=height, bare=True)


def _table(codes: Codes, about: str, before_f: Array, after_f: Array) -> str:
    """A line for each column, those that come back worst first."""
    order = np.argsort(np.nan_to_num(codes.r2_f, nan=np.inf), kind="stable")[:MAX_COLUMNS]
    rows = []
    for i in order:
        cells = [number(float(before_f[i]), 3), number(float(after_f[i]), 3)]
        name = escape(draw.label(codes.columns[int(i)], 28))
        rows.append([name, *cells])
    note = "in raw units"
    if len(order) < len(codes.columns):
        note += f"; the {len(order)} worst of {len(codes.columns)} columns"
    return figure(about, note, table(rows, ["column", "row", "comes back"]))
