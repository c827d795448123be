"""What a run's process is made before it trains."""

from __future__ import annotations

import pytest

from train.config import LSTM, Config, Dense, Population, Processes
from train.parallel import hosts, runtime, session

ONE_OF_TWO = Processes("localhost:1", 2, 0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    made: list[object] = []
    monkeypatch.setattr(runtime, "_cores", lambda: 7)
    monkeypatch.setattr(runtime, "configure", lambda *, cpu_devices: made.append(cpu_devices))
    monkeypatch.setattr(hosts, "join", made.append)
    monkeypatch.setattr(hosts, "leave", lambda: made.append("left"))
    return made


@pytest.mark.parametrize(
    ("net", "seeds", "processes", "cpu_devices"),
    [
        (LSTM(), 2, None, 7),
        (LSTM(), 1, None, 1),
        (Dense(), 2, None, 1),
        (LSTM(), 2, ONE_OF_TWO, 1),
    ],
)
def test_members_that_train_in_turns_have_a_device_for_each_core(
    net, seeds, processes, cpu_devices, calls
):
    with session(Config(net=net, population=Population(seeds=seeds)), processes):
        assert calls == [cpu_devices, processes]
    assert calls[2:] == ["left"]


def test_a_run_that_fails_does_not_wait_for_the_others(calls):
    with pytest.raises(ZeroDivisionError), session(Config(), None):
        raise ZeroDivisionError
    assert "left" not in calls
