"""The config: text to values, what is refused, and JSON there and back."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train import config as configs
from train.config import LSTM, Config, Dense, Optim, Sequences, Series, Table, Train, fields, values
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


def changed(config: Config = GOOD, **groups: dict[str, Any]) -> Config:
    """The config with fields of its groups set, whatever their types."""
    config = configs.override(config, {})
    for name, new in groups.items():
        for field, value in new.items():
            setattr(getattr(config, name), field, value)
    return config


SERIES = dataclasses.replace(GOOD, data=Series("hours.csv", target="y", time="t"), net=LSTM())
SEQUENCES = dataclasses.replace(
    GOOD, data=Sequences("words.jsonl", inputs="tokens", target="tags"), net=LSTM()
)
NEXT = dataclasses.replace(
    GOOD, data=Sequences("words.jsonl", inputs="x", next_step=True), net=LSTM()
)


def asking(loss: Any, quantiles: tuple[float, ...]) -> Config:
    return dataclasses.replace(GOOD, loss=loss, quantiles=quantiles)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed(net={"hidden": [64, 64]}),
            r"config\.net\.hidden: expected integers .*; write \(64, 64\)",
        ),
        (changed(net={"hidden": (64, True)}), r"config\.net\.hidden: expected integers"),
        (
            changed(net={"dropout": math.nan}),
            r"config\.net\.dropout: expected a number, .*, got nan",
        ),
        (
            changed(net={"hiden": (3,)}),
            r"config\.net\.hiden: no such field; did you mean config\.net\.hidden\?",
        ),
        (
            changed(optim={"epochs": 3}),
            r"config\.optim\.epochs: no such field; did you mean config\.train\.epochs\?",
        ),
        (changed(optim={"nesterov": 1}), r"config\.optim\.nesterov: expected true or false, got 1"),
        (changed(train={"epochs": 1.0}), r"config\.train\.epochs: expected an integer"),
        (changed(data={"path": ""}), r"config\.data\.path: no data"),
        (changed(data={"target": ()}), r"config\.data\.target: no target"),
        (changed(data={"target": ("y", "y")}), r"config\.data\.target: 'y' is named twice"),
        (
            changed(data={"features": ("a", "y")}),
            r"config\.data\.features: 'y' is in config\.data\.target too",
        ),
        (
            changed(data={"ignore": ("y",)}),
            r"config\.data\.ignore: 'y' is in config\.data\.target too",
        ),
        (
            changed(data={"categorical": ("a",), "numeric": ("a",)}),
            r"config\.data\.numeric: 'a' is in config\.data\.c",
        ),
        (
            changed(data={"valid": 1.0}),
            r"config\.data\.valid: 1\.0 is no fraction below 1; .* write 1$",
        ),
        (changed(data={"valid": 0.5, "test": 0.5}), r"0\.5 \+ 0\.5 leaves no rows to train on"),
        (
            changed(data={"split": "group"}),
            r"config\.data\.group: config\.data\.split=group needs a column",
        ),
        (
            changed(data={"group": "id"}),
            r"config\.data\.group: not used by config\.data\.split=random",
        ),
        (
            changed(optim={"name": "adam", "momentum": 0.9}),
            r"config\.optim\.momentum: sgd and rmsprop have it",
        ),
        (
            changed(optim={"name": "sgd", "nesterov": True}),
            r"config\.optim\.nesterov: needs config\.optim\.momentum",
        ),
        (
            changed(optim={"schedule": "exponential"}),
            r"config\.optim\.final: .* never comes to 0; set .* such as 0\.01",
        ),
        (
            changed(optim={"schedule": "one_cycle", "warmup": 0.1}),
            r"config\.optim\.warmup: config\.optim\.schedule=one_cycle rises on its own",
        ),
        (changed(optim={"warmup": 2.0}), r"config\.optim\.warmup: 2\.0 is no fraction"),
        (changed(optim={"warmup": 1.0}), r"config\.optim\.warmup: 1\.0 is no fraction"),
        (
            changed(optim={"l1": 0.1, "l1_step": "proximal", "ema": 0.9}),
            r"config\.optim\.ema: an average keeps none of the exact zeros",
        ),
        (
            changed(optim={"rates": {"biass": 0.1}}),
            r"config\.optim\.rates: no parameter of a Dense is named 'biass'; did you mean bias\?",
        ),
        (
            changed(data={"valid": 0}, train={"patience": 3}),
            r"config\.train\.patience: .* needs validation rows",
        ),
        (
            changed(data={"valid": 0}, optim={"schedule": "plateau"}),
            r"config\.optim\.schedule: plateau needs valid",
        ),
        (dataclasses.replace(GOOD, net=LSTM()), r"config\.net: an LSTM reads config\.data=Series"),
        (
            changed(SERIES, data={"known": ("y",)}),
            r"config\.data\.known: 'y' is in config\.data\.target too",
        ),
        (
            changed(SERIES, data={"group": "t"}),
            r"config\.data\.group: 't' is in config\.data\.time too",
        ),
        (
            changed(SERIES, data={"valid": 0.5, "test": 0.5}),
            r"0\.5 \+ 0\.5 leaves no rows to train on",
        ),
        (changed(SERIES, data={"valid": 0}, train={"patience": 3}), r"config\.train\.patience"),
        (changed(SEQUENCES, data={"inputs": ()}), r"config\.data\.inputs: no inputs"),
        (changed(SEQUENCES, data={"target": ()}), r"config\.data\.target: no target"),
        (
            changed(SEQUENCES, data={"next_step": True}),
            r"config\.data\.target: not used by config\.data\.next_step",
        ),
        (
            changed(SEQUENCES, data={"id": "doc"}),
            r"config\.data\.order: a file with a row per step needs",
        ),
        (dataclasses.replace(GOOD, name="a/b"), r"config\.name: 'a/b'"),
        (
            dataclasses.replace(GOOD, net=Train()),
            r"config\.net: expected train\.config\.Dense or .*, got Train\(",
        ),
        (
            asking("auto", (0.1, 0.5)),
            r"config\.quantiles: not used by config\.loss=auto; set config\.loss=quantile",
        ),
        (asking("quantile", (0.1, 0.1)), r"config\.quantiles: a level stands there twice, got"),
        (asking("quantile", (0.5,)), r"config\.quantiles: expected a level or more beside \.5"),
        (
            changed(GOOD, data={"nonnegative": True, "stream": True, "path": "x.parquet"}),
            r"config\.data\.nonnegative: goes by all training rows",
        ),
        (
            changed(NEXT, data={"nonnegative": True}),
            r"config\.data\.nonnegative: is for targets that are numbers",
        ),
        (
            asking("quantile", (0.5, 1.0)),
            r"config\.quantiles: expected numbers .*, above 0 and below 1, got",
        ),
        (
            dataclasses.replace(SERIES, loss="poisson"),
            r"choose mse, .*, quantile, gaussian, student_t, negative_binomial or zero_inflated$",
        ),
        (
            dataclasses.replace(NEXT, loss="gaussian"),
            r"config\.loss: gaussian is not for config\.data\.next_step=true",
        ),
    ],
)
def test_a_contradiction_is_named(config: Config, message: str):
    with pytest.raises(UserError, match=message):
        configs.validate(config)


# (what agrees, what of it is changed, why that is refused)
NEIGHBOURS = [
    (
        changed(data={"test_path": "t.csv", "valid": 0.7, "test": 0.5}),
        {"data": {"test_path": ""}},
        r"0\.7 \+ 0\.5 leaves no rows",
    ),
    (
        changed(data={"valid": 100, "test": 0.95}),
        {"data": {"valid": 0.1}},
        r"0\.1 \+ 0\.95 leaves no rows",
    ),
    (
        changed(data={"valid": 0, "valid_path": "v.csv"}, train={"patience": 3}),
        {"data": {"valid_path": ""}},
        "early stopping needs validation rows",
    ),
    (
        changed(data={"valid": 0}, train={"patience": 3}, population={"folds": 2}),
        {"population": {"folds": 1}},
        "early stopping needs validation rows",
    ),
    (
        changed(data={"valid": 0}, optim={"schedule": "plateau"}, population={"folds": 2}),
        {"population": {"folds": 1}},
        "plateau needs validation rows",
    ),
    (
        changed(data={"target": ("y", "z"), "categorical": ("y",)}),
        {"data": {"numeric": ("y",)}},
        r"config\.data\.numeric: 'y' is in config\.data\.categorical too",
    ),
    (
        changed(data={"split": "group", "group": "id"}),
        {"data": {"group": None}},
        r"config\.data\.group: config\.data\.split=group needs a column",
    ),
    (
        changed(optim={"name": "sgd", "nesterov": True, "momentum": 0.9}),
        {"optim": {"momentum": 0.0}},
        r"nesterov: needs config\.optim\.momentum",
    ),
    (
        changed(SERIES, data={"observed": None, "known": ("price",), "group": "shop"}),
        {"data": {"observed": ("price",)}},
        r"config\.data\.observed: 'price' is in config\.data\.known too",
    ),
    (
        changed(SEQUENCES, data={"id": "doc", "order": "i", "test_path": "t.jsonl", "test": 0.9}),
        {"data": {"test_path": ""}},
        r"leaves no rows to train on",
    ),
    (
        changed(SEQUENCES, data={"target": (), "next_step": True}),
        {"data": {"next_step": False}},
        r"config\.data\.target: no target",
    ),
    (
        changed(optim={"learning_rate": "auto", "rates": {"bias": 0}}, net={"hidden": ()}),
        {"optim": {"rates": {"bias": -1}}},
        r"config\.optim\.rates",
    ),
]


@pytest.mark.parametrize(("config", "change", "message"), NEIGHBOURS)
def test_what_agrees_is_let_pass_and_its_neighbour_is_not(
    config: Config, change: dict[str, dict[str, Any]], message: str
):
    before = configs.to_json(config)
    configs.validate(config)
    assert configs.to_json(config) == before  # as it was
    with pytest.raises(UserError, match=message):
        configs.validate(changed(config, **change))


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
