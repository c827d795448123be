"""Tags: entities are counted whole, and errors are marked in sentences."""

from __future__ import annotations

import numpy as np
from report_pages import make_data, make_predictions, make_result

from train.report.data import Sentence, Tags
from train.report.tags import tag_sections

ROWS = [
    Sentence(["to", "<b>", "now"], ["O", "B-city", "B-day"], ["O", "O", "B-day"]),
    Sentence(["stay"], ["O"], ["O"]),
]


def test_errors_stand_before_the_true_tag():
    target = np.array([[2, 0, 1], [2, -1, -1]])
    answer = np.array([[2, 2, 1], [2, 0, 0]])
    tags = Tags(target, answer, ("B-city", "B-day", "O"), ROWS)
    predictions = make_predictions("entities", None, None, ["tags"], ("B-city", "B-day", "O"))
    result = make_result({"f1": 0.5}, {})
    (section,) = tag_sections(make_data(result, predictions, tags={"tags": tags}))
    assert "tags: what is found in 2 test rows" in section
    assert "city</th><td>0.000</td><td>0.000</td><td>0.000</td><td>1</td>" in section
    assert '<ruby class="wrong">&lt;b&gt;<rt>O, true B-city</rt></ruby>' in section
    assert "<ruby>now<rt>B-day</rt></ruby>" in section
    assert "1 with an error" in section and "<li>stay</li>" in section
