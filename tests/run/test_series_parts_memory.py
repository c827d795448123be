"""Files of series larger than a cap on memory are answered and judged under it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peaks
import pyarrow.parquet as pq
import pytest
from series_files import write_wide

from train import config as configs
from train import loop

MEASURED = """
import contextlib, io, sys
from train import evaluate, predict
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    {"evaluate": evaluate, "predict": predict}[sys.argv[1]].main(sys.argv[2:])
told = {"printed": printed.getvalue()}
"""
N_WIDE = {"few": 200, "many": 2100}
N_ROWS = 500  # of a series
N_COLUMNS = 40


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A net trained on few wide series, and the files of few and of many."""
    folder = tmp_path_factory.mktemp("wide")
    files = {name: write_wide(folder / name, n, N_ROWS, N_COLUMNS) for name, n in N_WIDE.items()}
    given = {
        "data.path": files["few"],
        "data.target": "x0",
        "data.time": "when",
        "data.group": "name",
        "data.observed": str(tuple(f"x{c}" for c in range(1, N_COLUMNS))),
        "data.lookback": "24",
        "data.horizon": "2",
        "data.stride": "200",
        "data.stream": "true",
        "net.hidden": "(4,)",
        "net.group_size": "0",
        "train.epochs": "1",
        "train.report": "false",
    }
    loop.fit(configs.load("configs/series.py", given), folder / "run", verbose=False)
    return folder / "run", files


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, command: str, wide: tuple[Path, dict[str, str]]
) -> None:
    """Four times the cap, as float32 in memory, is answered under it; forecasts are written."""
    cap = 40 << 20
    assert N_WIDE["many"] * N_ROWS * N_COLUMNS * 4 > 4 * cap
    run, files = wide

    def measure(name: str, number: int) -> dict[str, Any]:
        out = tmp_path / f"{name}-{number}.parquet"
        asked = [f"--out={out}"] if command == "predict" else []
        given = (command, f"--workdir={run}", f"--data={files[name]}", *asked)
        told = peaks.run_measured(MEASURED, *given)
        if command == "predict":
            answers = pq.read_table(out)
            assert answers.num_rows == 2 * N_WIDE[name]
            assert len(set(answers["group"].to_pylist())) == N_WIDE[name]
        else:
            rows = json.loads(told["printed"].splitlines()[0])["rows"]
            assert rows == N_WIDE[name] * (N_ROWS - 25)
        return told

    assert peaks.growth(measure, cap) < cap
