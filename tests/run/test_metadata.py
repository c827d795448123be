"""What a run's folder says it is a run of, and which runs may go on in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from nets.kernels import library
from train.config import LSTM, Config, Dense, Population, Sequences, Train
from train.errors import UserError
from train.run.metadata import check_or_write_metadata, lstm_core

DATASET = SimpleNamespace(encoder=SimpleNamespace(to_json=dict), fingerprint="f")
DATA = Sequences(path="x.jsonl", inputs="x", target="y")


@pytest.mark.parametrize("epochs", [5, "auto"])
def test_the_same_config_goes_on(epochs, tmp_path: Path):
    config = Config(train=Train(epochs=epochs), population=Population(seeds=2))
    check_or_write_metadata(tmp_path, config, DATASET)
    check_or_write_metadata(tmp_path, config, DATASET)


@pytest.mark.parametrize("epochs", [4, "auto"])
def test_fewer_or_unknown_epochs_are_refused(epochs, tmp_path: Path):
    check_or_write_metadata(tmp_path, Config(train=Train(epochs=5)), DATASET)
    with pytest.raises(UserError, match=r"config\.train\.epochs: 5 -> "):
        check_or_write_metadata(tmp_path, Config(train=Train(epochs=epochs)), DATASET)


def test_an_lstm_core_is_named_where_an_lstm_runs():
    plain = Config(data=DATA, net=LSTM(cell="plain"))
    assert lstm_core(Config(data=DATA, net=LSTM())) == library.core()
    assert lstm_core(plain) is None
    assert lstm_core(Config(net=Dense())) is None
    both = Population(grid={"net.cell": ("plain", "lstm")})
    assert lstm_core(replace(plain, population=both)) == library.core()
    assert lstm_core(replace(plain, population=replace(both, member=0))) is None
