"""Pictures of a self-organizing map: distances, hits, and a plane for each column.

f number columns, k units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nets.maps import map_distances, map_places
from train.report import draw
from train.report.data import Array, Clusters
from train.report.marks import Area, Mark, Words
from train.report.page import figure
from train.report.scales import Scale

MAX_PLANES = 15  # three rows of five
MAX_COUNTED = 150  # units of a map that bear how many rows they have


def map_pictures(clusters: Clusters, shape: tuple[int, int], rows: str) -> Iterator[str]:
    """How far each unit is from its neighbours, and how many rows it has."""
    grid = clusters.grid
    between_k = unit_distances(np.asarray(clusters.units_kd, np.float64), shape, grid)
    note = "the bluer, the farther a unit is from its neighbours"
    yield figure("U-matrix", note, _map(between_k, shape, grid, "U-matrix"))
    count_k = np.bincount(clusters.cluster_n, minlength=len(clusters.units_kd))
    texts: list[str] = []
    if len(count_k) <= MAX_COUNTED:
        texts = [str(count) if count else "" for count in count_k]
    yield figure("Hits", f"{rows} by unit", _map(count_k, shape, grid, "Hit map", texts))


def plane_pictures(clusters: Clusters, shape: tuple[int, int]) -> Iterator[str]:
    """The map once for each column: the mean of the rows that are nearest to a unit."""
    for i, name in enumerate(clusters.names[:MAX_PLANES]):
        values_k = np.asarray(clusters.units_kd, np.float64)[:, i]
        note = f"{values_k.min():.2g} to {values_k.max():.2g}, scaled"
        raw = _raw_range(clusters, i, values_k)
        svg = _map(values_k, shape, clusters.grid, f"Plane of {name}")
        yield figure(draw.label(name, 28), raw or note, svg)


def unit_distances(units_kd: Array, shape: tuple[int, int], grid: str) -> Array:
    """The mean distance of each unit to its neighbours on the map [k].

    The U-matrix (Ultsch & Siemon 1990).
    """
    near_kk = (map_distances(shape, grid) < 1.1) & ~np.eye(len(units_kd), dtype=bool)
    distance_kk = np.sqrt(((units_kd[:, None] - units_kd[None]) ** 2).sum(-1))
    return (distance_kk * near_kk).sum(1) / near_kk.sum(1)


def _raw_range(clusters: Clusters, i: int, values_k: Array) -> str:
    """The ends of a plane in raw units, where scaled rows are a line through the raw ones."""
    if clusters.raw_nf is None:
        return ""
    raw_n = np.asarray(clusters.raw_nf, np.float64)[:, i]
    row_n = np.asarray(clusters.row_nd, np.float64)[:, i]
    known_n = np.isfinite(raw_n) & np.isfinite(row_n)
    if known_n.sum() < 2 or np.ptp(row_n[known_n]) == 0:
        return ""
    slope, shift = np.polyfit(row_n[known_n], raw_n[known_n], 1)
    left_n = raw_n[known_n] - slope * row_n[known_n] - shift
    if np.abs(left_n).max() > 1e-3 * np.ptp(raw_n[known_n]):
        return ""
    low, high = (slope * end + shift for end in (values_k.min(), values_k.max()))
    return f"{low:.3g} to {high:.3g}; the bluer, the larger"


def _map(
    values_k: Array, shape: tuple[int, int], grid: str, title: str, texts: Sequence[str] = ()
) -> str:
    """The map with a cell for each unit, square or hexagonal: the bluer, the larger its value."""
    low = float(np.min(values_k))
    high = float(np.max(values_k))
    share_k = (np.asarray(values_k, np.float64) - low) / ((high - low) or 1)
    place_kg = map_places(shape, grid)
    sides, radius, turn = (4, 0.5**0.5, np.pi / 4) if grid == "rectangular" else (6, 3**-0.5, 0.0)
    angles = turn + np.pi / 2 + 2 * np.pi * np.arange(sides) / sides
    corners = radius * np.stack([np.cos(angles), np.sin(angles)], -1)
    marks: list[Mark] = []
    for (y, x), share in zip(place_kg, share_k, strict=True):
        marks.append(Area([corners + np.array([x, y])], "blue", 0.06 + 0.94 * share))
    for (y, x), said, share in zip(place_kg, texts, share_k, strict=False):
        marks.append(Words([x], [y], [said], "on" if share > 0.5 else "ink"))
    bottom, left = place_kg.min(0) - 0.6
    top, right = place_kg.max(0) + 0.6
    height = min((draw.WIDTH - 8) * (top - bottom) / (right - left), 340.0) + 8
    # One unit is as long across as it is upwards.
    wide = (top - bottom) * (draw.WIDTH - 8) / (height - 8)
    middle = (left + right) / 2
    x_axis = Scale(middle - wide / 2, middle + wide / 2, ())
    return draw.draw(title, x_axis, Scale(top, bottom, ()), marks, height=height, bare=True)
