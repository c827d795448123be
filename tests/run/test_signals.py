"""Signals that come before a run trains, and whose exception a library keeps to itself."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from train import errors
from train.run.signals import stopped_by_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_library_swallows_is_seen_by_what_trains_later(number, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.main"])
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker's parent may ignore it
    found = []

    def main(_: list[str]) -> int:
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), number)
        with stopped_by_signals() as signals:
            found.extend(signals)
        return 0

    def calm(_: list[str]) -> int:
        with stopped_by_signals() as signals:
            found.extend(signals)
        return 0

    try:
        for command in (main, calm):
            with pytest.raises(SystemExit) as end:
                errors.run(command)
            assert end.value.code == 0
    finally:
        errors.swallowed.clear()
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert found == [number]  # and none in the second command


def test_a_command_goes_on_ignoring_ctrl_c_where_its_caller_does(monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.main"])
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def main(_: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 7

    try:
        with pytest.raises(SystemExit) as end:
            errors.run(main)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert end.value.code == 7
