"""The pictures of an autoencoder: labels beside their codes, columns by what comes back."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from report_pages import make_data, make_result

from train.report.codes import code_sections
from train.report.data import Codes

CODES = Codes(
    code_nk=np.random.default_rng(0).normal(size=(40, 2)),
    error_n=np.linspace(0, 1, 40),
    label_n=np.arange(40) % 3 - 1,
    classes=("cat", "dog"),
    columns=("a", "b", "c", "d"),
    r2_f=np.array([0.9, np.nan, -0.5, 0.3]),
)


def sections(codes):
    return list(code_sections(make_data(make_result({"rmse": 1.0}, {}), codes=codes)))


def texts(html):
    return re.findall(">([^<>]+)</text>", html)


def test_codes_bear_the_names_of_their_labels():
    drawn, _ = sections(CODES)
    assert "40 test rows by the two numbers of their code" in drawn
    assert {"cat", "dog", "code_1", "code_2"} <= set(texts(drawn))
    assert not {"cat", "dog"} & set(texts(sections(replace(CODES, label_n=None))[0]))


def test_codes_of_many_numbers_stand_on_their_components_and_of_one_beside_the_error():
    many, _ = sections(replace(CODES, code_nk=np.random.default_rng(1).normal(size=(40, 5))))
    assert "first two principal components of their codes of 5 numbers" in many
    assert "first component" in texts(many)
    one, _ = sections(replace(CODES, code_nk=CODES.code_nk[:, :1]))
    assert {"code_1", "error"} <= set(texts(one))


def test_columns_stand_by_what_comes_back_the_worst_first():
    _, back = sections(CODES)
    names = [text for text in texts(back) if text in CODES.columns]
    assert names == ["c", "d", "a"]  # of b nothing is known
    _, back = sections(replace(CODES, r2_f=np.full(4, np.nan)))
    assert "By column" not in back and "Errors" in back
