"""The numbers behind the pictures of clusters."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from report_pages import make_data, make_result

from train.report.clusters import cluster_sections, components
from train.report.data import Clusters
from train.report.map_pictures import unit_distances

RANDOM = np.random.default_rng(0)


def test_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    rows = RANDOM.normal(size=(80, 4)) * [1, 5, 2, 0.5] + 3
    units = RANDOM.normal(size=(3, 4))
    ours, our_units = components(rows, units)
    model = PCA(2).fit(rows)
    for mine, theirs in ((ours, model.transform(rows)), (our_units, model.transform(units))):
        np.testing.assert_allclose(np.abs(mine), np.abs(theirs), rtol=1e-6, atol=1e-9)
    one, _ = components(rows[:, :1], units[:, :1])  # a single column has no second
    assert one.shape == (80, 2) and not one[:, 1].any()
    alone, unit = components(rows[:1], units)
    assert not alone.any() and unit.shape == (3, 2)


def test_the_u_matrix_is_the_mean_distance_to_neighbours():
    units = np.arange(6.0)[:, None] ** 2  # a map of 2 x 3: 0 1 4 / 9 16 25
    np.testing.assert_allclose(
        unit_distances(units, (2, 3), "rectangular")[[0, 1]], [(1 + 9) / 2, (1 + 3 + 15) / 3]
    )
    hexagonal = unit_distances(units, (2, 3), "hexagonal")
    # Of the first place the neighbours are its right and the one below; the second row stands half
    # a place further.
    np.testing.assert_allclose(hexagonal[0], (1 + 9) / 2)
    np.testing.assert_allclose(hexagonal[1], (1 + 3 + 8 + 15) / 4)


def test_a_map_has_its_pictures_and_clusters_have_sizes():
    row = RANDOM.normal(size=(50, 3))
    cluster = RANDOM.integers(0, 6, 50)
    plain = Clusters(row, cluster, row[:6], names=("a", "<b>"), shape=None, grid="hexagonal")
    mapped = "".join(sections(replace(plain, shape=(2, 3))))
    for title in ("U-matrix", "Hit map", "Plane of a", "&lt;b&gt;", "50 test rows"):
        assert title in mapped
    assert "<b>b" not in mapped.replace("<b>b</b>", "")
    unmapped = "".join(sections(plain))
    assert "Sizes" in unmapped and "U-matrix" not in unmapped


def test_a_profile_is_the_mean_in_raw_units_beside_that_of_all_rows():
    raw = np.array([[1.0, np.nan], [3.0, 10.0], [100.0, 20.0], [200.0, 60.0]])
    cluster = np.array([0, 0, 1, 1])
    clusters = Clusters(
        raw, cluster, raw[:2], ("a", "b"), None, "", raw, np.array([0, 0, 1, -1]), ("x", "y")
    )
    page = "".join(sections(replace(clusters, row_nd=np.nan_to_num(raw))))
    cells = re.findall(r"<th scope=\"row\">[ab]</th>(.*?)</tr>", page)
    rows = [re.findall(">([0-9.]+)<", row) for row in cells]
    assert rows == [["76.0", "2.00", "150"], ["30.0", "10.0", "40.0"]]
    assert "rows of each label in each cluster" in page


def sections(clusters):
    data = make_data(make_result({"quantisation_error": 1.0}, {}), clusters=clusters)
    return cluster_sections(data)
