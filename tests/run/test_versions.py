"""What computes a run, and what is said where that changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nets.kernels import library
from train.config import LSTM, Config, Dense, Optim, Population, Sequences
from train.run import versions
from train.run.metadata import check_or_write_metadata
from train.run.versions import lstm_core, notes_of_moved_run

DATASET = SimpleNamespace(encoder=SimpleNamespace(to_json=dict), fingerprint="f")
DATA = Sequences(path="x.jsonl", inputs="x", target="y")


def test_a_run_that_moved_to_other_cores_says_so_in_one_line(tmp_path: Path, monkeypatch):
    lstm = Config(data=DATA, net=LSTM())
    assert notes_of_moved_run(tmp_path, lstm) == []  # nothing has begun
    monkeypatch.setattr(versions, "usable_cores", lambda: 2)
    check_or_write_metadata(tmp_path, lstm, DATASET)
    assert notes_of_moved_run(tmp_path, lstm) == []
    monkeypatch.setattr(versions, "usable_cores", lambda: 1)
    monkeypatch.setattr(library, "core", lambda: "elsewhere")
    (note,) = notes_of_moved_run(tmp_path, lstm)
    assert "cores 2 -> 1, LSTM core" in note and "-> elsewhere" in note and "\n" not in note
    # A folder of an older version does not know its cores.
    stored = json.loads((tmp_path / "config.json").read_text())
    del stored["versions"]["cores"], stored["versions"]["LSTM core"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    (tmp_path / "manifest.json").unlink()
    assert notes_of_moved_run(tmp_path, lstm) == []


def test_a_run_whose_dense_layers_get_another_core_says_so(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(library, "core", lambda: "native here")
    config = Config(net=Dense(hidden=(128, 128)))
    check_or_write_metadata(tmp_path, config, DATASET)
    assert notes_of_moved_run(tmp_path, config) == []
    monkeypatch.setattr(library, "core", lambda: "portable (no compiler)")
    (note,) = notes_of_moved_run(tmp_path, config)
    assert "dense core native here -> portable (no compiler)" in note
    # A folder of an older version, which knew no core for them.
    stored = json.loads((tmp_path / "config.json").read_text())
    del stored["versions"]["dense core"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    (tmp_path / "manifest.json").unlink()
    assert notes_of_moved_run(tmp_path, config) == []
    monkeypatch.setattr(library, "core", lambda: "native here")
    assert "dense core portable -> native here" in notes_of_moved_run(tmp_path, config)[0]
    for plain in (Dense(hidden=(128, 128), norm="layer"), Dense(hidden=(64, 64))):
        assert notes_of_moved_run(tmp_path, Config(net=plain)) == []


def test_small_nets_side_by_side_name_the_core_that_is_at_hand(monkeypatch):
    monkeypatch.setattr(library, "core", lambda: "native here")
    monkeypatch.setattr(library, "is_at_hand", lambda: True)
    both = Population(seeds=2)
    adam = Optim(name="adam")
    sgd = Optim(name="sgd")

    def core(**options: Any) -> str | None:
        return versions.what_computes(Config(**options)).get("dense core")

    assert core(net=Dense(hidden=(16,)), optim=adam, population=both) == "native here"
    assert core(net=Dense(hidden=(64, 64)), optim=sgd, population=both) == "native here"
    assert core(net=Dense(hidden=(16,)), optim=sgd, population=both) is None
    small = Dense(hidden=(64, 64))
    assert core(net=small, optim=adam) is None
    assert core(net=small, optim=adam, population=replace(both, member=0)) is None
    assert core(data=DATA, net=LSTM(), optim=adam, population=both) is None
    monkeypatch.setattr(library, "is_at_hand", lambda: False)
    core_now = core(net=Dense(hidden=(64, 64)), optim=sgd, population=both)
    assert core_now == "portable (no library at hand)"


def test_an_lstm_core_is_named_where_an_lstm_runs():
    plain = Config(data=DATA, net=LSTM(cell="plain"))
    assert lstm_core(Config(data=DATA, net=LSTM())) == library.core()
    assert lstm_core(plain) is None
    assert lstm_core(Config(net=Dense())) is None
    both = Population(grid={"net.cell": ("plain", "lstm")})
    assert lstm_core(replace(plain, population=both)) == library.core()
    assert lstm_core(replace(plain, population=replace(both, member=0))) is None
