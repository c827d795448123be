"""The parameters of estimators: every field of the config, read, set, cloned and refused."""

from __future__ import annotations

import inspect
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.stats import norm
from sklearn.base import clone

from train import config as configs
from train.config import fields
from train.data.dataset import Head
from train.data.files.arrow import as_table
from train.data.files.tables import index_note, with_categories
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import ReadingWarning, StoppedError, UserError, in_python
from train.estimators import DenseClassifier, DenseRegressor, Forecaster, SequenceClassifier
from train.estimators.base import value_errors
from train.estimators.classes import Labels, class_texts, labels_of, named_weights
from train.estimators.folders import packed, unpack
from train.estimators.index import name_levels, with_levels
from train.estimators.parameters import AS_CONFIG, FILLED, config_of
from train.estimators.rows import columns_at, features_of, names_of_targets, tell_order, weights_of
from train.estimators.series import series_table
from train.evaluation.paths import quantile_columns

ALL = (DenseClassifier, DenseRegressor, Forecaster, SequenceClassifier)


@pytest.mark.parametrize("kind", ALL)
def test_every_field_of_the_config_is_a_parameter(kind: Any):
    data, net = kind.kinds
    paths = fields.leaves_of(configs.Config(data=data(), net=net()))
    filled = {f"config.data.{name}" for name in FILLED} | {"config.name"}
    expected = {
        path.removeprefix("config.").replace(".", "__") for path in paths if path not in filled
    }
    given = kind().get_params()
    own = {"config", "random_state", "verbose", "warm_start", "workdir"}
    assert expected | own <= given.keys() <= expected | own | {"data__target"}
    assert list(given) == sorted(inspect.signature(kind).parameters)
    assert kind()._config() == kind(kind.base_config)._config()


def test_parameters_are_set_and_cloned():
    model = DenseRegressor(net__hidden=[8, 8], optim__learning_rate=np.float32(0.5))
    other = clone(model).set_params(train__epochs=np.int64(3), random_state=7)
    assert repr(model).startswith("DenseRegressor(net__hidden=[8, 8], optim__learning_rate=")
    made = other._config()
    assert isinstance(made.net, configs.Dense)
    assert (made.net.hidden, made.train.epochs, made.seed) == ((8, 8), 3, 7)
    assert made.optim.learning_rate == 0.5 and type(made.optim.learning_rate) is float
    assert made.data.test == 0 and DenseRegressor(data__test=0.2)._config().data.test == 0.2
    assert model.get_params()["train__epochs"] == AS_CONFIG


def test_what_is_no_parameter_is_named():
    with pytest.raises(TypeError, match="no parameter 'net__hiden'; did you mean net__hidden"):
        DenseRegressor(net__hiden=(8,))
    with pytest.raises(ValueError, match="Invalid parameter 'epochs' for estimator DenseRegressor"):
        DenseRegressor().set_params(epochs=3)
    with pytest.raises(TypeError, match=r"'data__target'; fit is given rows X, their target y"):
        DenseRegressor(data__target="y")
    with pytest.raises(UserError, match=r"config\.net\.dropout: no such field"):
        config_of(configs.Config(net=configs.Perceptron()), {"net__dropout": 0.5})
    with pytest.raises(UserError, match="DenseRegressor is for Table, got Series"):
        DenseRegressor("series")._config()


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_columns_of_any_library_keep_names_and_types(library: Any):
    rows = {"a": [1.5, None, 2.5], "b": ["x", "y", "x"]}
    model = DenseRegressor()
    table = features_of(model, library(rows), y=[1, 2, 3])
    assert table.column_names == ["a", "b"] == list(model.feature_names_in_)
    assert table["a"].null_count == 1 and table["b"].to_pylist() == ["x", "y", "x"]
    model.model_ = None  # type: ignore[assignment]
    if library is not pd.DataFrame:  # by name, in any order
        assert features_of(model, library(dict(reversed(rows.items())))).equals(table)
    with pytest.raises(ValueError, match=r"eature|no column"):
        features_of(model, library({"a": rows["a"]}))


def test_arrays_have_numbers_for_names():
    model = DenseRegressor()
    table = features_of(model, np.array([[1, 2], [3, 4]]), y=[1, 2])
    assert table.column_names == ["x0", "x1"] and model.n_features_in_ == 2
    assert names_of_targets(pd.Series([1], name="x0"), 1, table.column_names) == ["x0_2"]
    assert names_of_targets(np.zeros(2), 2, ["target_1"]) == ["target_1_2", "target_2"]


def test_classes_have_texts_that_a_table_reads_back():
    assert class_texts(np.array([3, 10]), ("NA",)) == ["3", "10"]
    assert class_texts(np.array(["NA", "b"]), ("NA",)) == ["class_0", "class_1"]
    assert class_texts(np.array(["a", "A "]), ()) == ["class_0", "class_1"]
    booleans = np.array([False, True])
    labels = Labels(booleans, class_texts(booleans, ()), booleans)
    assert named_weights({True: 3}, labels) == {"true": 3.0}
    with pytest.raises(ValueError, match="no class 5; classes"):
        named_weights({5: 1}, labels)


def test_a_net_that_goes_on_keeps_its_classes():
    model = SequenceClassifier(warm_start=True)
    model.classes_ = np.array([3, 5, 8])
    assert labels_of(model, [8, 5], ()).classes.tolist() == [5, 8]  # as nothing is fitted
    model.model_ = None  # type: ignore[assignment]
    labels = labels_of(model, [8, 5, 8], ())
    assert (labels.classes.tolist(), list(labels.text_n)) == ([3, 5, 8], ["8", "5", "8"])
    with pytest.raises(ValueError, match="y holds a class that the net does not know: 4"):
        labels_of(model, [3, 4], ())


@pytest.mark.parametrize(("code", "raised"), [(130, KeyboardInterrupt), (143, SystemExit)])
def test_a_fit_that_is_stopped_stops_what_called_it(code: int, raised: Any):
    with pytest.raises(raised):  # no Exception, which a grid search would take for a failed fit
        with value_errors():
            raise StoppedError("stopped", code)


def test_a_folder_comes_back_from_its_bytes(tmp_path):
    for name in ("a/b.json", "c", "tensorboard/events", ".lock"):
        (tmp_path / "one" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "one" / name).write_text(name)
    unpack(packed(tmp_path / "one"), tmp_path / "two")
    found = [
        path.relative_to(tmp_path / "two")
        for path in (tmp_path / "two").rglob("*")
        if path.is_file()
    ]
    assert sorted(map(str, found)) == ["a/b.json", "c"]


TWO = pd.DataFrame({"a": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("kind", "given", "line"),
    [
        (DenseRegressor, {"y": ["a", "b"]}, "y: could not convert .*; classes are for DenseClass"),
        (DenseRegressor, {"y": pd.Series(pd.date_range("2020", periods=2))}, "y holds datetime64"),
        (DenseRegressor, {"y": TWO.assign(a=TWO.index.astype("m8[s]"))}, "y holds timedelta64"),
        (DenseRegressor, {"y": pl.Series(["a", "b"])}, "classes are for DenseClassifier"),
        (DenseClassifier, {"y": ["a", "a"]}, "y holds one class, 'a'; two are needed"),
    ],
)
def test_a_target_that_cannot_be_learned_is_one_line(kind: Any, given: Any, line: str):
    with pytest.raises(ValueError, match=line) as raised:
        kind().fit(TWO, **given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("seed", ["a", -1, np.random.default_rng(0)], ids=str)
def test_a_seed_that_is_none_is_refused(seed: Any):
    with pytest.raises(ValueError, match=r"cannot be used to seed|config.seed: expected"):
        DenseRegressor(random_state=seed).fit(TWO, [1.0, 2.0])


def test_quantiles_stand_by_row_target_and_level():
    head = Head("value", "regression", ("y", "z"), (), 2)
    of = TableEncoder((), (Column("y", "number"), Column("z", "number")), (head,))
    value = np.array([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0]], np.float32)
    answers = {"value": value, "value.deviation": np.full_like(value, 2)}
    levels = (0.05, 0.5, 0.9)
    found = columns_at(quantile_columns(of, head, answers, (), levels), ("y", "z"), levels)
    assert found.shape == (3, 2, 3)
    np.testing.assert_allclose(found, norm.ppf(levels, value[..., None], 2), rtol=1e-5, atol=1e-5)


def test_rows_are_matched_by_place_and_two_orders_of_one_index_are_told():
    turned = TWO["a"][::-1]
    with pytest.warns(
        ReadingWarning, match=r"X and y have one index in two orders: .*y.loc"
    ) as told:
        tell_order(TWO, y=turned, sample_weight=TWO["a"])
    assert told[0].filename == __file__  # the user's line
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tell_order(TWO, y=turned.reset_index(drop=True), sample_weight=None)
        tell_order(TWO.to_numpy(), y=turned)
        tell_order(TWO, y=[1, 2])  # whose index is a method


def with_index(frame: pd.DataFrame | pd.Series, **named: str) -> tuple[configs.Series, pa.Table]:
    """What data and table of series are, given the index of their rows."""
    data = configs.Series(**named)
    table, _ = series_table(frame, None)
    name_levels(data, table, frame)
    return data, with_levels(table, frame, data)


DAYS = pd.date_range("2024", periods=3)


@pytest.mark.parametrize(
    ("index", "times"),
    [
        (DAYS, list(DAYS)),
        (DAYS.tz_localize("UTC"), list(DAYS.tz_localize("UTC"))),
        (
            pd.period_range("2024-01", periods=3, freq="M"),
            list(pd.date_range("2024", freq="MS", periods=3)),
        ),
    ],
    ids=["times", "zone", "periods"],
)
def test_times_in_an_index_are_a_column_of_series(index: Any, times: Any):
    frame = pd.DataFrame({"time": [1, 2, 3]}, index=index)
    data, table = with_index(frame)
    assert data.time not in (None, "time") and table[data.time].to_pylist() == times
    data, table = with_index(frame, time="time")
    assert (data.time, table.column_names) == ("time", ["time"])  # which is there
    data, table = with_index(frame["time"].rename_axis("day"))
    assert (data.time, table.column_names) == ("day", ["target", "day"])
    assert with_index(frame["time"].reset_index(drop=True))[0].time is None
    assert as_table({"at": frame.index})["at"].to_pylist() == times
    assert "reset_index" in (index_note(frame) or "") and index_note({"index": index}) is None


def test_the_other_level_of_an_index_names_groups():
    index = pd.MultiIndex.from_product([["a", "b"], DAYS], names=["shop", None])
    frame = pd.DataFrame({"y": np.arange(6)}, index=index)
    data, table = with_index(frame)
    assert (data.group, data.time) == ("shop", "time")
    assert table["shop"].to_pylist() == list("aaabbb")
    assert table["time"].to_pylist() == [*DAYS, *DAYS]
    assert "reset_index" in (index_note(frame) or "")
    labels = frame.reset_index(level=1, drop=True)
    assert with_index(labels)[1].column_names == ["y"]  # labels of rows say nothing by themselves
    assert with_index(labels, group="shop")[1]["shop"].to_pylist() == list("aaabbb")
    three = pd.concat({"north": frame}, names=["part"])
    with pytest.raises(UserError, match="several levels for data__group: 'part', 'shop'; name one"):
        with_index(three)
    assert with_index(three, group="shop")[0].time == "time"


def test_what_is_no_series_is_one_line():
    with pytest.raises(ValueError, match=r"X is an array of shape \(3, 2\), whose columns have no"):
        series_table(np.ones((3, 2)), None)
    with pytest.raises(ValueError, match="X is of type NoneType: expected sequences"):
        SequenceClassifier().fit(None, [1, 2])


def test_what_a_message_says_of_flags_it_says_of_arguments():
    with pytest.raises(ValueError, match=r"^level: measured .*; leave out dropout_samples$"):
        with value_errors():
            raise UserError("--interval: measured on answers; leave out --dropout_samples")
    line = "no checkpoint; train it first: python -m train.main --workdir=runs/a"
    assert (
        in_python(line) == line
        and in_python("(--config.train.monitor)") == "(config.train.monitor)"
    )


def test_numbers_that_a_frame_calls_categories_are_categories():
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2], 3: [0.5, 1.5], "c": ["x", "y"], "y": [1, 2]})
    frame = frame.astype(dict.fromkeys(["b", 3, "c", "y"], "category"))
    of_arrow = pa.table({"a": [1, 2], "b": pa.array([1, 2]).dictionary_encode(), "3": [1, 2]})
    data = configs.Table(target="y", ignore=("3",))
    for rows in (frame, of_arrow):
        assert with_categories(data, rows).categorical == ("b",)
        assert with_categories(configs.Table(numeric=("b",)), rows).categorical != ("b",)
    assert with_categories(data, {"b": [1, 2]}) is data
    cut = pd.cut(pd.Series([0.1, 0.9, None]), [0, 0.5, 1])
    assert as_table({"cut": cut})["cut"].to_pylist() == ["(0.0, 0.5]", "(0.5, 1.0]", None]
    frame.columns = ["a", "a", "c", "d", "y"]
    with pytest.raises(ValueError, match=r"^X: columns 1 and 2 are both named 'a'"):
        DenseRegressor().fit(frame, [1.0, 2.0])
    with pytest.raises(UserError, match=r"^data: column 'a' is one float"):
        features_of(DenseRegressor(), {"a": 1.0}, y=[1.0])
    assert features_of(DenseRegressor(), [{"a": 1.0}, {"b": "x"}], y=[1, 2]).column_names == [
        "a",
        "b",
    ]


def test_weights_are_numbers_one_for_each_row_or_one_for_all() -> None:
    assert weights_of(2, 3).tolist() == [2.0, 2.0, 2.0]
    assert weights_of([1, 0, 3], 3).tolist() == [1.0, 0.0, 3.0]
    for wrong in ([1.0, 2.0], [[1.0], [2.0], [3.0]]):
        shape = re.escape(str(np.shape(wrong)))
        with pytest.raises(ValueError, match=f"a number for each of 3 rows, .* shape {shape}"):
            weights_of(wrong, 3)
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        weights_of([1.0, np.nan, 3.0], 3)
    for zeros in (0, [0.0, 0.0, 0.0]):
        with pytest.raises(ValueError, match="all 3 weights are zero"):
            weights_of(zeros, 3)
