"""One run on one device and on several, by jit and by pmap: bits, and what is refused."""

from __future__ import annotations

import pytest
from device_runs import assert_near, dense, lstm, run_all

SETS = {
    "one": dense(devices__count=1),
    "exact on one": dense(devices__count=1, devices__exact=8),
    "exact by pmap": dense(devices__count=4, devices__exact=8, devices__parallel="pmap"),
    "moved": dense(3, devices__count=8, devices__exact=8),
    "moved then on two": dense(devices__count=2, devices__exact=8),
    "LSTM exact on one": lstm(devices__count=1, devices__exact=4),
    "LSTM exact on four": lstm(devices__count=4, devices__exact=4),
    "too many": dense(devices__count=9),
    "three of eight": dense(devices__count=3, devices__exact=8),
    "members that do not divide": dense(devices__count=4, devices__members=4, population__seeds=6),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    return run_all(SETS, tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
@pytest.mark.parametrize("several", ["exact by pmap", "moved then on two"])
def test_exact_bits_do_not_depend_on_devices(several: str, runs: dict[str, dict]) -> None:
    """Also those of a run that began on eight and went on on two."""
    assert runs[several]["bits"] == runs["exact on one"]["bits"]
    assert runs["one"]["bits"] != runs["exact on one"]["bits"], (
        "sums of parts have the bits of whole sums: the test could not fail"
    )


@pytest.mark.slow
def test_exact_bits_of_an_lstm(runs: dict[str, dict]) -> None:
    assert runs["LSTM exact on four"]["bits"] == runs["LSTM exact on one"]["bits"]


@pytest.mark.slow
def test_exact_scores_are_those_of_one_device(runs: dict[str, dict]) -> None:
    assert_near(runs["moved then on two"], runs["one"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("too many", "config.devices.count: 9 asked for, but 8 present (cpu)"),
        ("three of eight", "config.devices.exact: 8 parts cannot be shared evenly by 3 devices"),
        ("members that do not divide", "config.devices.members: 4 does not divide the 6 members"),
        ("moved", "stopped at step"),
    ],
)
def test_what_cannot_be_laid_out_is_said(name: str, words: str, runs: dict[str, dict]) -> None:
    assert words in runs[name]["error"]
