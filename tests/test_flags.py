"""Command lines: what is understood, and one line within a second for every mistake."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import train.main
from train import flags
from train.config import LSTM, Config, Dense, Series, override
from train.errors import UserError

CONFIG = """
from train.config import Config, Dense, Table
def get_config():
    return Config(data=Table(path="rows.csv", target="y"), net=Dense(hidden=(8,)))
"""
# A config file, "" for the good one, the arguments after it, and what the line must hold.
MISTAKES = [
    (
        "",
        ["--config.net.hiden=3"],
        "config.net.hiden: no such field; did you mean config.net.hidden? (fields of",
    ),
    ("", ["--config.learning_rate=3"], "did you mean config.optim.learning_rate?"),
    ("", ["--config.optim.learnig_rate=3"], "did you mean config.optim.learning_rate?"),
    ("", ["--config.learnig_rate=3"], "did you mean config.optim.learning_rate?"),
    ("", ["--config.optimizer.name=adam"], "did you mean config.optim.name?"),
    (
        "",
        ["--config.net.bidirectional=true"],
        "config.net.bidirectional: no such field; LSTM has it: --config.net=LSTM (fields of Dense",
    ),
    ("", ["--config.zzz=3"], "config.zzz: no such field (fields of Config: name, seed"),
    (
        "",
        ["--config.net=Dens"],
        "config.net: a group of fields; set one of them, such as config.net.hidden, or its kind, "
        "one of Dense, LSTM, Perceptron, Competitive, SelfOrganizingMap, got 'Dens'; did you mean "
        "Dense?",
    ),
    (
        "",
        ["--config.net=LSTM"],
        "config.net: an LSTM reads config.data=Series(...) or Sequences(...)",
    ),
    ("", ["--config.net.hidden.width=3"], "config.net.hidden.width: no such field"),
    ("", ["--config.=3"], "config.: no such field"),
    (
        "",
        ["--config.net.hidden=8,x"],
        "expected integers such as (64, 64), at least 1, or auto, got '8,x'",
    ),
    (
        "",
        ["--config.net.hidden=0"],
        "config.net.hidden: expected integers such as (64, 64), at least 1",
    ),
    ("", ["--config.net.activation=rellu"], "got 'rellu'; did you mean relu?"),
    ("", ["--config.net.residual=yes"], "config.net.residual: expected true or false, got 'yes'"),
    (
        "",
        ["--config.train.epochs=1.5"],
        "config.train.epochs: expected an integer, at least 1, or auto, got '1.5'",
    ),
    ("", ["--config.train.epochs=1e3"], "config.train.epochs: expected an integer"),
    ("", ["--config.optim.learning_rate=fast"], "expected a number, above 0, or auto, got 'fast'"),
    (
        "",
        ["--config.optim.learning_rate", "-1"],
        "config.optim.learning_rate: expected a number, above 0",
    ),
    (
        "",
        ["--config.optim.rates={bias: 1}"],
        'config.optim.rates: expected numbers by name such as {"a": 0.5}',
    ),
    (
        "",
        ["--config.seed=99999999999"],
        "config.seed: expected an integer, at least 0 and at most 4294967295",
    ),
    (
        "",
        ["--config.data.valid=0.6", "--config.data.test=0.6"],
        "0.6 + 0.6 leaves no rows to train on",
    ),
    (
        "",
        ["--config.data.split=group"],
        "config.data.group: config.data.split=group needs a column",
    ),
    ("", ["--config.optim.name=adam", "--config.optim.nesterov=true"], "config.optim.nesterov"),
    (
        "",
        ["--config.train.epochs"],
        "config.train.epochs: no value given; write --config.train.epochs=VALUE",
    ),
    ("", ["--config.train.epochs", "--workdir=x"], "config.train.epochs: no value given"),
    ("", ["--confg=a.py"], "--confg: no such flag; did you mean --config?"),
    ("", ["--seed=1"], "--seed: no such flag; did you mean --config.seed?"),
    ("", ["--optim.l2=1"], "--optim.l2: no such flag; did you mean --config.optim.l2?"),
    (
        "",
        ["config.seed=1"],
        "every argument is a flag, as in --config=PATH; did you mean --config.seed=1?",
    ),
    ("", ["--workdir"], "--workdir"),
    ("", ["--workdir="], "--workdir: expected a path, got ''"),
    ("", ["--help=3"], "--help: no group and no option is called '3'"),
    ("", ["--help=warmpu"], "is called 'warmpu'; did you mean warmup?"),
    ("", ["--config=nowhere.py"], "nowhere.py: no such Python file"),
    ("def get_config(:\n", [], "line 1: invalid syntax"),
    ("x = 1\ny = undefined\n", [], "line 2: NameError: name 'undefined' is not defined"),
    ("import no_such_module\n", [], "line 1: ModuleNotFoundError"),
    (CONFIG.replace("get_config", "config"), [], "needs a function get_config()"),
    (CONFIG.replace("return ", ""), [], "needs a function get_config()"),
    (
        CONFIG.replace("hidden", "hiden"),
        [],
        "line 4: Dense has no field hiden; did you mean hidden? (fields: hidden,",
    ),
    (
        CONFIG.replace("(8,)", "[8]"),
        [],
        "integers such as (64, 64), at least 1, or auto, got [8]; write (8,)",
    ),
    (CONFIG.replace('"y"', '""'), [], "config.data.target: no target"),
    (
        CONFIG.replace("Dense(hidden=(8,))", "None"),
        [],
        "config.net: expected train.config.Dense or train.config.L",
    ),
    (
        "def get_config():\n    raise ValueError('two\\nlines')\n",
        [],
        "line 2: ValueError: two lines",
    ),
]


LIMIT = 0.8  # seconds of a processor; with jax it takes longer
TRIES = 3


def seconds_of_children() -> float:
    """What all processes that were started and have ended took of a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def program(*arguments: str, module: str = "train.main") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "table.py"
    file.write_text(CONFIG)
    return file


@pytest.mark.smoke
@pytest.mark.parametrize(("text", "arguments", "message"), MISTAKES)
def test_a_mistake_is_answered_in_one_line_at_once(
    text: str, arguments: list[str], message: str, config_file: Path
):
    config_file.write_text(text or CONFIG)
    # Where many programs share a core, one takes more of its time: the quickest of a few counts.
    for _ in range(TRIES):
        before = seconds_of_children()
        done = program(f"--config={config_file}", *arguments)
        seconds = seconds_of_children() - before
        if seconds < LIMIT:
            break
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("denseq: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert seconds < LIMIT


@pytest.mark.parametrize("arguments", [[], ["--config.seed=x"], ["--help"]])
def test_nothing_heavy_is_imported_before_a_config_is_right(
    arguments: list[str], config_file: Path
):
    code = """
import sys
from train import flags
from train.config import LSTM, Config, Dense, Series, fields, override
from train.config.meanings import meanings_of
from train.errors import UserError
import train.main
try:
    flags.parse_train(sys.argv[1:], "program")
except (UserError, SystemExit) as end:
    sys.stderr.write(type(end).__name__)
heavy = "jax flax optax orbax numpy pyarrow scipy sklearn pandas matplotlib".split()
heavy += ["tensorboardX", "rich"]
sys.stderr.write(f" {[name for name in heavy if name in sys.modules]}")
"""
    command = [sys.executable, "-c", code, f"--config={config_file}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    end = {"--config.seed=x": "UserError", "--help": "SystemExit"}.get("".join(arguments), "")
    assert done.stderr == f"{end} []"


@pytest.mark.parametrize(
    "order",
    [
        ["--config=FILE", "--config.seed=7", "--config.net.hidden=(4,4)", "--workdir=DIR"],
        [
            "--workdir",
            "DIR",
            "--config.seed",
            "7",
            "--config",
            "FILE",
            "--config.net.hidden",
            "4,4",
        ],
        [
            "--config.net.hidden=[4, 4]",
            "--config.seed=3",
            "-workdir=DIR",
            "-config=FILE",
            "-config.seed=7",
        ],
    ],
)
def test_flags_stand_in_any_order_with_an_equals_sign_or_a_space(
    order: list[str], config_file: Path
):
    argv = [argument.replace("FILE", str(config_file)) for argument in order]
    config, workdir, *_ = flags.parse_train(argv, "program")
    assert (config.name, config.seed, config.net.hidden, workdir) == ("table", 7, (4, 4), "DIR")


def test_baselines_are_asked_for_by_their_names(config_file: Path):
    def seconds(*arguments: str) -> tuple[float | None, float | None]:
        given = [f"--config={config_file}", *arguments]
        train = flags.parse_train(given, "").config.train
        return train.linear_seconds, train.tree_seconds

    assert seconds() == (None, None)
    assert seconds("--baselines=trees") == (None, 86400)
    assert seconds("--baselines=linear,trees") == (86400, 86400)
    assert seconds("--baselines=none", "--config.train.tree_seconds=3") == (0, 3)
    with pytest.raises(UserError, match="--baselines: expected linear, trees, or none, got 'tree'"):
        seconds("--baselines=tree")


def test_a_value_may_hold_spaces_equals_signs_and_a_minus(config_file: Path):
    argv = [f"--config={config_file}", "--config.data.target=a = b", "--config.data.weight", "-w"]
    config, workdir, *_ = flags.parse_train(argv, "program")
    assert (config.data.target, config.data.weight, workdir) == ("a = b", "-w", None)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_kind_of_net_is_taken_by_its_name(order: list[int]):
    pairs = [("net", "lstm"), ("net.bidirectional", "true")]
    before = Config(net=Dense(hidden=(8,), dropout=0.5))
    after = override(before, [pairs[i] for i in order])
    assert after.net == LSTM(bidirectional=True)
    assert override(before, {"net": "Dense"}).net == before.net == Dense(hidden=(8,), dropout=0.5)
    assert override(before, {"data": "Series", "data.path": "a"}).data == Series(path="a")


def test_main_hands_the_checked_config_to_fit(config_file: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []
    stub = SimpleNamespace(
        fit=lambda config, workdir, **options: calls.append((config.seed, workdir))
    )
    monkeypatch.setitem(sys.modules, "train.loop", stub)
    monkeypatch.setattr(train, "loop", stub, raising=False)
    assert train.main.main([f"--config={config_file}", "--config.seed=5", "--workdir=w"]) == 0
    with pytest.raises(UserError):
        train.main.main([f"--config={config_file}", "--config.seed=-5"])
    assert calls == [(5, "w")]


def test_paths_and_numbers_of_the_other_programs():
    command = flags.parse_predict(["--data", "a.csv", "--workdir=w"], "program")
    assert (command.workdir, command.data, command.out, command.copy) == ("w", "a.csv", None, ())
    both = ["--workdir=w", "--data=a.csv"]
    command = flags.parse_predict(
        [*both, "--copy=a,b", "--dropout_samples=9", "--seed=3"], "program"
    )
    assert (command.copy, command.dropout_samples, command.seed) == (("a", "b"), 9, 3)
    assert flags.parse_evaluate([*both, "--interval=0.9"], "program").interval == 0.9
    for arguments, message in (
        (["--workdir=w"], r"^--data: not given; name a CSV, Parquet or JSON lines file"),
        (["--workdir=w", "--dta=a"], r"^--dta: no such flag; did you mean --data\?$"),
        ([*both, "--interval=2"], r"^--interval: expected a number, above 0 and below 1, got '2'$"),
        ([*both, "--seed=1"], r"^--seed: is for --samples and --dropout_samples; give"),
    ):
        with pytest.raises(UserError, match=message):
            flags.parse_predict(arguments, "program")
