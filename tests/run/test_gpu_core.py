"""What computes LSTM layers on a GPU stands in a run's result."""

from __future__ import annotations

import jax

from train.config.data_options import Sequences
from train.config.lstm_options import LSTM
from train.config.net_options import Dense
from train.config.options import Config
from train.run.versions import lstm_core

DATA = Sequences(path="x.jsonl", inputs="x", target="y")


def test_on_a_gpu_the_core_of_each_size_is_told(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.delenv("DENSEQ_GPU_LSTM", raising=False)
    scans = "scans (DENSEQ_GPU_LSTM asks for no other)"
    assert (
        lstm_core(Config(data=DATA, net=LSTM(hidden=(32, 64, 32)))) == f"{scans} for 32, 64 units"
    )
    assert lstm_core(Config(data=DATA, net=LSTM(hidden="auto"))) == "portable (for gpu)"
    assert lstm_core(Config(net=Dense())) is None
    monkeypatch.setenv("DENSEQ_GPU_LSTM", "cudnn")
    dropped = Config(data=DATA, net=LSTM(hidden=(8,), recurrent_dropout=0.5))
    assert lstm_core(dropped) == "scans (cuDNN knows no recurrent dropout) for 8 units"
