"""The config: text to values, what is refused, and JSON there and back."""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train import config as configs
from train.config import Config, Dense, Optim, Table, fields, values
from train.config.imported import Imported
from train.config.own_net import Own, own_net
from train.errors import UserError

GOOD = Config(data=Table(path="rows.csv", target="y"))


IMPORTED = st.sampled_from([Imported("a.b"), Imported("a.b()"), Imported("a.b(c=(1, ), d=e.f)")])
OWN_FIELDS = st.dictionaries(
    st.sampled_from(["hidden", "rate", "name"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(-9, 9), st.text(), IMPORTED),
        lambda inner: st.lists(inner, max_size=3).map(tuple),
        max_leaves=4,
    ),
)


def of(annotation: Any, limits: Any) -> st.SearchStrategy:
    """Values that an annotation and limits admit."""
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(of(arguments[0], limits), max_size=3, unique=True).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=5), of(arguments[1], limits), max_size=3)
    if len(values.members(annotation)) > 1:
        return st.one_of([of(member, limits) for member in values.members(annotation)])
    low = limits.get("low") if limits.get("low") is not None else limits.get("above")
    high = limits.get("high") if limits.get("high") is not None else limits.get("below")
    simple = {
        bool: st.booleans(),
        str: st.text(max_size=8),
        types.NoneType: st.none(),
        Imported: IMPORTED,
        int: st.integers(low, high),
        float: st.floats(low, high, allow_nan=False, allow_infinity=False),
    }
    return simple[annotation].filter(lambda value: values.within(value, limits))


def group(kind: type) -> st.SearchStrategy:
    """Groups of fields, each right alone; they need not agree with each other."""
    if kind is Own:
        return st.builds(own_net, st.just("my_nets.Net"), OWN_FIELDS)
    hints = get_type_hints(kind)
    inner = {}
    for field in dataclasses.fields(kind):
        kinds = fields.group_kinds(hints[field.name])
        inner[field.name] = (
            st.one_of(map(group, kinds)) if kinds else of(hints[field.name], field.metadata)
        )
    return st.builds(kind, **inner)


@given(group(Config))
def test_json_gives_back_the_same_config(config: Config):
    text = json.dumps(configs.to_json(config), allow_nan=False)
    again = configs.from_json(json.loads(text))
    assert again == config
    assert [type(leaf.value) for leaf in fields.walk(again) if isinstance(leaf.value, tuple)] == [
        tuple for leaf in fields.walk(config) if isinstance(leaf.value, tuple)
    ]
    assert configs.digest(again) == configs.digest(config)
    assert configs.differences(again, config) == []


@given(
    st.sampled_from([leaf.path.removeprefix("config.") for leaf in fields.walk(Config())]),
    st.text(),
)
def test_any_text_for_any_field_is_either_right_or_one_line(name: str, text: str):
    try:
        config = configs.override(GOOD, {name: text})
        configs.validate(config)
    except UserError as error:
        assert str(error).startswith("config.")
        assert len(str(error)) < 600


def test_json_names_kinds_and_the_digest_is_that_of_the_values():
    plain = configs.to_json(GOOD)
    assert plain["data"]["kind"] == "Table"
    assert plain["net"] == {"kind": "Dense", **plain["net"]}
    assert "kind" not in plain["optim"]
    written_1 = dataclasses.replace(GOOD, optim=Optim(learning_rate=1))
    written_1_0 = dataclasses.replace(GOOD, optim=Optim(learning_rate=1.0))
    assert configs.digest(written_1) == configs.digest(written_1_0) != configs.digest(GOOD)
    assert configs.differences(GOOD, written_1) == ["config.optim.learning_rate: 0.001 -> 1.0"]
    # One row and all rows are different things where a field takes both.
    one_row, all_rows = (
        dataclasses.replace(GOOD, data=Table("rows.csv", target="y", valid=v)) for v in (1, 1.0)
    )
    assert configs.digest(one_row) != configs.digest(all_rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"optim": {"lerning_rate": 1}},
            "config.optim.lerning_rate: no such field; did you mean config.optim.learn",
        ),
        ({"net": {"kind": "Dens"}}, "config.net.kind: expected Dense or LSTM or Perceptron or "),
        ({"seed": "1"}, "config.seed: expected an integer"),
        ({"train": 5}, "config.train: expected train.config.Train, got 5"),
    ],
)
def test_json_of_another_making_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(UserError) as caught:
        configs.from_json(configs.to_json(GOOD) | change)
    assert str(caught.value).startswith(message)


def test_json_that_lacks_a_field_takes_its_default():
    plain = configs.to_json(GOOD)
    del plain["optim"]["ema"]
    assert configs.from_json(plain) == GOOD


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("seed", "0", "-1"),
        ("seed", "4294967295", "4294967296"),
        ("label_smoothing", "0.99", "1"),
        ("class_weight", '{"a": 0}', '{"a": 1, "b": -1}'),
        ("data.valid", "0", "-0.1"),
        ("data.one_hot", "0", "-1"),
        ("net.hidden", "(1,)", "(64, 0)"),
        ("net.dropout", "0.99", "1.0"),
        ("net.embedding_scale", "1e-9", "0"),
        ("optim.learning_rate", "1e-9", "0"),
        ("optim.decay", "0.9999", "1"),
        ("optim.beta2", "0", "1"),
        ("optim.final", "1", "1.1"),
        ("optim.clip_norm", "1e-9", "0.0"),
        ("optim.l1", "0", "-1e-9"),
        ("optim.rates", '{"bias": 0}', '{"bias": -1}'),
        ("train.epochs", "1", "0"),
        ("train.patience", "1", "0"),
    ],
)
def test_numbers_keep_their_limits(name: str, inside: str, outside: str):
    fields.check_fields(configs.override(GOOD, {name: inside}))
    with pytest.raises(
        UserError, match=rf"config\.{name}: expected .*(at least|at most|above|below)"
    ):
        configs.validate(configs.override(GOOD, {name: outside}))


def test_a_file_is_loaded_afresh_and_gives_its_name(tmp_path: Path):
    file = tmp_path / "my table.py"
    text = (
        "from train.config import Config, Table\nCONFIG = Config(data=Table('a.csv', "
        "target='y'), seed=1)\n"
    )
    file.write_text(text + "def get_config():\n    return CONFIG\n")
    config = configs.load(
        str(file), [("net.hidden", "8"), ("optim.rates", '{"bias": 0.5}'), ("net.hidden", "(9,)")]
    )
    assert (config.name, config.seed, config.net) == ("my-table", 1, Dense(hidden=(9,)))
    file.write_text(text.replace("seed=1", "seed=2") + "def get_config():\n    return CONFIG\n")
    assert configs.load(file).seed == 2
    assert not list(tmp_path.glob("__pycache__"))


def test_an_override_adds_to_what_a_list_has():
    config = Config(data=Table(path="x.csv", target="y"), net=Dense(hidden=(64, 64)))
    found = configs.override(config, {"data.missing+": "-99,none given", "net.hidden+": "64"})
    assert found.data.missing == (*config.data.missing, "-99", "none given")
    assert found.net.hidden == (64, 64, 64)
    assert config.data.missing == Table().missing
    with pytest.raises(UserError, match=r"config.data.path\+: only a list can be added to"):
        configs.override(config, {"data.path+": "z.csv"})


def test_an_override_leaves_the_original_alone():
    new = configs.override(GOOD, {"optim.rates": '{"bias": 0.5}', "data.target": "a,b"})
    new.optim.rates["slope"] = 1.0
    assert (GOOD.optim.rates, GOOD.data.target, new.data.target) == ({}, "y", ("a", "b"))
    again = configs.override(new, {})
    again.optim.rates.clear()
    assert new.optim.rates == {"bias": 0.5, "slope": 1.0}
