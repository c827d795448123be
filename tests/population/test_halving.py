"""Successive halving: when settings are compared, who stops, and that it is found again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from resumption import stopped_after

from train import loop
from train.config import Config, Dense, Population, Table, Train
from train.config.members import members_of
from train.errors import StoppedError
from train.population.halving import (
    Rung,
    count_left,
    decision_in_words,
    find_lost,
    plan_rungs,
)
from train.population.rungs import FILE, train_by_rungs
from train.run.log import read_history
from train.run.run import Run
from train.run.schedule import Leg

N_STEPS = 5  # of an epoch
CONFIG = Config(
    train=Train(epochs=9),
    population=Population(
        seeds=2, halving=3, grid={"optim.l2": tuple(i / 10 for i in range(1, 10))}
    ),
)


@pytest.mark.parametrize(
    ("epochs", "every", "halving", "wanted"),
    [
        ([9], 1, 3, [(1,), (3,)]),
        ([27], 1, 3, [(3,), (9,)]),
        ([10], 1, 3, [(2,), (4,)]),  # in whole epochs, and
        ([27], 2, 3, [(4,), (10,)]),  # in whole evaluations, rounded up
        ([8], 1, 2, [(2,), (4,)]),
        ([3], 2, 3, [(2,)]),
        ([2], 2, 3, []),
        ([9, 27], 1, 3, [(1, 3), (3, 9)]),  # of their own epochs each
        ([1, 27], 1, 3, [(1, 3), (1, 9)]),  # who has ended is compared all the same
    ],
)
def test_rungs(epochs: list[int], every: int, halving: int, wanted: list[tuple[int, ...]]) -> None:
    assert [rung.epochs for rung in plan_rungs(epochs, every, halving)] == wanted


def test_the_settings_of_the_lowest_means_stay() -> None:
    values = {0: (1.0, 5.0), 1: (2.0, 2.0), 2: (0.0, np.nan), 3: (2.0, 2.0), 4: (9.0, 9.0)}
    assert find_lost(values, 2) == (0, 2, 4)
    assert find_lost(values, 1) == (0, 2, 3, 4)  # of equal ones the first
    assert find_lost(values, 4) == (2,)
    assert find_lost(values, 9) == ()
    assert [count_left(n, 3, place) for n in (9, 10) for place in (0, 1)] == [3, 1, 4, 2]


def test_a_line_says_who_stops() -> None:
    settings = [{"optim.l2": i / 3, "net.hidden": (8, 4)} for i in range(9)]
    rungs = [Rung((2, 2), (0, 1, 2, 3, 5, 8)), Rung((4, 6), (4,))]
    first = decision_in_words(settings, rungs, 0)
    assert first.startswith("halving after epoch 2: 6 of 9 settings stop: ")
    assert "optim.l2=0.3333 net.hidden=(8, 4); " in first and first.endswith("; 1 more")
    second = "halving after epochs 4 to 6: 1 of 3 settings stop: optim.l2=1.333 net.hidden=(8, 4)"
    assert decision_in_words(settings, rungs, 1) == second


class Trainer:
    """Trains nets whose values are known, call by call, on a disk that a stop leaves as it is."""

    def __init__(self, folder: Path, cuts: Sequence[int]):
        members = members_of(CONFIG)
        self.runs: list[Run] = []
        program: Any = SimpleNamespace(steps_per_epoch=N_STEPS)
        nothing: Any = None
        for some in np.split(np.arange(len(members)), cuts):
            own = tuple(members[i] for i in some)
            self.runs.append(Run(folder, CONFIG, nothing, program, nothing, members=own))
        self.disk: dict[int, np.ndarray] = {}
        self.lines: list[str] = []
        self.n_left = 10**9

    def value(self, number: int, epoch: int) -> float:
        """A net that is bad after an epoch may be good after three: the nets change places."""
        return np.random.default_rng([number // 4, epoch]).uniform() + number / 100

    def train(self, i: int, leg: Leg) -> Any:
        run = self.runs[i]
        epoch_k = self.disk.get(i, np.zeros(len(run.members), int))
        stopped_k = np.array(leg.stopped or [False] * len(epoch_k))
        until = 9 if leg.until is None else leg.until // N_STEPS
        while (epoch_k[~stopped_k] < until).any():
            if self.n_left == 0:
                raise StoppedError("", 143)
            self.n_left -= 1
            epoch_k = epoch_k + ~stopped_k
            self.disk[i] = epoch_k
        values: list[float] = []
        for member, epoch in zip(run.members, epoch_k, strict=True):
            seen = [self.value(member.number, e) for e in range(1, epoch + 1)]
            values.append(min([np.inf, *seen]))
        kept = np.array(values, np.float32)
        # The lowest of all is another number where the last weights are restored: it ranks nobody.
        best = SimpleNamespace(kept=kept, value=-kept)
        return SimpleNamespace(step=epoch_k * N_STEPS, best=best)

    def whole(self) -> tuple[list[Rung], list[int]]:
        """The rungs, and the epochs of every net."""
        rungs = train_by_rungs(CONFIG, self.runs, self.train, self.lines.append)
        return rungs, np.concatenate([self.disk[i] for i in range(len(self.runs))]).tolist()


def test_a_line_says_that_no_setting_can_stop(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, [])
    config = replace(CONFIG, train=replace(CONFIG.train, eval_every=9))
    assert train_by_rungs(config, trainer.runs, trainer.train, trainer.lines.append) == []
    [line] = trainer.lines
    assert line.startswith("config.population.halving: no setting can stop")
    assert line.endswith("or set config.train.eval_every below 9")


def test_settings_compete_over_all_groups(tmp_path: Path) -> None:
    """Three lists of members in any cut come to what one list comes to."""
    whole = Trainer(tmp_path, [])
    rungs, epochs = whole.whole()
    assert sorted(epochs) == [1] * 12 + [3] * 4 + [9] * 2
    first = {s: np.mean([whole.value(2 * s + k, 1) for k in (0, 1)]) for s in range(9)}
    assert rungs[0].lost == tuple(sorted(sorted(first, key=first.__getitem__)[3:]))
    # Of those that are left two stop; who stopped before does not stop again.
    left = [s for s in range(9) if s not in rungs[0].lost]
    third = {
        s: np.mean([min(whole.value(2 * s + k, e) for e in (1, 2, 3)) for k in (0, 1)])
        for s in left
    }
    assert rungs[1].lost == tuple(sorted(sorted(left, key=third.__getitem__)[1:]))
    assert len(whole.lines) == 2
    for name, cuts in (("two", [7]), ("three", [1, 12]), ("each", list(range(1, 18)))):
        (tmp_path / name).mkdir()
        assert Trainer(tmp_path / name, cuts).whole() == (rungs, epochs)


def test_who_stopped_is_found_again_wherever_a_run_was_stopped(tmp_path: Path) -> None:
    wanted = Trainer(tmp_path, [8]).whole()
    for n_calls in range(20):
        folder = tmp_path / str(n_calls)
        folder.mkdir()
        trainer = Trainer(folder, [8])
        trainer.n_left = n_calls
        with contextlib.suppress(StoppedError):
            trainer.whole()
        trainer.n_left = 10**9
        assert trainer.whole() == wanted
        assert len(trainer.lines) == 2  # each decision is told once
        # The newest checkpoint of a group is damaged, and it goes on from an older one.
        trainer.disk[1] = np.zeros_like(trainer.disk[1])
        assert trainer.whole() == wanted


def test_a_folder_without_decisions_stops_nobody_where_a_group_is_past(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, [8])
    trainer.disk[0] = np.full(8, 2)  # past the first rung, as a version 0.1.0 leaves it
    rungs, epochs = trainer.whole()
    assert rungs[0].lost == () and len(rungs[1].lost or ()) == 8
    assert sorted(epochs) == [3] * 16 + [9] * 2
    assert "0 of 9 settings stop" in trainer.lines[0]


HALVED = Config(
    data=Table(path="builtin:diabetes", target="progression"),
    net=Dense(hidden=(4,)),
    train=Train(epochs=18, batch_size=64, patience=None),
    population=Population(
        halving=3, grid={"optim.learning_rate": (1e-6, 1e-3, 1e-2), "net.hidden": ((4,), ())}
    ),
)


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two groups, whose calls have as many rounds as they are allowed."""
    folder = tmp_path_factory.mktemp("halved") / "run"
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("train.run.schedule.CALL_SECONDS", 1e9)
        loop.fit(HALVED, folder, echo=lines.append)
    (folder / "lines").write_text("\n".join(lines))
    return folder


@pytest.mark.slow
def test_a_call_ends_at_a_rung(halved: Path) -> None:
    result = json.loads((halved / "result.json").read_text())
    assert sorted(member["epochs"] for member in result["per_member"]) == [2] * 4 + [6, 18]
    assert [each["epochs"] for each in result["halving"]] == [[2], [6]]
    assert [each["settings"] for each in result["halving"]] == [6, 2]
    for rung, epochs in zip(result["halving"], (2, 6), strict=True):
        for number in rung["stopped"]:
            assert result["per_member"][number]["epochs"] == epochs
    # The values at the first rung, by the log: whose lowest loss is among the best two goes on.
    lowest = {member: np.inf for member in range(6)}
    for line in read_history(halved):
        if line["split"] == "valid" and line["epoch"] <= 2:
            lowest[line["member"]] = min(lowest[line["member"]], line["loss"])
    assert set(result["halving"][0]["stopped"]) == set(sorted(lowest, key=lowest.__getitem__)[2:])
    lines = (halved / "lines").read_text()
    assert "halving after epoch 2: 4 of 6 settings stop: optim.learning_rate=1e-06" in lines
    assert "halving stopped 4 of 6 settings after epoch 2, 1 of 2 settings after epoch 6" in lines
    assert "1 of 2 settings after epoch 6" in (halved / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 3, 5, 9])
def test_a_halved_run_resumes_in_the_bits_of_the_straight_one(
    calls: int, halved: Path, tmp_path: Path
) -> None:
    """Whichever group was training, and on whichever side of a rung."""
    with stopped_after(calls), pytest.raises(StoppedError):
        loop.fit(HALVED, tmp_path / "run")
    loop.fit(HALVED, tmp_path / "run")
    for name in ("metrics.jsonl", FILE):
        assert (tmp_path / "run" / name).read_bytes() == (halved / name).read_bytes()
    resumed = json.loads((tmp_path / "run" / "result.json").read_text())
    straight = json.loads((halved / "result.json").read_text())
    for key in ("per_member", "metrics", "settings", "halving", "kept"):
        assert resumed[key] == straight[key]
