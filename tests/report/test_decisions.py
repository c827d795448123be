"""The picture of what a net answers over a plane."""

from __future__ import annotations

import numpy as np
from report_pages import make_data, make_predictions, make_result

from train.report.answers import answer_sections
from train.report.contours import borders, regions
from train.report.data import Plane

AXIS = np.linspace(0, 1, 5)


def test_a_class_has_its_regions_their_border_and_its_rows():
    above = np.meshgrid(AXIS, AXIS)[0].ravel() > 0.5
    rows = np.array([[0, 0], [1, 1], [np.nan, 1], [1, 0]])
    plane = Plane(("a", "b"), rows, AXIS, AXIS, answers={"y": above.astype(float)})
    target = np.array([0, 1, 0, 1])
    predictions = make_predictions("binary", target, target * 1.0, classes=("no", "yes"))
    data = make_data(make_result({"accuracy": 1.0}, {}), predictions, plane=plane)
    (section,) = answer_sections(data)
    assert "Decisions on y" in section and '<i class="dot c1"></i>yes<' in section
    assert "what is answered at each place, and the test rows" in section
    assert '<i class="line ink"></i>border<' in section


def test_the_border_is_where_two_classes_are_as_likely():
    x, y = np.meshgrid(AXIS, AXIS)
    logit = 3 * (x + 2 * y - 1.3)
    probability = np.stack([-logit, logit], -1)
    found = borders(probability, AXIS, AXIS)
    known = found[np.isfinite(found).all(-1)]
    assert len(known) > 4
    np.testing.assert_allclose(known[:, 0] + 2 * known[:, 1], 1.3)
    assert not len(borders(np.abs(probability) * [0, 1], AXIS, AXIS))


def test_regions_cover_their_places_once():
    inside = np.random.default_rng(0).random((5, 5)) < 0.6
    area = 0.0
    for box in regions(inside, AXIS, AXIS):
        area += np.ptp(box[:, 0]) * np.ptp(box[:, 1])
    share = np.array([0.5, 1, 1, 1, 0.5]) * 0.25  # of the axis that a place stands for
    assert np.isclose(area, (inside * share[:, None] * share).sum())
