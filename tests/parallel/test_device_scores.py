"""One run on one device and on several, by jit and by pmap: scores, and what is said of devices."""

from __future__ import annotations

import pytest
from device_runs import assert_near, dense, lstm, run_all

# Means and deviations of a batch are those of its parts on all devices.
BATCH_NORM = {"net__norm": "batch"}
SETS = {
    "one": dense(devices__count=1, **BATCH_NORM),
    "eight": dense(devices__count=8, **BATCH_NORM),
    "four by pmap": dense(devices__count=4, devices__parallel="pmap", **BATCH_NORM),
    "members on one": dense(devices__count=1, population__seeds=6),
    "members on two by two": dense(devices__count=4, population__seeds=6),
    "members by pmap": dense(devices__count=2, population__seeds=6, devices__parallel="pmap"),
    "LSTM on one": lstm(devices__count=1),
    "LSTM on four": lstm(devices__count=4),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    return run_all(SETS, tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("eight", "one"),
        ("four by pmap", "one"),
        ("members on two by two", "members on one"),
        ("members by pmap", "members on one"),
        ("LSTM on four", "LSTM on one"),
    ],
)
def test_scores_are_those_of_one_device(several: str, one: str, runs: dict[str, dict]) -> None:
    assert_near(runs[several], runs[one])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("one", "devices: 1 of 8; config.devices.count takes more"),
        ("eight", "devices: 8 of 8: members over 1, batches over 8, by jit"),
        ("members on two by two", "devices: 4 of 8: members over 2, batches over 2, by jit"),
        ("four by pmap", "devices: 4 of 8: members over 1, batches over 4, by pmap"),
    ],
)
def test_a_line_says_where_a_run_trains(name: str, line: str, runs: dict[str, dict]) -> None:
    assert runs[name]["devices"] == line
