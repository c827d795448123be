"""The picture of what a net answers over a plane."""

from __future__ import annotations

import numpy as np
from report_pages import make_data, make_predictions, make_result

from train.report.data import Plane
from train.report.decisions import decision_sections


def test_a_class_has_its_regions_and_its_rows():
    axis = np.linspace(0, 1, 5)
    above = np.meshgrid(axis, axis)[0].ravel() > 0.5
    rows = np.array([[0, 0], [1, 1], [np.nan, 1], [1, 0]])
    plane = Plane(("a", "b"), rows, axis, axis, answers={"y": above.astype(float)})
    target = np.array([0, 1, 0, 1])
    predictions = make_predictions("binary", target, target * 1.0, classes=("no", "yes"))
    data = make_data(make_result({"accuracy": 1.0}, {}), predictions, plane=plane)
    (section,) = decision_sections(data)
    assert "Decisions on y" in section and "yes" in section
    assert "what is answered at each place, and the test rows" in section
