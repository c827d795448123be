"""Text to values, by annotation."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest

from train.config import Config, fields, values

NAMES = str | tuple[str, ...]
AUTO = Literal["auto"]


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", int, 3),
        ("1_000", int, 1000),
        ("1", float, 1.0),
        ("1e-3", float, 1e-3),
        ("true", bool, True),
        ("False", bool, False),
        ("a=b, c", str, "a=b, c"),
        ("adam", Literal["sgd", "adam"], "adam"),
        ("none", str | None, None),
        ("None", int | None, None),
        ("7", int | None, 7),
        ("auto", float | AUTO, "auto"),
        ("0.5", float | AUTO, 0.5),
        ("100", float | int, 100),
        ("0.2", float | int, 0.2),
        ("1.0", float | int, 1.0),
        ("(64,64)", tuple[int, ...] | AUTO, (64, 64)),
        ("[64, 32]", tuple[int, ...] | AUTO, (64, 32)),
        ("64,64", tuple[int, ...], (64, 64)),
        ("64,", tuple[int, ...], (64,)),
        ("(64)", tuple[int, ...], (64,)),
        ("64", tuple[int, ...], (64,)),
        ("()", tuple[int, ...], ()),
        ("auto", tuple[int, ...] | AUTO, "auto"),
        ("tags", NAMES, "tags"),
        ("tags,intent", NAMES, ("tags", "intent")),
        ("tags, intent", NAMES, ("tags", "intent")),
        ("(tags,intent)", NAMES, ("tags", "intent")),
        ("price (USD)", NAMES, "price (USD)"),
        ('"price, net"', NAMES, ("price, net",)),
        ("('price, net', 'age')", NAMES, ("price, net", "age")),
        ("1.50,2", NAMES, ("1.50", "2")),
        ("age", tuple[str, ...] | None, ("age",)),
        ("none", tuple[str, ...] | None, None),
        ("", tuple[str, ...], ()),
        ('("", "NA")', tuple[str, ...], ("", "NA")),
        ('{"bias": 0.1, "slope": 2}', dict[str, float], {"bias": 0.1, "slope": 2.0}),
        ("{}", dict[str, float], {}),
        ("balanced", Literal["balanced"] | dict[str, float] | None, "balanced"),
    ],
)
def test_text_is_read_by_the_fields_type(text: str, annotation: Any, value: Any):
    parsed = values.parse(text, annotation)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("1.5", int),
        ("1e3", int),
        ("true", int),
        ("", int),
        ("none", int),
        ("nan", float),
        ("-inf", float),
        ("1e999", float),
        ("0,5", float),
        ("1", bool),
        ("yes", bool),
        ("Adam", Literal["adam"]),
        ("auto", float),
        ("64,a", tuple[int, ...]),
        ("64,,64", tuple[int, ...]),
        ("(64,64", tuple[int, ...]),
        ("6.5,", tuple[int, ...]),
        ("a,,b", tuple[str, ...]),
        ("bias=0.1", dict[str, float]),
        ("{0: 1}", dict[str, float]),
        ('{"a": "b"}', dict[str, float]),
        ('{"a": True}', dict[str, float]),
        ("[" * 10_000, dict[str, float]),
    ],
)
def test_text_of_another_type_is_refused(text: str, annotation: Any):
    with pytest.raises(ValueError):
        values.parse(text, annotation)


def test_the_default_that_help_shows_is_read_back():
    for leaf in fields.walk(Config()):
        assert values.parse(values.to_text(leaf.value), leaf.annotation) == leaf.value, leaf.path


@pytest.mark.parametrize(
    ("annotation", "limits", "words"),
    [
        (int, {}, "an integer"),
        (int | None, {"low": 1}, "an integer, at least 1, or none"),
        (float | int, {"above": 0, "below": 1}, "a number, above 0 and below 1"),
        (tuple[int, ...] | AUTO, {"low": 1}, "integers such as (64, 64), at least 1, or auto"),
        (Literal["none", "layer"], {}, "one of none, layer"),
        (Literal[".", ",", " "], {}, "one of '.', ',', ' '"),
        (NAMES, {}, "text or names such as a,b"),
    ],
)
def test_what_is_expected_is_put_into_words(annotation: Any, limits: dict[str, float], words: str):
    assert values.describe(annotation, limits) == words


@pytest.mark.parametrize(
    ("value", "annotation", "admitted"),
    [
        (1, int, True),
        (1.0, int, False),
        (True, int, False),
        ("1", int, False),
        (1, float, True),
        (True, float, False),
        (math.nan, float, False),
        (-math.inf, float, False),
        (10**400, float, False),
        (1, bool, False),
        (True, bool, True),
        (None, str, False),
        (None, str | None, True),
        ("b", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (["a"], Literal["a"], False),
        ((1, 2), tuple[int, ...], True),
        ([1, 2], tuple[int, ...], False),
        ((1, True), tuple[int, ...], False),
        ({"a": 1}, dict[str, float], True),
        ({1: 1.0}, dict[str, float], False),
        ({"a": "1"}, dict[str, float], False),
    ],
)
def test_a_value_is_of_the_annotated_type_or_not(value: Any, annotation: Any, admitted: bool):
    assert values.admits(value, annotation) is admitted
