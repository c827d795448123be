"""Columns on the device, and what is fitted on them once they are scaled."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from train.config import Augment, Config, Dense, Table
from train.data.load import load_dataset
from train.data.resolve import resolve_config
from train.errors import UserError
from train.run.device_data import (
    _fit_scaled_columns,
    starting_rows,
    to_device,
)
from train.run.prepare import make_program
from train.run.row_weights import class_head


def test_statistics_of_scaled_columns_stand_beside_those_that_were_given():
    config = Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(4,), embedding="piecewise_linear", embedding_size=3),
        augment=Augment(noise=0.1),
    )
    dataset = load_dataset(config)
    config = resolve_config(config, dataset)
    statistics = dataset.statistics(dataset.splits["train"], config.data)
    given = set(statistics["inputs"])
    data = to_device(make_program(config, dataset), dataset, statistics)
    assert set(statistics["inputs"]) == given
    assert set(data.statistics["inputs"]) - given == {"edges", "mean", "spread"}
    numbers_nf = np.asarray(data.arrays.inputs["numbers"][data.train])
    np.testing.assert_allclose(data.statistics["inputs"]["edges"][:, 0], numbers_nf.min(0))
    np.testing.assert_allclose(data.statistics["inputs"]["spread"], numbers_nf.std(0), rtol=1e-5)


def test_categories_alone_have_no_mean_to_be_dropped_to():
    arrays = SimpleNamespace(inputs={"categories": np.zeros((4, 1), np.int32)})
    config = Config(data=Table(path="t.csv", target="y"), augment=Augment(drop=0.3))
    assert _fit_scaled_columns(config, arrays, np.arange(4), (), None) == {}


def test_classes_are_weighted_where_a_row_has_one():
    def encoder(*kinds):
        return SimpleNamespace(heads=[SimpleNamespace(kind=k, columns=("y",)) for k in kinds])

    assert class_head(encoder("regression", "binary")).kind == "binary"
    for kinds in (("tags",), ("next_binary",), ("regression",), ("binary", "multiclass")):
        with pytest.raises(UserError, match="exactly one target that is a class of each row"):
            class_head(encoder(*kinds))


def test_no_unit_begins_at_a_row_that_does_not_count():
    weight = np.array([1.0, 0, 2, 0, 1, 0, 1])
    started = starting_rows(np.array([6, 5, 4, 3, 2]), weight, 0)
    assert sorted(started) == [2, 4, 6]
