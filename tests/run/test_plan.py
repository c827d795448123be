"""What is too large is told in a line that names the field, before anything is made."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from nets.recurrent import LAYERS, Cell
from train.config import LSTM, Config, Dense, Series, Table, Train
from train.data.load import load_dataset
from train.data.resolve import resolve_config
from train.errors import UserError
from train.run import plan

TABLE = Config(data=Table(path="builtin:diabetes", target="progression"))


def planned(config: Config) -> None:
    """Loads the data of a config, resolves it, and plans."""
    dataset = load_dataset(config)
    plan.check_plan(resolve_config(config, dataset), dataset)


def cases() -> Iterator[tuple[str, Config]]:
    def train(options: Train) -> Config:
        return dataclasses.replace(TABLE, train=options)

    yield "train.batch_size: 1e+30 is too large: a batch", train(Train(batch_size=10**30))
    yield "train.epochs: 1e+30 epochs of 10 updates are too many", train(Train(epochs=10**30))
    yield "train.eval_every: 9.223372037e+18 is too large", train(Train(eval_every=2**63))
    for hidden, said in (((10**6, 10**6), "(1000000, 1000000)"), ((10**12,), "(1e+12,)")):
        net = Dense(hidden=hidden)
        yield f"net.hidden: {said} is too large: the weights", dataclasses.replace(TABLE, net=net)
    bins = Dense(embedding="piecewise_linear_b", embedding_bins=10**12)
    yield "net.embedding_bins: 1e+12 is too large", dataclasses.replace(TABLE, net=bins)
    series = Series(path="builtin:mackey_glass", target="x", rows=600)
    yield "net.hidden: ", Config(data=series, net=LSTM(hidden=(10**6,)))


@pytest.mark.parametrize(("said", "config"), list(cases()))
def test_what_is_too_large_is_a_line_before_anything_is_made(said: str, config: Config) -> None:
    with pytest.raises(UserError, match="^config." + re.escape(said)) as caught:
        planned(config)
    assert "\n" not in str(caught.value)


def test_what_just_fits_is_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers of 4,096: 16.8 million weights and those of 10 columns, three times, in bytes."""
    config = dataclasses.replace(TABLE, net=Dense(hidden=(4096, 4096)))
    needed = 4 * 3 * (10 * 4096 + 4096 * 4096)
    monkeypatch.setattr(plan, "MIN_CHECKED_BYTES", 0)
    for free, fits in ((None, True), (needed, True), (needed - 1, False)):
        monkeypatch.setattr(plan, "free_bytes", lambda free=free: free)
        if fits:
            planned(config)
        else:
            with pytest.raises(UserError, match=r"202 MB, and 202 MB are free"):
                planned(config)


def test_every_cell_has_its_layer_and_its_gates() -> None:
    cells = set(get_args(get_type_hints(LSTM)["cell"]))
    assert cells == set(plan.GATES) == {"lstm", *LAYERS}
    assert set(get_args(Cell)) == set(LAYERS)
