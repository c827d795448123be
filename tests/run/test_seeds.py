"""How many nets the rows of sequences take, where nobody says it."""

from __future__ import annotations

import json
import subprocess
import sys
from math import gcd
from pathlib import Path

import numpy as np
import pytest

from train import config as configs
from train import loop, predict
from train.config import seeds
from train.errors import UserError
from train.inference.load import read_start
from train.parallel.runtime import usable_cores
from train.run.metadata import check_or_write_metadata, read_config
from train.run.start import read_rows

SMALL = {
    "net.hidden": "(4,)",
    "train.epochs": "2",
    "train.report": "false",
    "train.importance_seconds": "0",
}
ROOT = Path(__file__).parents[2]


def write_rows(path: Path, n: int) -> str:
    """Up to nine steps of two numbers, which rise or fall."""
    random = np.random.default_rng(0)
    lines = []
    for i in range(n):
        steps = np.arange(9 if i % 5 == 0 else random.integers(3, 9))[:, None]
        x = random.choice([-1, 1]) * steps * [0.5, 0.1]
        x = x + random.normal(size=(len(steps), 2))
        lines.append(json.dumps({"x": x.tolist(), "up": bool(x[-1, 0] > x[0, 0])}))
    path.write_text("\n".join(lines))
    return str(path)


def given(path: str, **more: str) -> dict[str, str]:
    """Options of a small run of configs/sequences.py on a file, no rows of which test."""
    options = {"data.path": path, "data.inputs": "x", "data.target": "up", "data.test": "0"}
    return options | SMALL | {name.replace("__", "."): value for name, value in more.items()}


def asked(path: str, **more: str) -> configs.Config:
    return configs.load("sequences", given(path, **more))


def test_sequences_that_cost_little_take_four_nets_and_it_is_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60)
    config, dataset = read_rows(asked(path, seed="7"), None, None, None)
    assert config.population.seeds == 4
    said = [note for note in dataset.notes if "--config.population.seeds=1" in note]
    assert len(said) == 1 and said[0].startswith("4 nets, of seeds 7 to 10, answer by their mean")


@pytest.mark.parametrize(("share", "found"), [(0.998, 2), (1.002, 4)])
def test_the_number_goes_by_the_rows_that_train_and_their_longest(
    share: float, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of so few rows validates: 60 of nine steps, twice, through 50 units both ways."""
    path = write_rows(tmp_path / "rows.jsonl", 60)
    seconds = 2 * 60 * 9 * (3e-6 + 8e-11 * 2 * 4 * 50 * (2 + 50))
    monkeypatch.setattr(seeds, "SECONDS", share * 4 * seconds)
    config, dataset = read_rows(asked(path, net__hidden="(50,)"), None, None, None)
    assert config.population.seeds == found
    assert any(f"{found} nets" in note for note in dataset.notes)


@pytest.mark.parametrize("more", [{"data__stream": "true"}, {"population__folds": "2"}])
def test_streams_and_nets_of_folds_are_of_one_seed(more: dict[str, str], tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60)
    config, dataset = read_rows(asked(path, **more), None, None, None)
    assert config.population.seeds == 1
    assert not any("population.seeds" in note for note in dataset.notes)


def test_a_run_of_one_net_goes_on_as_it_began_and_is_begun_from(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60)
    one = loop.fit(asked(path, population__seeds="1"), tmp_path / "one", verbose=False)
    again = loop.fit(asked(path, train__epochs="3"), tmp_path / "one", verbose=False)
    assert (one["epochs"], again["epochs"]) == (2, 3)
    assert [len(result["per_member"]) for result in (one, again)] == [1, 1]
    assert read_config(tmp_path / "one").population.seeds == 1
    begun = read_start(tmp_path / "one")
    later = loop.fit(asked(path), tmp_path / "later", start=begun, verbose=False)
    assert len(later["per_member"]) == 1


def test_four_nets_answer_by_their_mean_and_are_resumed(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60)
    run = tmp_path / "run"
    trained = loop.fit(asked(path), run, verbose=False)
    assert len(trained["per_member"]) == 4
    assert read_config(run).population.seeds == 4
    resumed = loop.fit(asked(path), run, verbose=False)
    assert resumed["metrics"] == trained["metrics"]
    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    answers = predict.load(run).columns(rows)
    each = []
    for seed in range(4):
        alone = tmp_path / f"alone{seed}"
        loop.fit(asked(path, population__seeds="1", seed=str(seed)), alone, verbose=False)
        each.append(np.asarray(predict.load(alone).columns(rows)["probability_true"]))
    assert np.std(each, 0).max() > 1e-3
    mean = np.asarray(answers["probability_true"])
    np.testing.assert_allclose(mean, np.mean(each, 0), rtol=1e-3, atol=1e-4)
    with pytest.raises(UserError, match=r"several nets .* --config\.population\.seeds=1 "):
        read_start(run)


@pytest.mark.parametrize(
    ("more", "epochs", "may"),
    [({}, "41", True), ({}, "39", False), ({"population__folds": "2"}, "41", False)],
)
def test_four_nets_may_train_for_more_epochs_than_the_rule_gave_them(
    more: dict[str, str], epochs: str, may: bool, tmp_path: Path
) -> None:
    """Of 640 rows 544 train, 40 epochs; nets of folds have epochs by the rows of their own."""
    path = write_rows(tmp_path / "rows.jsonl", 640)
    run = tmp_path / "run"
    run.mkdir()
    begun = read_rows(asked(path, train__epochs="auto", **more), run, None, None)
    check_or_write_metadata(run, *begun)
    longer = read_rows(asked(path, train__epochs=epochs, **more), run, None, None)
    if may:
        check_or_write_metadata(run, *longer)
        assert read_config(run).train.epochs == 41
        assert read_config(run).population.seeds == 4
    else:
        with pytest.raises(UserError, match=r"\(config\.train\.epochs: 'auto' -> "):
            check_or_write_metadata(run, *longer)


@pytest.mark.slow
def test_a_command_divides_the_cpu_once_it_knows_that_several_nets_train(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 60)
    n_cores = usable_cores()
    for number, more in ((4, {}), (1, {"population__seeds": "1"})):
        flags = [f"--config.{name}={value}" for name, value in given(path, **more).items()]
        config = f"--config={ROOT / 'configs' / 'sequences.py'}"
        folder = tmp_path / str(number)
        command = [sys.executable, "-m", "train.main", config, f"--workdir={folder}", *flags]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        assert len(json.loads((folder / "result.json").read_text())["per_member"]) == number
        told = [line for line in done.stdout.splitlines() if line.startswith("devices:")]
        divided = number > 1 and n_cores > 1
        assert len(told) == divided
        n_used = max(n for n in range(1, n_cores + 1) if gcd(n, number) == n)
        if divided:
            assert told[0].startswith(f"devices: {n_used} of {n_cores}")
