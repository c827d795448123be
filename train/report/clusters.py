"""Pictures of clusters: on the two main components, and on the map where there is one.

n rows, d features, k units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nets.competitive import map_distances, map_places
from train.report import draw
from train.report import plots as figures
from train.report.page import figure, panels, section

Array = np.ndarray
Json = Mapping[str, Any]
MAX_PLANES = 12


def cluster_sections(found: Json, split: str) -> list[str]:
    """Sections of a report. `found`: {"row" [n, d] scaled, "cluster" [n], "units" [k, d], "names":
    of the first features, "shape": of the map or None, "grid"}.
    """
    n = f"{len(found['cluster']):,} {split} rows"
    note = f"{n} on their first two principal components, units by number"
    scatter = draw.draw(partial(_scatter, found=found), "Clusters")
    sections = [section("Clusters", panels([figure("Clusters", note, scatter), *_sizes(found, n)]))]
    if found["shape"] is not None:
        sections.append(section("Map", panels(_maps(found, n))))
        sections.append(section("Component planes", panels(_planes(found))))
    return sections


def components(row_nd: Array, others_kd: Array) -> tuple[Array, Array]:
    """Rows, and other points of the same space, on the rows' first two principal components [n, 2]
    and [k, 2].
    """
    mean_d = row_nd.mean(0)
    _, axis_dd = np.linalg.eigh(np.cov((row_nd - mean_d).T).reshape(row_nd.shape[1], -1))
    axes_d2 = axis_dd[:, ::-1][:, :2]
    if axes_d2.shape[1] < 2:
        axes_d2 = np.concatenate([axes_d2, np.zeros((len(axes_d2), 1))], 1)
    return (row_nd - mean_d) @ axes_d2, (others_kd - mean_d) @ axes_d2


def unit_distances(units_kd: Array, shape: tuple[int, int], grid: str) -> Array:
    """The U-matrix (Ultsch & Siemon 1990): of each unit the mean distance to its neighbours on the
    map [k].
    """
    near_kk = (map_distances(shape, grid) < 1.1) & ~np.eye(len(units_kd), dtype=bool)
    distance_kk = np.sqrt(((units_kd[:, None] - units_kd[None]) ** 2).sum(-1))
    return (distance_kk * near_kk).sum(1) / near_kk.sum(1)


def _scatter(axes: Any, found: Json) -> None:
    shown = figures.sample(len(found["cluster"]))
    row_nd, units_kd = (np.asarray(found[name], np.float64) for name in ("row", "units"))
    place_n2, unit_k2 = components(row_nd, units_kd)
    # More clusters than colours begin again, and bear their number.
    colour_n = [
        draw.CATEGORIES[i % len(draw.CATEGORIES)] for i in np.asarray(found["cluster"])[shown]
    ]
    area = 9 if len(shown) < 500 else 4
    axes.scatter(
        *place_n2[shown].T, s=area, color=colour_n, alpha=0.7, linewidths=0, rasterized=True
    )
    if found["shape"] is None and len(unit_k2) <= 50:
        for i, (x, y) in enumerate(unit_k2):
            axes.text(x, y, str(i), ha="center", va="center", fontsize=8.5, color=draw.INK)
    else:
        axes.scatter(*unit_k2.T, s=6, color=draw.INK, linewidths=0)
    axes.locator_params(nbins=6)
    axes.set(xlabel="first component", ylabel="second component")


def _sizes(found: Json, n: str) -> Iterator[str]:
    if found["shape"] is not None:
        return
    count_k = np.bincount(found["cluster"], minlength=len(found["units"]))

    def paint(axes: Any) -> None:
        axes.bar(np.arange(len(count_k)), count_k, color=draw.BLUE, alpha=0.85)
        axes.locator_params(axis="x", nbins=10, integer=True)
        axes.grid(False, axis="x")
        axes.set(xlabel="cluster", ylabel="rows")

    yield figure("Sizes", f"{n} by cluster", draw.draw(paint, "Sizes of clusters"))


def _maps(found: Json, n: str) -> Iterator[str]:
    shape = found["shape"]
    grid = found["grid"]
    between_k = unit_distances(np.asarray(found["units"], np.float64), shape, grid)
    note = "the darker, the farther a unit is from its neighbours"
    yield figure("U-matrix", note, _cells(between_k, shape, grid, "U-matrix"))
    count_k = np.bincount(found["cluster"], minlength=len(found["units"]))
    texts = [str(count) if count else "" for count in count_k] if len(count_k) <= 150 else None
    yield figure("Hits", f"{n} by unit", _cells(count_k, shape, grid, "Hit map", texts))


def _planes(found: Json) -> Iterator[str]:
    for i, name in enumerate(found["names"][:MAX_PLANES]):
        values_k = np.asarray(found["units"])[:, i]
        note = f"{values_k.min():.2g} to {values_k.max():.2g}, scaled"
        yield figure(
            draw.label(name, 28),
            note,
            _cells(values_k, found["shape"], found["grid"], f"Plane of {name}"),
        )


def _cells(
    values_k: Array,
    shape: tuple[int, int],
    grid: str,
    title: str,
    texts: Sequence[str] | None = None,
) -> str:
    """The map with a cell for each unit: the darker, the larger its value."""
    low = float(np.min(values_k))
    high = float(np.max(values_k))
    share_k = (np.asarray(values_k, np.float64) - low) / ((high - low) or 1)

    def paint(axes: Any) -> None:
        from matplotlib.collections import PatchCollection
        from matplotlib.colors import to_rgba_array
        from matplotlib.patches import RegularPolygon

        sides, radius, turn = (
            (4, 0.5**0.5, np.pi / 4) if grid == "rectangular" else (6, 3**-0.5, 0.0)
        )
        place_kg = map_places(shape, grid)
        cells = [
            RegularPolygon((x, y), sides, radius=radius, orientation=turn) for y, x in place_kg
        ]
        colours = to_rgba_array([draw.BLUE] * len(cells), 0.06 + 0.94 * share_k)
        axes.add_collection(PatchCollection(cells, facecolor=colours, linewidth=0))
        for (y, x), text, share in zip(place_kg, texts or [], share_k, strict=False):
            colour = figures.ON_BLUE if share > 0.5 else draw.INK
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour)
        (bottom, left) = place_kg.min(0) - 0.7
        (top, right) = place_kg.max(0) + 0.7
        axes.set(xlim=(left, right), ylim=(top, bottom), aspect="equal", xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)

    return draw.draw(paint, title, left=8, bottom=8)
