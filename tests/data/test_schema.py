"""Records from JSON: what fits comes back, and what does not is named by file and field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from train.data.load import read_encoder
from train.data.schema import read_record
from train.data.table.column import Column
from train.errors import UserError

COLUMN = {"name": "size", "kind": "number", "shift": 96.0, "unit": 32, "vocabulary": []}
PLAIN = {
    "columns": [COLUMN],
    "targets": [],
    "heads": [{"name": "value", "kind": "regression", "columns": [], "classes": [], "size": 1}],
    "markers": ["NA"],
    "target_scaling": "standard",
    "dropped": {"id": "unique"},
}


def test_a_record_comes_back_with_tuples_and_defaults() -> None:
    notation = {"decimal": ",", "odd": ["x"]}
    found = read_record(Column, {**COLUMN, "notation": notation}, "encoder.json")
    assert (found.unit, found.vocabulary, found.clock) == (32, (), False)
    assert found.notation is not None and found.notation.odd == ("x",)
    encoder = read_encoder({**PLAIN, "fingerprint": "x"})
    assert json.loads(json.dumps(encoder.to_json()))["columns"][0]["unit"] == 32


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"columns": 5}, "columns: expected a list, got 5"),
        ({"columns": [{**COLUMN, "vocabulary": ["a", "a"]}]}, "vocabulary: expected texts that"),
        ({"columns": [5]}, "columns[0]: expected an object with named fields, got 5"),
        ({"columns": [{**COLUMN, "unit": "x"}]}, "columns[0]: unit: expected a finite number"),
        ({"columns": [{**COLUMN, "unit": 0.0}]}, "columns[0]: unit: expected a number that is not"),
        ({"columns": [{**COLUMN, "unit": float("nan")}]}, "unit: expected a finite number"),
        ({"columns": [{**COLUMN, "unit": True}]}, "unit: expected a finite number"),
        ({"columns": [{**COLUMN, "shift": 10**400}]}, "shift: expected a finite number"),
        ({"columns": [{**COLUMN, "kind": "nmber"}]}, "kind: expected 'number' or 'time' or"),
        ({"columns": [{**COLUMN, "kind": []}]}, "kind: expected 'number' or 'time' or"),
        ({"columns": [{**COLUMN, "knd": 1}]}, "columns[0]: has no field 'knd'"),
        ({"columns": [{"name": "a"}]}, "columns[0]: lacks the field 'kind'"),
        ({"columns": [{**COLUMN, "vocabulary": [1]}]}, "vocabulary[0]: expected a text, got 1"),
        ({"columns": [{**COLUMN, "missing": 0}]}, "missing: expected true or false, got 0"),
        ({"heads": [{}]}, "heads[0]: lacks the field"),
        ({"heads": None}, "heads: expected a list"),
        ({"dropped": []}, "dropped: expected an object"),
        ({"dropped": {"a": {}}}, "dropped.a: expected a text"),
        ({"target_scaling": 2}, "target_scaling: expected 'standard' or 'none', got 2"),
        ({"kind": "Series"}, "columns[0]: has no field 'kind'"),
        ({"kind": "Sequences", "labels": 5}, "lacks the field"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError) as caught:
        read_encoder({**PLAIN, **change})
    assert str(caught.value).startswith("encoder.json: ") and named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("plain", [[], 5, None, "x"])
def test_what_is_no_object_is_named(plain: Any) -> None:
    with pytest.raises(UserError, match=r"encoder\.json: expected an object, got"):
        read_encoder(plain)
