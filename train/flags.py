"""Command lines: flags in, one line per mistake out. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from absl import flags

from train import config as configs
from train.config import fields, values
from train.config.bounded import LAST_SEED, Limits
from train.config.data_options import Table
from train.config.help import describe_fields
from train.config.options import Config, Processes
from train.errors import UserError

N = TypeVar("N", int, float)
Texts: TypeAlias = Mapping[str, str | None]  # of flags, by their names

_MEANINGS = {
    "config": "a Python file whose get_config() returns the run's config",
    "workdir": "the run's folder",
    "data": "a CSV, Parquet or JSON lines file",
    "target": "the column to predict, or several, NAME,NAME",
    "out": "the file to write, CSV, Parquet or JSON lines by its ending",
    "copy": "columns of the data to write beside the answers, NAME,NAME",
    "interval": "the share of new rows that intervals are to hold, such as 0.9",
    "dropout_samples": "how often to answer with dropout left on, for the mean and the deviation",
    "seed": "of what dropout leaves out",
    "coordinator": "where several processes meet, HOST:PORT of process 0",
    "processes": "how many there are",
    "process": "which of them this is, from 0",
    "join_seconds": "how long they wait for each other",
}
# Flags that are numbers.
_LIMITS: dict[str, Limits] = {
    "interval": {"above": 0, "below": 1},
    "dropout_samples": {"low": 2},
    "seed": {"low": 0, "high": LAST_SEED},
    "processes": {"low": 1},
    "process": {"low": 0},
    "join_seconds": {"low": 1},
}
_SWITCHES = {
    "restart": "train anew where the folder's checkpoints are all damaged or gone",
    "verbose": "show how each column is read; with --verbose=false only what is doubtful",
}
_ON = ("verbose",)  # switches that are on unless they are turned off
_OF_TRAIN = (
    *("config", "workdir", "restart", "verbose"),
    *("coordinator", "processes", "process", "join_seconds"),
)
_OF_INSPECT = ("data", "target")
_OF_PREDICT = ("workdir", "data", "out", "copy", "interval", "dropout_samples", "seed")
_OF_EVALUATE = ("workdir", "data", "interval")


class TrainCommand(NamedTuple):
    """What `train.main` and `train.search` are asked for."""

    config: Config
    workdir: str | None
    processes: Processes | None
    restart: bool = False
    verbose: bool = True


class PredictCommand(NamedTuple):
    """What `train.predict` is asked for."""

    workdir: str
    data: str
    out: str | None
    copy: tuple[str, ...]
    interval: float | None
    dropout_samples: int | None
    seed: int | None


class EvaluateCommand(NamedTuple):
    """What `train.evaluate` is asked for."""

    workdir: str
    data: str
    interval: float | None


def parse_train(argv: Sequence[str], program_doc: str | None) -> TrainCommand:
    """The checked config of --config=FILE and --config.FIELD=VALUE, the folder, the processes.

    `argv` is without the program's name. With --help, prints `program_doc` and all fields, and
    exits. Raises UserError.
    """
    rest, overrides = _split_overrides(argv)
    given = _parse(rest, program_doc, _OF_TRAIN, details=describe_fields)
    if given["config"] is None:
        raise UserError("--config: not given; name a config file, such as --config=configs/NAME.py")
    processes = _read_processes(given)
    config = configs.load(given["config"], overrides)
    restart = given["restart"] is not None
    if restart and given["workdir"] is None:
        raise UserError("--restart: is for a folder that was trained; name it by --workdir=PATH")
    verbose = given["verbose"] is not None
    return TrainCommand(config, given["workdir"], processes, restart, verbose)


def parse_inspect(argv: Sequence[str], program_doc: str | None) -> Config:
    """The config of the table that `train.inspect` is to read. Raises UserError."""
    rest, overrides = _split_overrides(argv)
    given = _parse(rest, program_doc, _OF_INSPECT)
    table = Table(path=_read_path("data", given))
    config = configs.override(Config(data=table), overrides)
    if given["target"] is not None:
        config = configs.override(config, {"data.target": given["target"]})
    return config


def _read_processes(given: Texts) -> Processes | None:
    coordinator = given["coordinator"]
    count = _read_number(int, "processes", given)
    process = _read_number(int, "process", given)
    seconds = _read_number(int, "join_seconds", given)
    if coordinator is None and count is None and process is None and seconds is None:
        return None
    if coordinator is None or count is None or process is None:
        lacking = [name for name in ("coordinator", "processes", "process") if given[name] is None]
        raise UserError(
            f"--{lacking[0]}: not given; several processes need --coordinator, --processes "
            "and --process"
        )
    if not re.fullmatch(r".+:\d{1,5}", coordinator):
        raise UserError(f"--coordinator: expected HOST:PORT of process 0, got {coordinator!r}")
    if process >= count:
        raise UserError(f"--process: {process}, but of --processes={count} the last is {count - 1}")
    if seconds is None:
        return Processes(coordinator, count, process)
    return Processes(coordinator, count, process, seconds)


def parse_predict(argv: Sequence[str], program_doc: str | None) -> PredictCommand:
    """The flags of `train.predict`. Raises UserError; with --help, prints and exits."""
    given = _parse(argv, program_doc, _OF_PREDICT)
    command = PredictCommand(
        workdir=_read_path("workdir", given),
        data=_read_path("data", given),
        out=given["out"],
        copy=tuple(filter(None, (given["copy"] or "").split(","))),
        interval=_read_number(float, "interval", given),
        dropout_samples=_read_number(int, "dropout_samples", given),
        seed=_read_number(int, "seed", given),
    )
    if command.seed is not None and command.dropout_samples is None:
        raise UserError("--seed: is for --dropout_samples; give both, or neither")
    return command


def parse_evaluate(argv: Sequence[str], program_doc: str | None) -> EvaluateCommand:
    """The flags of `train.evaluate`. Raises UserError; with --help, prints and exits."""
    given = _parse(argv, program_doc, _OF_EVALUATE)
    return EvaluateCommand(
        workdir=_read_path("workdir", given),
        data=_read_path("data", given),
        interval=_read_number(float, "interval", given),
    )


def parse_check(argv: Sequence[str], program_doc: str | None) -> str:
    """The folder that `train.check` looks at. Raises UserError; with --help, prints and exits."""
    return _read_path("workdir", _parse(argv, program_doc, ("workdir",)))


def _read_path(name: str, given: Texts) -> str:
    """The path of a flag that must be given."""
    path = given[name]
    if path is None:
        raise UserError(f"--{name}: not given; name {_MEANINGS[name]}, such as --{name}=PATH")
    return path


def _read_number(kind: type[N], name: str, given: Texts) -> N | None:
    """The number of a flag; None where it is not given."""
    text = given[name]
    if text is None:
        return None
    limits = _LIMITS[name]
    try:
        value = values.parse(text, kind)
    except ValueError:
        value = None
    if not isinstance(value, kind) or not values.within(value, limits):
        raise UserError(f"--{name}: expected {values.describe(kind, limits)}, got {text!r}")
    return value


def _split_overrides(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Arguments for absl, and the (field, text) pairs of --config.FIELD=TEXT."""
    rest = []
    overrides = []
    waiting = iter(argv)
    for argument in waiting:
        flag = re.fullmatch(r"--?config\.([^=]*)(?:=(.*))?", argument, re.DOTALL)
        if flag is None:
            rest.append(argument)
            continue
        text = flag[2] if flag[2] is not None else next(waiting, None)
        if text is None or (flag[2] is None and text.startswith("--")):
            raise UserError(f"config.{flag[1]}: no value given; write --config.{flag[1]}=VALUE")
        overrides.append((flag[1], text))
    return rest, overrides


def _parse(
    argv: Sequence[str],
    program_doc: str | None,
    names: Sequence[str],
    details: Callable[[], str] = str,
) -> dict[str, str | None]:
    """The texts of flags; None of those that are not given."""
    known = flags.FlagValues()
    for name in names:
        if name in _SWITCHES:
            flags.DEFINE_boolean(name, name in _ON or None, _SWITCHES[name], flag_values=known)
        else:
            flags.DEFINE_string(name, None, _MEANINGS[name], flag_values=known)
    flags.DEFINE_boolean("help", False, "print this and exit", short_name="h", flag_values=known)
    try:
        extra = known(["program", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise UserError(
            f"--{error.flagname}: no such flag{_nearest_flag(error.flagname, names)}"
        ) from None
    except flags.Error as error:
        raise UserError(str(error)) from None
    if known["help"].value:
        meanings = _MEANINGS | _SWITCHES
        lines = [f"  --{name:<15} {meanings[name]}" for name in names]
        print("\n".join([(program_doc or "").strip(), "", *lines, details()]).rstrip(), flush=True)
        sys.exit(0)
    if extra:
        hint = f"; did you mean --config={extra[0]}?" if extra[0].endswith(".py") else ""
        hint = f"; did you mean --{extra[0]}?" if extra[0].startswith("config.") else hint
        raise UserError(f"{extra[0]!r}: every argument is a flag, as in --{names[0]}=PATH{hint}")
    for name in names:
        path = known[name].value
        if isinstance(path, str) and name not in _LIMITS and (path == "" or path.startswith("--")):
            raise UserError(f"--{name}: expected a path, got {path!r}")
    # A switch that is on is "", one that is off or absent None.
    texts: dict[object, str | None] = {False: None, True: ""}
    return {name: texts.get(known[name].value, known[name].value) for name in names}


def _nearest_flag(name: str, names: Sequence[str]) -> str:
    """The nearest flag; where a field of the config has that name, the flag that sets it."""
    if "config" in names:
        for leaf in fields.walk(Config()):
            if f".{leaf.path}".endswith(f".{name}"):
                return f"; did you mean --{leaf.path}?"
    return fields.did_you_mean(f"--{name}", [f"--{known}" for known in names])
