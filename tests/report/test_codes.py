"""The pictures of an autoencoder: labels beside their codes, columns by what comes back."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from report_pages import make_data, make_result

from train.report.codes import code_sections
from train.report.data import Codes
from train.report.reconstructions import find_image

CODES = Codes(
    code_nk=np.random.default_rng(0).normal(size=(40, 2)),
    error_n=np.linspace(0, 1, 40),
    label_n=np.arange(40) % 3 - 1,
    classes=("cat", "dog"),
    columns=("a", "b", "c", "d"),
    r2_f=np.array([0.9, np.nan, -0.5, 0.3]),
)


def sections(codes):
    data = make_data(make_result({"rmse": 1.0}, {}), codes=codes)
    return list(filter(None, code_sections(data)))


def texts(html):
    return re.findall(">([^<>]+)</text>", html)


def test_codes_bear_the_names_of_their_labels():
    (drawn,) = sections(CODES)
    assert "40 test rows by the two numbers of their code" in drawn
    assert {"cat", "dog", "code_1", "code_2"} <= set(texts(drawn))
    assert not {"cat", "dog"} & set(texts(sections(replace(CODES, label_n=None))[0]))
    assert '<i class="dot c1"></i>dog<' in drawn


def test_codes_of_many_numbers_stand_on_their_components_and_of_one_beside_the_error():
    (many,) = sections(replace(CODES, code_nk=np.random.default_rng(1).normal(size=(40, 5))))
    assert "first two principal components of their codes of 5 numbers" in many
    assert "first component" in texts(many)
    (one,) = sections(replace(CODES, code_nk=CODES.code_nk[:, :1]))
    assert {"code_1", "error"} <= set(texts(one))


def test_columns_stand_by_what_comes_back_the_worst_first():
    (back,) = sections(CODES)
    names = re.findall('<th scope="row">(.)</th>', back)
    assert names == ["c", "d", "a"]  # of b nothing is known
    (back,) = sections(replace(CODES, r2_f=np.full(4, np.nan)))
    assert "By column" not in back and "Errors" in back


def test_rows_stand_beside_what_comes_back_of_them():
    row = np.array([1.0, 2.0, 3.0, np.nan])
    shown = (("the best row", row, row + 0.5), ("worse than 75 %", row, row))
    back, _ = sections(replace(CODES, shown=shown))
    assert "<td>3.00</td><td>3.50</td>" in back and "n/a" in back
    assert "the best row" in back and "worse than 75 %" not in back  # three are told


def test_pixels_are_drawn_as_an_image():
    names = [f"pixel_{i}_{j}" for i in range(4) for j in range(5)]
    image = find_image(names[1:])  # one is always alike
    assert image is not None and (image.height, image.width) == (4, 5)
    assert find_image(["age", *names]) is None and find_image(names[:9]) is None
    assert find_image([*names, "other_0_0"]) is None
    codes = replace(CODES, columns=tuple(names), r2_f=np.ones(20))
    row = np.arange(20.0)
    back, _ = sections(replace(codes, shown=(("the worst row", row, row),)))
    assert back.count('role="img"') == 2
