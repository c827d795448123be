"""train.run.lock: one process at a time, also where the system has no flock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from train.errors import UserError
from train.run import lock
from train.run.folder import locked

ROOT = Path(__file__).parents[2]
HIDDEN = "import sys; sys.modules['fcntl'] = None\n"
HOLD = f"""{HIDDEN}
from pathlib import Path
from train.run.folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_without_flock_a_second_process_waits_for_the_first_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    first = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout and first.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=f"in use by process {first.pid}"), locked(tmp_path):
        pass
    first.kill()
    first.communicate()
    with locked(tmp_path), pytest.raises(UserError, match="in use"), locked(tmp_path):
        pass
    (tmp_path / lock.DATABASE).unlink()
    (tmp_path / lock.DATABASE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"), locked(tmp_path):
        pass


RUN = f"""{HIDDEN}
from train import config, loop, predict
options = config.Table(path="builtin:diabetes", target="progression")
run = config.Config(data=options, net=config.Dense(hidden=()), train=config.Train(epochs=1))
run.train.report = False
loop.fit(run, sys.argv[1], verbose=False)
rows = {{name: [1.0] for name in ("age sex bmi bp s1 s2 s3 s4 s5 s6").split()}}
print(len(predict.load(sys.argv[1])(rows)))
"""


@pytest.mark.slow
def test_a_run_and_its_answers_need_no_flock(tmp_path):
    command = [sys.executable, "-c", RUN, str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
