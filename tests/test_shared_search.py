"""A search that processes share: how many trials, and what becomes of those of a dead one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from train import config as configs
from train.errors import StorageError, UserError
from train.population import workers
from train.population.study import open_study

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
ROOT = Path(__file__).parents[1]
CONFIG = configs.Config(
    name="shared",
    data=configs.Table(path="builtin:diabetes", target="progression"),
    population=configs.Population(samples=5, grid={"optim.learning_rate": (1e-3, 1e-1)}),
)
# Training in its place takes a moment, or for ever the first time in a process that is to die.
WORKER = """
import sys, time
sys.path.insert(0, "tests")
from test_shared_search import CONFIG
from train import loop, search
from train.population import workers
from train.results import trials
workers.BEAT = workers.PAUSE_SECONDS = .1
storage, folder, dies = sys.argv[1:]
def fit(config, folder, **_):
    folder.mkdir(parents=True)
    if dies == "dies":
        print("training", flush=True)
        time.sleep(600)
    time.sleep(.2)
    return {"per_member": [{"value": config.optim.learning_rate}]}
loop.fit = fit
result = search.search(CONFIG, folder, echo=lambda line: print(line, flush=True), storage=storage)
print(len(result["trials"]), "tried")
"""


def start(storage: str, folder: Path, dies: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, storage, str(folder), dies]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_what_a_killed_process_tried_is_tried_again(tmp_path, kind):
    file = tmp_path / "study"
    storage = f"journal:{file}" if kind == "journal" else f"sqlite:///{file}"
    doomed = start(storage, tmp_path / "doomed", "dies")
    assert doomed.stdout
    for line in doomed.stdout:
        if line == "training\n":
            break
    other = start(storage, tmp_path / "other")
    time.sleep(1)
    doomed.kill()
    doomed.communicate()
    said, _ = other.communicate(timeout=300)
    assert other.returncode == 0, said
    assert "it is tried again" in said and said.endswith("5 tried\n")
    study = open_study(tmp_path, CONFIG, storage)
    states = [trial.state.name for trial in study.trials]
    assert sorted(states) == ["COMPLETE"] * 5 + ["FAIL"]
    failed = study.trials[states.index("FAIL")]
    again = [trial for trial in study.trials if trial.user_attrs.get(workers.TRIED) == 2]
    assert [trial.params for trial in again] == [failed.params]


def test_of_workers_elsewhere_one_whose_count_stands_still_is_dead(tmp_path, monkeypatch):
    study = open_study(tmp_path, CONFIG, f"journal:{tmp_path / 'study'}")
    crew = workers.Crew(study, echo=lambda _: None)
    trial = crew.draw(CONFIG)
    assert trial is not None
    clock = [100.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: clock[0])
    crew.give_back_of_dead()
    assert study.trials[0].state.name == "RUNNING"  # ours, and we live
    trial.set_user_attr(workers.WORKER, "elsewhere:12")
    for count in range(3):
        trial.set_user_attr(workers.COUNT, count)
        clock[0] += workers.GRACE_SECONDS
        crew.give_back_of_dead()
        assert study.trials[0].state.name == "RUNNING"
    clock[0] += workers.GRACE_SECONDS + 1
    crew.give_back_of_dead()
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]
    again = crew.draw(CONFIG)
    assert again is not None and again.params == study.trials[0].params
    drawn = [crew.draw(CONFIG) for _ in range(5)]
    assert [trial is None for trial in drawn] == [False] * 4 + [True]


def test_a_storage_that_cannot_be_used_is_named(tmp_path):
    from train.population.study import storage_errors

    with pytest.raises(UserError, match=r"--storage: journal:.*there is no folder"):
        open_study(tmp_path, CONFIG, f"journal:{tmp_path / 'nowhere' / 'study'}")
    url = f"sqlite:///{tmp_path / 'nowhere' / 'study.db'}"
    with pytest.raises(StorageError, match=r"sqlite:///.* cannot be used"):
        with storage_errors(tmp_path, url):
            open_study(tmp_path, CONFIG, url)
    open_study(tmp_path, CONFIG, f"journal:{tmp_path / 'study'}")
    other = configs.override(CONFIG, {"seed": "4"})
    with pytest.raises(UserError, match=r"holds a search 'shared' with another config"):
        open_study(tmp_path, other, f"journal:{tmp_path / 'study'}")
