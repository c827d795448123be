"""Clusters: what each is like, on the two main components, and on the map where there is one.

n rows, d features, f number columns, k units.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nets.maps import map_distances
from train.report import draw, scales
from train.report.data import Array, Clusters, ReportData
from train.report.map_pictures import MAX_PLANES, map_pictures, plane_pictures
from train.report.marks import Line, Mark, Points, Words
from train.report.page import bar, escape, figure, group, heading, number, table

MAX_NUMBERED = 50  # units that bear their number
MAX_PROFILES = 8  # clusters that the table of profiles tells of
MAX_COLUMNS = 30  # of that table
MAX_SIZES = 12  # clusters whose sizes stand in a table
FULL = 1.5  # deviations from the whole at which a cell's colour is full


def cluster_sections(data: ReportData) -> Iterator[str]:
    """Profiles, clusters on two components, and their sizes; of a map all its planes."""
    if data.clusters is None:
        return
    clusters = data.clusters
    rows = f"{len(clusters.cluster_n):,} {data.split} rows"
    yield group("Profiles", [*_profiles(clusters), _sizes(clusters, rows)])
    units = "units by number" if clusters.shape is None else "and the net of the map's units"
    note = f"{rows} on their first two principal components, {units}"
    pictures = [figure("Clusters", note, _scatter(clusters, note))]
    if clusters.shape is not None:
        pictures += map_pictures(clusters, clusters.shape, rows)
    pictures += _labels(clusters)
    yield group("Clusters" if clusters.shape is None else "Map", pictures)
    if clusters.shape is not None:
        n = len(clusters.names)
        few = f"; the first {MAX_PLANES} of {n} columns" if n > MAX_PLANES else ""
        planes = plane_pictures(clusters, clusters.shape)
        yield group(f"Component planes{few}", planes, small=True)


def components(row_nd: Array, others_kd: Array) -> tuple[Array, Array]:
    """Rows, and other points, on the rows' first two principal components [n, 2] and [k, 2]."""
    mean_d = row_nd.mean(0)
    if len(row_nd) < 2:  # a row alone has no spread to stand along
        return np.zeros((len(row_nd), 2)), np.zeros((len(others_kd), 2))
    _, axis_dd = np.linalg.eigh(np.cov((row_nd - mean_d).T).reshape(row_nd.shape[1], -1))
    axes_d2 = axis_dd[:, ::-1][:, :2]
    if axes_d2.shape[1] < 2:
        axes_d2 = np.concatenate([axes_d2, np.zeros((len(axes_d2), 1))], 1)
    return (row_nd - mean_d) @ axes_d2, (others_kd - mean_d) @ axes_d2


def _profiles(clusters: Clusters) -> Iterator[str]:
    """The mean of each number column in each of the largest clusters, beside that of all rows."""
    if clusters.raw_nf is None or not clusters.raw_nf.shape[1]:
        return
    raw_nf = np.asarray(clusters.raw_nf, np.float64)
    counts_k = _counts(clusters)
    largest = np.argsort(-counts_k, kind="stable")[:MAX_PROFILES]
    shown = np.sort(largest[counts_k[largest] > 0])
    whole_f, deviation_f = _moments(raw_nf)
    means = []
    for unit in shown:
        means.append(_moments(raw_nf[clusters.cluster_n == unit])[0])
    rows = []
    for f, name in enumerate(clusters.names[:MAX_COLUMNS]):
        cells = [number(float(whole_f[f]), 3)]
        for mean_f in means:
            cells.append(_marked(float(mean_f[f]), float(whole_f[f]), float(deviation_f[f])))
        rows.append([heading(draw.label(name, 28)), *cells])
    head = ["mean of", "all", *(f"{unit}<br>{counts_k[unit]:,} rows" for unit in shown)]
    note = "columns in their own units; blue is above the mean of all rows, amber below it"
    if len(shown) < (counts_k > 0).sum():
        note += f"; the {len(shown)} largest of {(counts_k > 0).sum()} clusters"
    if len(clusters.names) > MAX_COLUMNS:
        note += f"; the first {MAX_COLUMNS} of {len(clusters.names)} columns"
    yield figure(
        "What each cluster is like", note, table(rows, head, many=len(shown) > 4), kind="wide"
    )


def _moments(raw_nf: Array) -> tuple[Array, Array]:
    """Mean and deviation of what is known of each column [f]; nan of nothing."""
    known_nf = np.isfinite(raw_nf)
    count_f = np.maximum(known_nf.sum(0), 1)
    filled_nf = np.where(known_nf, raw_nf, 0.0)
    mean_f = filled_nf.sum(0) / count_f
    square_f = (np.where(known_nf, raw_nf - mean_f, 0.0) ** 2).sum(0) / count_f
    return np.where(known_nf.any(0), mean_f, np.nan), np.sqrt(square_f)


def _marked(mean: float, whole: float, deviation: float) -> str:
    """A mean, on a colour by how many deviations it is above the whole, or below it."""
    if not np.isfinite(mean) or not deviation > 0:
        return number(mean, 3)
    distance = (mean - whole) / deviation
    share = min(abs(distance) / FULL, 1.0)
    kind = "mark" if distance > 0 else "mark low"
    return f'<span class="{kind}" style="--s:{share:.2f}">{number(mean, 3)}</span>'


def _scatter(clusters: Clusters, note: str) -> str:
    shown = draw.sample(len(clusters.cluster_n))
    row_nd = np.asarray(clusters.row_nd, np.float64)
    units_kd = np.asarray(clusters.units_kd, np.float64)
    place_n2, unit_k2 = components(row_nd, units_kd)
    marks: list[Mark] = []
    if clusters.shape is not None:
        marks.append(Points(place_n2[shown, 0], place_n2[shown, 1], "grey"))
        marks.append(_net(unit_k2, clusters.shape, clusters.grid))
        marks.append(Points(unit_k2[:, 0], unit_k2[:, 1], kind="big"))
        return _on_components(f"Map: {note}", place_n2, unit_k2, marks)
    # More clusters than colours begin again, and bear their number.
    for colour in range(min(draw.CATEGORIES, len(units_kd))):
        own = shown[clusters.cluster_n[shown] % draw.CATEGORIES == colour]
        kind = "few" if len(shown) < 500 else "many"
        marks.append(Points(place_n2[own, 0], place_n2[own, 1], draw.category(colour), kind))
    if len(unit_k2) <= MAX_NUMBERED:
        marks.append(Words(unit_k2[:, 0], unit_k2[:, 1], [str(i) for i in range(len(unit_k2))]))
    else:
        marks.append(Points(unit_k2[:, 0], unit_k2[:, 1], "ink", "few"))
    return _on_components(f"Clusters: {note}", place_n2, unit_k2, marks)


def _on_components(title: str, place_n2: Array, unit_k2: Array, marks: list[Mark]) -> str:
    x = scales.linear(place_n2[:, 0], unit_k2[:, 0])
    y = scales.linear(place_n2[:, 1], unit_k2[:, 1])
    xlabel = "first component"
    ylabel = "second component"
    return draw.draw(title, x, y, marks, xlabel=xlabel, ylabel=ylabel, height=300)


def _net(unit_k2: Array, shape: tuple[int, int], grid: str) -> Line:
    """Lines between the units of a map that are neighbours on it."""
    distance_kk = map_distances(shape, grid)
    first, second = np.nonzero(np.triu(distance_kk < 1.1, 1))
    gap = np.full((len(first), 2), np.nan)
    points = np.stack([unit_k2[first], unit_k2[second], gap], 1).reshape(-1, 2)
    return Line(points[:, 0], points[:, 1], "pale")


def _counts(clusters: Clusters) -> Array:
    """Rows of each unit [k]."""
    return np.bincount(clusters.cluster_n, minlength=len(clusters.units_kd))


def _sizes(clusters: Clusters, rows: str) -> str:
    """The largest clusters, in the order of their numbers, and how many rows they have."""
    count_k = _counts(clusters)
    largest = max(int(count_k.max()), 1)
    shown = np.sort(np.argsort(-count_k, kind="stable")[:MAX_SIZES])
    lines = []
    for unit in shown:
        count = int(count_k[unit])
        share = count / max(int(count_k.sum()), 1)
        lines.append([str(unit), f"{count:,}", f"{share:.1%}", bar(count / largest)])
    note = f"{rows} by cluster"
    if len(count_k) > MAX_SIZES:
        note += f"; the {MAX_SIZES} largest of {len(count_k)}"
    return figure("Sizes", note, table(lines, ["cluster", "rows", "share", ""]))


def _labels(clusters: Clusters) -> Iterator[str]:
    """How many rows of each label are in each cluster, where there is a label, and few of both."""
    k = len(clusters.units_kd)
    names = clusters.classes
    if clusters.label_n is None or not 0 < len(names) <= MAX_COLUMNS or k > MAX_COLUMNS:
        return
    known_n = clusters.label_n >= 0
    flat_n = clusters.label_n[known_n] * k + clusters.cluster_n[known_n]
    counts_ck = np.bincount(flat_n, minlength=len(names) * k).reshape(len(names), k)
    rows = []
    for name, counts_k in zip(names, counts_ck, strict=True):
        cells = []
        for count in counts_k:
            share = count / max(counts_k.sum(), 1)
            marked = f'<span class="mark" style="--s:{share:.2f}">{count:,}</span>'
            cells.append(marked if count else "")
        rows.append([escape(name), *cells])
    note = "rows of each label in each cluster, which learned without it"
    kind = "wide" if k > 8 else ""
    yield figure("Labels", note, table(rows, ["", *map(str, range(k))], many=k > 8), kind=kind)
