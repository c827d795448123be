"""The line of progress: what a terminal shows of it, and nothing where there is none."""

import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from train.run.listener import Listener
from train.run.progress import Progress, in_time

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 160 columns, to which Progress writes."""
    screen = Terminal()
    monkeypatch.setattr("train.run.progress.sys", SimpleNamespace(stderr=screen, stdout=sys.stdout))
    for name, value in {"TERM": "xterm", "COLUMNS": "160", "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def text(terminal):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())


def test_without_a_terminal_nothing_is_written_and_rich_is_not_loaded():
    code = (
        "import sys; from train.run.progress import Progress\n"
        "with Progress(10, 100) as bar: bar.update(1, 0.5, {'rmse': 2.0})\n"
        "assert 'rich' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, cwd=ROOT
    )
    assert done.stdout == done.stderr == b""


def test_a_terminal_shows_epoch_loss_and_score(terminal):
    with Progress(10, 100) as bar:
        bar.update(3, 0.51239, {"rmse": 53.876, "mae": 40.0})
    last = text(terminal).splitlines()[-1]
    assert (
        "3/10" in last
        and "loss 0.5124" in last
        and "rmse 53.88 (best 53.88)" in last
        and "mae" not in last
    )


@pytest.mark.parametrize(
    ("metric", "best"), [("rmse", 1.0), ("price.rmse", 1.0), ("accuracy", 3.0), ("y.auc", 3.0)]
)
def test_the_best_score_so_far_follows_the_direction_of_the_metric(terminal, metric, best):
    with Progress(10, 100) as bar:
        for epoch, score in enumerate((float("nan"), 2.0, 1.0, 3.0, 2.5), 1):
            bar.update(epoch, 0.5, {metric: score})
    assert f"{metric} 2.5 (best {best:.0f})" in text(terminal).splitlines()[-1]


def test_the_speed_leaves_out_the_epochs_that_were_compiled(terminal, monkeypatch):
    clock = iter([100.0, 102.0])  # the first update, the second
    with Progress(10, 500) as bar:
        monkeypatch.setattr(
            "train.run.progress.time", SimpleNamespace(perf_counter=lambda: next(clock))
        )
        bar.update(1, 0.5, {})
        assert "examples/s" not in str(bar._bar.tasks[0].fields)
        bar.update(5, 0.4, {})
        assert "1,000 examples/s" in bar._bar.tasks[0].fields["said"]


def test_a_narrow_terminal_keeps_epoch_score_and_time_and_leaves_out_the_speed(
    terminal, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    with Progress(300, 500, scaled=True) as bar:
        bar.update(1, 0.5, {"rmse": 55.42})
        bar.update(151, 0.4018, {"rmse": 51.92})
    last = text(terminal).splitlines()[-1]
    assert "151/300" in last and "scaled loss 0.4018  rmse 51.92 (best 51.92)" in last
    assert re.search(r" [\d-]:[\d-]{2}:[\d-]{2}$", last.rstrip()) and "examples" not in last


def test_a_resumed_run_starts_where_it_was(terminal):
    with Progress(10, 100, first_epoch=6):
        pass
    assert "6/10" in text(terminal)


def test_names_are_shown_as_they_are(terminal):
    with Progress(10, 100) as bar:
        bar.update(1, 0.5, {"[red]y.rmse": 2.0})
    assert "[red]y.rmse 2" in text(terminal)


def test_a_log_gets_a_line_each_ten_seconds_and_each_thirty_after_five_minutes(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    stub = SimpleNamespace(perf_counter=lambda: clock.now, strftime=lambda _: "12:00:00")
    monkeypatch.setattr("train.run.progress.time", stub)
    said = []
    with Progress(800, 500, listener=Listener(said.append), scaled=True) as progress:
        for epoch in range(1, 401):
            clock.now += 1
            progress.update(epoch, 0.5, {"rmse": 60.0 + abs(epoch - 20)})
    assert len(said) == 30 + 3  # each 10th second of 300, then the 330th, 360th and 390th
    assert said[1] == (
        "12:00:00  epoch 20/800  scaled loss 0.5  rmse 60 (best 60)  500 examples/s  "
        "1 s an epoch  13 min left at most"
    )
    assert "epoch 30/" in said[2] and "rmse 70 (best 60)" in said[2]


@pytest.mark.parametrize(
    ("seconds", "words"), [(3.4, "3 s"), (100, "2 min"), (5000, "83 min"), (9000, "2.5 h")]
)
def test_times_in_words(seconds, words):
    assert in_time(seconds) == words


def test_an_exception_leaves_the_terminal_as_it_was(terminal):
    with pytest.raises(KeyboardInterrupt), Progress(10, 100):
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is shown again
