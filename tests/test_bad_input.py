"""What a user gets wrong about a table: one line that says what and where, and exit code 2.

No traceback is shown.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from train import loop
from train.config import Config, Dense, Optim, Table, Train
from train.errors import UserError

GOOD = "\n".join(f"{i},{i % 7 / 3},{'xyz'[i % 3]},{i % 5 + i / 100}" for i in range(60))
HEADER = "a,b,c,y\n"


def rows(change: dict[int, str]) -> str:
    """The good rows with some (counted from 1) replaced."""
    lines = GOOD.splitlines()
    for number, line in change.items():
        lines[number - 1] = line
    return HEADER + "\n".join(lines)


CASES = {
    "no such file": (None, {}, r"no such file"),
    "empty file": ("", {}, r"empty"),
    "header only": (HEADER, {}, r"no rows"),
    "ragged row": (rows({17: "1,2,x"}), {}, r"line 18.*3.*4|line 18.*4.*3"),
    "long row": (rows({5: "1,2,x,3,4"}), {}, r"line 6"),
    "duplicate header": ("a,b,a,y\n" + GOOD, {}, r"'a'"),
    "nameless column": ("a,,c,y\n" + GOOD, {}, r"column 2|name"),
    "unclosed quote": (rows({9: '1,2,"x,3'}), {}, r"line 10|quote"),
    "a zero byte": (rows({9: "1,2,\0,3"}), {}, r"(?i)nul|zero"),
    "not UTF-8": (rows({9: "1,2,\xff,3"}).encode("latin-1"), {}, r"UTF-8"),
    "no target column": (rows({}), {"target": "yy"}, r"no column 'yy'; did you mean 'y'"),
    "target all missing": (
        HEADER + "\n".join(",".join([*line.split(",")[:3], ""]) for line in GOOD.splitlines()),
        {},
        r"target",
    ),
    "target constant": (
        HEADER + "\n".join(",".join([*line.split(",")[:3], "5"]) for line in GOOD.splitlines()),
        {},
        r"'y'",
    ),
    "one class": (
        HEADER + "\n".join(",".join([*line.split(",")[:3], "no"]) for line in GOOD.splitlines()),
        {},
        r"class",
    ),
    "infinity": (rows({11: "1,inf,x,1"}), {}, r"'b'.*row 11"),
    "infinity in the target": (rows({11: "1,1,x,inf"}), {}, r"'y'.*row 11"),
    "integers too close for float32": (
        HEADER + "\n".join(f"{i + 2**60 * (i > 50)},{i % 4},x{i % 3},{i}" for i in range(60)),
        {},
        r"'a'.*float32",
    ),
    "one row": (HEADER + "1,2,x,3", {}, r"row"),
    "two rows": (HEADER + "1,2,x,3\n2,3,y,4", {}, r"row"),
    "more validation rows than rows": (rows({}), {"valid": 100}, r"valid"),
    "no training rows left": (rows({}), {"valid": 30, "test": 30}, r"train"),
    "unknown feature": (rows({}), {"features": ("a", "bb")}, r"no column 'bb'"),
    "unknown ignored column": (rows({}), {"ignore": ("q",)}, r"no column 'q'"),
    "unknown categorical column": (rows({}), {"categorical": ("q",)}, r"no column 'q'"),
    "target among the features": (rows({}), {"features": ("a", "y")}, r"'y'"),
    "unknown weight column": (rows({}), {"weight": "w"}, r"no column 'w'"),
    "negative weight": (rows({4: "-1,1,x,1"}), {"weight": "a"}, r"row 4"),
    "unknown group column": (rows({}), {"split": "group", "group": "g"}, r"no column 'g'"),
    "one group": (
        rows({}).replace(",x,", ",z,").replace(",y,", ",z,"),
        {"split": "group", "group": "c"},
        r"group",
    ),
    "unknown time column": (rows({}), {"split": "time", "time": "t"}, r"no column 't'"),
    "no usable column": ("a,y\n" + "\n".join(f"1,{i}" for i in range(60)), {}, r"column"),
    "numbers named as dates": (rows({}), {"split": "time", "time": "c"}, r"'c'"),
}


def fit(path: Path, options: dict, workdir: Path) -> None:
    data = Table(**{"path": str(path), "target": "y", **options})
    loop.fit(
        Config(name="bad", data=data, net=Dense(hidden=(4,)), optim=Optim(), train=Train(epochs=1)),
        workdir,
    )


@pytest.mark.parametrize("name", CASES)
def test_a_bad_table_is_answered_in_one_line(name, tmp_path):
    content, options, expected = CASES[name]
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=expected) as refused:
        fit(path, options, tmp_path / "run")
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "run").exists(), "a run's folder was made for nothing"


def test_the_good_rows_are_good(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(rows({}))
    fit(path, {}, tmp_path / "run")
    assert (tmp_path / "run" / "result.json").exists()


def test_a_class_that_training_rows_lack_is_named(tmp_path):
    path = tmp_path / "data.csv"
    other = tmp_path / "test.csv"
    path.write_text("a,y\n" + "\n".join(f"{i % 5},{'no yes'.split()[i % 2]}" for i in range(60)))
    other.write_text("a,y\n1,yes\n2,maybe\n")
    fit(path, {"test_path": str(other)}, tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert "'maybe' (1 test)" in " ".join(result["notes"])


def test_an_unwritable_folder_is_refused(tmp_path):
    path = tmp_path / "data.csv"
    file = tmp_path / "file"
    path.write_text(rows({}))
    file.write_text("")
    with pytest.raises(UserError, match=r"--workdir: cannot write in"):
        fit(path, {}, file / "run")


def test_a_folder_in_use_is_refused(tmp_path):
    from train.run.folder import locked

    path = tmp_path / "data.csv"
    path.write_text(rows({}))
    with locked(tmp_path / "run"), pytest.raises(UserError, match=r"in use by process \d+"):
        fit(path, {}, tmp_path / "run")


@pytest.mark.slow
def test_the_command_says_it_in_one_line_and_exits_with_2(tmp_path):
    (tmp_path / "data.csv").write_text(rows({11: "1,inf,x,1"}))
    command = [
        sys.executable,
        "-m",
        "train.main",
        "--config=configs/table.py",
        f"--workdir={tmp_path / 'run'}",
    ]
    command += [f"--config.data.path={tmp_path / 'data.csv'}", "--config.data.target=y"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("denseq: error: ")
    assert "row 11" in done.stderr


def test_random_bytes_never_end_in_a_traceback(tmp_path):
    random = np.random.default_rng(0)
    alphabet = np.frombuffer(b'a1,;"\n\r\t .-e\xef\xbb\xbfy\0', np.uint8)
    for i in range(300):
        path = tmp_path / f"{i}.csv"
        path.write_bytes(random.choice(alphabet, random.integers(0, 200)).tobytes())
        with pytest.raises(UserError) as refused:
            fit(path, {}, tmp_path / "run")
        assert "\n" not in str(refused.value)
