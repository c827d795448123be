"""Columns on the device, and what is fitted on them once they are scaled."""

from __future__ import annotations

import numpy as np

from train.config import Augment, Config, Dense, Table
from train.data.load import load_dataset
from train.run.device_data import to_device
from train.run.prepare import make_program, resolve_config


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
