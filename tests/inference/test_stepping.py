"""A predictor that answers one time step at a time, for nets that can."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from train import loop, predict
from train.config import LSTM, Config, Optim, Sequences, Train
from train.errors import UserError


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> str:
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    with open(path, "w") as file:
        for _ in range(60):
            x = random.normal(size=(random.integers(4, 8), 2)).round(3)
            file.write(
                json.dumps({"x": x.tolist(), "label": "up" if x[:, 0].sum() > 0 else "down"}) + "\n"
            )
    return str(path)


def fit(rows: str, folder, net: LSTM):
    options = Sequences(path=rows, inputs="x", target="label")
    config = Config(name="s", data=options, net=net, optim=Optim(name="adam", learning_rate=0.02))
    config.train = Train(epochs=3, batch_size=16)
    loop.fit(config, folder)
    return predict.load(folder)


LATER = [
    (LSTM(hidden=(4,), bidirectional=True, readout="last"), "both directions"),
    (LSTM(hidden=(4,), readout="max"), "'max'"),
    (LSTM(hidden=(4,), readout="last", patch=2), "2 steps at once"),
    (
        LSTM(hidden=(4,), readout="last", convolutions=(4,), widths=(3,)),
        "convolutions, which look ahead",
    ),
]


@pytest.mark.slow
def test_steps_with_a_carry_end_where_the_whole_sequence_ends(rows, tmp_path):
    model = fit(rows, tmp_path / "run", LSTM(hidden=(4, 4), readout="last"))
    x = np.random.default_rng(1).normal(size=(3, 6, 2))
    whole = model.columns(pa.table({"x": x.tolist()}))
    carry = None
    answer: Any = None
    for t in range(6):
        answer, carry = model.step({"x": x[:, t : t + 1].tolist()}, carry)
    np.testing.assert_allclose(answer["probability_up"], whole["probability_up"], rtol=1e-5)
    forgetful, _ = model.step({"x": x[:, 5:].tolist()})
    assert np.abs(forgetful["probability_up"] - whole["probability_up"]).max() > 1e-3
    for net, expected in LATER:
        model.config.net = net
        with pytest.raises(UserError, match=expected):
            model.step({"x": x.tolist()})
