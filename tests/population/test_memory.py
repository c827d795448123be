"""Groups that do not fit the memory: how much they need, and that their parts come to the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from resumption import stop_after

from train import loop, predict
from train.config import LSTM, Config, Dense, Population, Sequences, Table, Train
from train.config.members import pooled
from train.data.load import load_dataset
from train.errors import StoppedError
from train.population import memory
from train.population.groups import prepare_population
from train.population.memory import free_bytes, needed_bytes, rough_bytes, split_into_chunks
from train.population.vmapped import init_members
from train.run.log import read_history
from train.run.run import Run

TABLE = Config(
    data=Table(path="builtin:diabetes", target="progression"),
    net=Dense(hidden=(8,), dropout=0.2),
    train=Train(epochs=4, batch_size=64, checkpoint_every=1),
    population=Population(seeds=3, folds=3),
)
SEQUENCES = Config(
    data=Sequences(path="builtin:digits_rows", inputs="x", target="digit"),
    net=LSTM(hidden=(6,)),
    train=Train(epochs=1, batch_size=64),
    population=Population(seeds=12),
)


def prepared(config: Config, folder: Path) -> Run:
    folder.mkdir()
    (run,) = prepare_population(config, load_dataset(pooled(config)), folder)
    return run


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(replace(TABLE, net=Dense(hidden=())), id="linear", marks=pytest.mark.slow),
        pytest.param(TABLE, id="dense", marks=pytest.mark.slow),
        pytest.param(SEQUENCES, id="lstm", marks=pytest.mark.slow),
    ],
)
def test_what_many_need_follows_from_what_few_need(config, tmp_path):
    config = replace(config, population=Population(seeds=12))
    run = prepared(config, tmp_path / "run")
    alone, more = needed_bytes(run)
    state = init_members(run)
    whole = memory._compiled_bytes(run, 12)
    assert alone + 11 * more == pytest.approx(whole, rel=0.05)
    state_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) / 12
    assert more > state_bytes
    assert rough_bytes(run) > whole


def test_plenty_costs_no_compilation(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_compiled_bytes", lambda *_: pytest.fail("compiled"))
    run = prepared(TABLE, tmp_path / "run")
    assert split_into_chunks(run, pytest.fail, lambda: 10**12) == [run]
    assert split_into_chunks(run, pytest.fail, lambda: None) == [run]


def test_parts_are_equal_and_as_few_as_fit(tmp_path, monkeypatch):
    run = prepared(TABLE, tmp_path / "run")
    monkeypatch.setattr(memory, "needed_bytes", lambda _: (1000, 100))
    said: list[str] = []
    # .7 x 2000 bytes hold 5 of the 9 members: two parts.
    chunks = split_into_chunks(run, said.append, lambda: 2000)
    assert [[member.number for member in chunk.members] for chunk in chunks] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8],
    ]
    assert [chunk.subfolder for chunk in chunks] == ["parts/0-of-2", "parts/1-of-2"]
    assert chunks[1].data.train.shape[0] == 4
    assert jnp.array_equal(chunks[1].data.valid, run.data.valid[5:])
    assert len(said) == 1 and "9 members" in said[0] and "2 parts" in said[0]
    # Begun in two, it goes on in two, and says nothing.
    assert [chunk.subfolder for chunk in split_into_chunks(run, pytest.fail, lambda: 10**12)] == [
        "parts/0-of-2",
        "parts/1-of-2",
    ]


def test_members_that_do_not_fit_alone_are_tried_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "needed_bytes", lambda _: (1000, 100))
    assert len(split_into_chunks(prepared(TABLE, tmp_path / "run"), [].append, lambda: 10)) == 9


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    loop.fit(TABLE, folder)
    return folder


def little(monkeypatch, room: int | None = 3000) -> None:
    """As if a part held three members, or as many as there is room for."""
    monkeypatch.setattr(memory, "needed_bytes", lambda _: (1800, 100))
    monkeypatch.setattr(memory, "free_bytes", lambda: room)


@pytest.fixture(scope="module")
def in_three(tmp_path_factory) -> Path:
    """The run in three parts, which nothing stopped."""
    folder = tmp_path_factory.mktemp("in_three") / "run"
    with pytest.MonkeyPatch.context() as patch:
        little(patch)
        loop.fit(TABLE, folder)
    return folder


@pytest.mark.slow
def test_parts_come_to_what_the_whole_comes_to(whole, tmp_path, monkeypatch):
    little(monkeypatch, 3500)
    said: list[str] = []
    result = loop.fit(TABLE, tmp_path / "run", echo=said.append)
    assert any("2 parts" in line for line in said)
    at_once = json.loads((whole / "result.json").read_text())
    for own, other in zip(result["per_member"], at_once["per_member"], strict=True):
        assert (own["member"], own["best_step"], own["epochs"]) == (
            other["member"],
            other["best_step"],
            other["epochs"],
        )
        assert own["value"] == pytest.approx(other["value"], rel=1e-6)
        assert own["metrics"] == pytest.approx(other["metrics"], rel=1e-5)
    for split, scores in at_once["metrics"].items():
        assert result["metrics"][split] == pytest.approx(scores, rel=1e-5)
    assert {line["member"] for line in read_history(tmp_path / "run")} == set(range(9))
    rows = {
        "age": [59],
        "sex": [2],
        "bmi": [32.1],
        "bp": [101],
        "s1": [157],
        "s2": [93.2],
        "s3": [38],
        "s4": [4],
    }
    rows |= {"s5": [4.9], "s6": [87]}
    assert predict.load(tmp_path / "run")(rows) == pytest.approx(
        predict.load(whole)(rows), rel=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("calls", [2, 6])
def test_a_run_in_chunks_resumes_in_chunks(calls, in_three, tmp_path, monkeypatch):
    little(monkeypatch)
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        stop_after(calls, patch)
        loop.fit(TABLE, tmp_path / "run")
    little(monkeypatch, 10**12)
    loop.fit(TABLE, tmp_path / "run")
    for part in ("parts/0-of-3", "parts/2-of-3"):
        assert (tmp_path / "run" / part / "checkpoints").exists()
    assert not (tmp_path / "run" / "checkpoints").exists()
    results = [
        json.loads((folder / "result.json").read_text()) for folder in (tmp_path / "run", in_three)
    ]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["per_member"] == results[1]["per_member"]


def test_a_machine_tells_what_is_free():
    free = free_bytes()
    assert free is None or 10**6 < free < 10**15
