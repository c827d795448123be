"""Pictures of clusters: on the two main components, and on the map where there is one.

n rows, d features, k units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nets.maps import map_distances, map_places
from train.report import draw
from train.report.data import Array, Clusters, ReportData
from train.report.page import figure, panels, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PLANES = 12
MAX_NUMBERED = 50  # units that bear their number
MAX_COUNTED = 150  # units of a map that bear how many rows they have


def cluster_sections(data: ReportData) -> Iterator[str]:
    """Clusters on two components, and their sizes; of a map its distances, hits and planes."""
    if data.clusters is None:
        return
    clusters = data.clusters
    rows = f"{len(clusters.cluster_n):,} {data.split} rows"
    note = f"{rows} on their first two principal components, units by number"
    scatter = draw.draw(partial(_scatter, clusters=clusters), "Clusters")
    pictures = [figure("Clusters", note, scatter)]
    if clusters.shape is None:
        sizes = draw.draw(partial(_sizes, clusters=clusters), "Sizes of clusters")
        pictures.append(figure("Sizes", f"{rows} by cluster", sizes))
    yield section("Clusters", panels(pictures))
    if clusters.shape is not None:
        yield section("Map", panels(_maps(clusters, clusters.shape, rows)))
        yield section("Component planes", panels(_planes(clusters, clusters.shape)))


def components(row_nd: Array, others_kd: Array) -> tuple[Array, Array]:
    """Rows, and other points, on the rows' first two principal components [n, 2] and [k, 2]."""
    mean_d = row_nd.mean(0)
    _, axis_dd = np.linalg.eigh(np.cov((row_nd - mean_d).T).reshape(row_nd.shape[1], -1))
    axes_d2 = axis_dd[:, ::-1][:, :2]
    if axes_d2.shape[1] < 2:
        axes_d2 = np.concatenate([axes_d2, np.zeros((len(axes_d2), 1))], 1)
    return (row_nd - mean_d) @ axes_d2, (others_kd - mean_d) @ axes_d2


def unit_distances(units_kd: Array, shape: tuple[int, int], grid: str) -> Array:
    """Of each unit the mean distance to its neighbours on the map [k].

    The U-matrix (Ultsch & Siemon 1990).
    """
    near_kk = (map_distances(shape, grid) < 1.1) & ~np.eye(len(units_kd), dtype=bool)
    distance_kk = np.sqrt(((units_kd[:, None] - units_kd[None]) ** 2).sum(-1))
    return (distance_kk * near_kk).sum(1) / near_kk.sum(1)


def _scatter(axes: Axes, clusters: Clusters) -> None:
    shown = draw.sample(len(clusters.cluster_n))
    row_nd = np.asarray(clusters.row_nd, np.float64)
    units_kd = np.asarray(clusters.units_kd, np.float64)
    place_n2, unit_k2 = components(row_nd, units_kd)
    # More clusters than colours begin again, and bear their number.
    colour_n = [draw.CATEGORIES[i % len(draw.CATEGORIES)] for i in clusters.cluster_n[shown]]
    area = 9 if len(shown) < 500 else 4
    axes.scatter(
        *place_n2[shown].T, s=area, color=colour_n, alpha=0.7, linewidths=0, rasterized=True
    )
    if clusters.shape is None and len(unit_k2) <= MAX_NUMBERED:
        for i, (x, y) in enumerate(unit_k2):
            axes.text(x, y, str(i), ha="center", va="center", fontsize=8.5, color=draw.INK)
    else:
        axes.scatter(*unit_k2.T, s=6, color=draw.INK, linewidths=0)
    axes.locator_params(nbins=6)
    axes.set(xlabel="first component", ylabel="second component")


def _counts(clusters: Clusters) -> Array:
    """Rows of each unit [k]."""
    return np.bincount(clusters.cluster_n, minlength=len(clusters.units_kd))


def _sizes(axes: Axes, clusters: Clusters) -> None:
    count_k = _counts(clusters)
    axes.bar(np.arange(len(count_k)), count_k, color=draw.BLUE, alpha=0.85)
    axes.locator_params(axis="x", nbins=10, integer=True)
    axes.grid(False, axis="x")
    axes.set(xlabel="cluster", ylabel="rows")


def _maps(clusters: Clusters, shape: tuple[int, int], rows: str) -> Iterator[str]:
    grid = clusters.grid
    between_k = unit_distances(np.asarray(clusters.units_kd, np.float64), shape, grid)
    note = "the darker, the farther a unit is from its neighbours"
    yield figure("U-matrix", note, _map(between_k, shape, grid, "U-matrix"))
    count_k = _counts(clusters)
    texts = []
    if len(count_k) <= MAX_COUNTED:
        texts = [str(count) if count else "" for count in count_k]
    yield figure("Hits", f"{rows} by unit", _map(count_k, shape, grid, "Hit map", texts))


def _planes(clusters: Clusters, shape: tuple[int, int]) -> Iterator[str]:
    for i, name in enumerate(clusters.names[:MAX_PLANES]):
        values_k = clusters.units_kd[:, i]
        note = f"{values_k.min():.2g} to {values_k.max():.2g}, scaled"
        svg = _map(values_k, shape, clusters.grid, f"Plane of {name}")
        yield figure(draw.label(name, 28), note, svg)


def _map(
    values_k: Array, shape: tuple[int, int], grid: str, title: str, texts: Sequence[str] = ()
) -> str:
    """The map with a cell for each unit: the darker, the larger its value."""
    low = float(np.min(values_k))
    high = float(np.max(values_k))
    share_k = (np.asarray(values_k, np.float64) - low) / ((high - low) or 1)
    paint = partial(_cells, share_k=share_k, shape=shape, grid=grid, texts=texts)
    return draw.draw(paint, title, left=8, bottom=8)


def _cells(
    axes: Axes, share_k: Array, shape: tuple[int, int], grid: str, texts: Sequence[str]
) -> None:
    """Squares or hexagons, each as dark as its unit's share of the largest value."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import RegularPolygon

    sides, radius, turn = (4, 0.5**0.5, np.pi / 4) if grid == "rectangular" else (6, 3**-0.5, 0.0)
    place_kg = map_places(shape, grid)
    cells = [RegularPolygon((x, y), sides, radius=radius, orientation=turn) for y, x in place_kg]
    colours = [(draw.BLUE, 0.06 + 0.94 * share) for share in share_k]
    axes.add_collection(PatchCollection(cells, facecolor=colours, linewidth=0))
    for (y, x), text, share in zip(place_kg, texts, share_k, strict=False):
        colour = draw.ON_BLUE if share > 0.5 else draw.INK
        axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour)
    bottom, left = place_kg.min(0) - 0.7
    top, right = place_kg.max(0) + 0.7
    axes.set(xlim=(left, right), ylim=(top, bottom), aspect="equal", xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
