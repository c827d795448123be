"""The texts of flags, as absl finds them, and the paths and numbers they stand for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeAlias, TypeVar

from absl import flags

from train.config import fields, values
from train.config.bounded import LAST_SEED, Limits
from train.config.options import Config
from train.errors import UserError

N = TypeVar("N", int, float)
Texts: TypeAlias = Mapping[str, str | None]  # of flags, by their names

_MEANINGS = {
    "config": "a Python file whose get_config() returns the run's config",
    "workdir": "the run's folder",
    "from": "the folder of a run whose net training goes on with, on the new rows",
    "baselines": "linear, trees: stand beside a table's scores whatever they take; or none",
    "data": "a CSV, Parquet or JSON lines file",
    "target": "the column to predict, or several, NAME,NAME",
    "out": "the file to write, whose ending says of what kind it is",
    "storage": "where processes that search together meet: journal:PATH, or a database's URL",
    "trust": "import paths of nets that are not denseq's, which the folder may import, PATH,PATH",
    "copy": "columns of the data to write beside the answers, NAME,NAME",
    "interval": "the share of new rows that intervals are to hold, such as 0.9",
    "quantiles": "levels of quantiles to answer at, such as 0.05,0.95",
    "samples": "how many samples of each answer to draw, of a forecast whole paths",
    "dropout_samples": "how often to answer with dropout left on, for the mean and the deviation",
    "seed": "of samples, and of what dropout leaves out",
    "horizon": "how many steps of a series to forecast; beyond those of the net block after block",
    "steps": "how many steps a sequence may have",
    "coordinator": "where several processes meet, HOST:PORT of process 0",
    "processes": "how many there are",
    "process": "which of them this is, from 0",
    "join_seconds": "how long they wait for each other",
    "sort": "the metric that runs are ranked by, such as rmse; by default their first",
    "origins": "how many moments forecasts are made at, 20 by default",
    "step": "how many steps lie between two of them, a horizon by default",
    "refit": "never: one net; warm: it trains on at each origin; full: a new one at each",
    "models": "ets, theta, arima: statsforecast's, which stand beside the net, NAME,NAME",
    "page": "the HTML page to write, compare.html by default",
}
# Flags that are numbers.
_LIMITS: dict[str, Limits] = {
    "interval": {"above": 0, "below": 1},
    "quantiles": {"above": 0, "below": 1},
    "samples": {"low": 1, "high": 10_000},
    "dropout_samples": {"low": 2},
    "seed": {"low": 0, "high": LAST_SEED},
    "horizon": {"low": 1, "high": 1_000_000},
    "steps": {"low": 1, "high": 1_000_000},
    "origins": {"low": 1, "high": 10_000},
    "step": {"low": 1},
    "processes": {"low": 1},
    "process": {"low": 0},
    "join_seconds": {"low": 1},
}
_SWITCHES = {
    "restart": "train anew where the folder's checkpoints are all damaged or gone",
    "refit_statistics": "with --from: fit means and deviations anew, on the new training rows",
    "check_leaks": "forecast again with other values in later rows; say whether a bit changes",
    "verbose": "show how each column is read; with --verbose=false only what is doubtful",
}
_ON = ("verbose",)  # switches that are on unless they are turned off


def read_path(name: str, given: Texts) -> str:
    """The path of a flag that must be given."""
    path = given[name]
    if path is None:
        raise UserError(f"--{name}: not given; name {_MEANINGS[name]}, such as --{name}=PATH")
    return path


def read_number(kind: type[N], name: str, given: Texts) -> N | None:
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


def read_levels(given: Texts) -> tuple[float, ...]:
    """The levels of --quantiles in increasing order; none where it is not given."""
    texts = given["quantiles"]
    levels = set()
    for text in [] if texts is None else texts.split(","):
        level = read_number(float, "quantiles", {"quantiles": text.strip()})
        assert level is not None
        levels.add(level)
    return tuple(sorted(levels))


def split_overrides(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
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


def parse_texts(
    argv: Sequence[str],
    program_doc: str | None,
    names: Sequence[str],
    details: Callable[[str], str] | None = None,
    paths: list[str] | None = None,
) -> dict[str, str | None]:
    """The texts of flags; None of those that are not given.

    Arguments that are no flags are added to `paths`, where such are asked for. With --help, or
    --help=TOPIC where there are `details` of topics, prints and exits.
    """
    topic = _help_topic(argv)
    if topic is not None:
        _print_help(topic, program_doc, names, details)
    known = flags.FlagValues()
    for name in names:
        if name in _SWITCHES:
            flags.DEFINE_boolean(name, name in _ON or None, _SWITCHES[name], flag_values=known)
        else:
            flags.DEFINE_string(name, None, _MEANINGS[name], flag_values=known)
    try:
        extra = known(["program", *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise UserError(
            f"--{error.flagname}: no such flag{_nearest_flag(error.flagname, names)}"
        ) from None
    except flags.Error as error:
        raise UserError(str(error)) from None
    if paths is not None:
        paths += extra
    elif extra:
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


def _help_topic(argv: Sequence[str]) -> str | None:
    """What help is asked on: "" in general; None where none is asked for."""
    for argument in argv:
        asked = re.fullmatch(r"--?(?:help|h)(?:=(.*))?", argument)
        if asked is not None:
            return asked[1] or ""
    return None


def _print_help(
    topic: str,
    program_doc: str | None,
    names: Sequence[str],
    details: Callable[[str], str] | None,
) -> NoReturn:
    """Prints the program's own words and its flags, or the details of a topic, and exits."""
    if topic and details is not None:
        print(details(topic), flush=True)
        sys.exit(0)
    if topic:
        raise UserError(f"--help: this command has no help on {topic!r}; leave it at --help")
    meanings = _MEANINGS | _SWITCHES
    lines = [f"  --{name:<15} {meanings[name]}" for name in names]
    more = ["", details("")] if details is not None else []
    print("\n".join([(program_doc or "").strip(), "", *lines, *more]).rstrip(), flush=True)
    sys.exit(0)


def _nearest_flag(name: str, names: Sequence[str]) -> str:
    """The nearest flag; where a field of the config has that name, the flag that sets it."""
    if "config" in names:
        for leaf in fields.walk(Config()):
            if f".{leaf.path}".endswith(f".{name}"):
                return f"; did you mean --{leaf.path}?"
    return fields.did_you_mean(f"--{name}", [f"--{known}" for known in names])
