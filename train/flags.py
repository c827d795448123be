"""Command lines: flags in, one line per mistake out. Imports nothing heavy."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, get_type_hints

from absl import flags

from train import config as configs
from train.config import fields, values
from train.config.bounded import LAST_SEED
from train.config.options import Config, Processes
from train.errors import DivergedError, StoppedError, StorageError, UserError

_MEANINGS = {
    "config": "a Python file whose get_config() returns the run's config",
    "workdir": "the run's folder",
    "data": "a CSV, Parquet or JSON lines file",
    "out": "the file to write, CSV or Parquet by its ending",
    "copy": "columns of the data to write beside the answers, NAME,NAME",
    "interval": "the share of new rows that intervals are to hold, such as 0.9",
    "dropout_samples": "how often to answer with dropout left on, for the mean and the deviation",
    "seed": "of what dropout leaves out",
    "coordinator": "where several processes meet, HOST:PORT of process 0",
    "processes": "how many there are",
    "process": "which of them this is, from 0",
    "join_seconds": "how long they wait for each other",
}
_NUMBERS: dict[str, tuple[type, dict[str, float | None]]] = {
    "interval": (float, {"above": 0, "below": 1}),
    "dropout_samples": (int, {"low": 2}),
    "seed": (int, {"low": 0, "high": LAST_SEED}),
    "processes": (int, {"low": 1}),
    "process": (int, {"low": 0}),
    "join_seconds": (int, {"low": 1}),
}
_OF_PROCESSES = ("coordinator", "processes", "process", "join_seconds")


def run(main: Callable[[list[str]], int]) -> NoReturn:
    """Calls a program's main with the command line's arguments and exits with its code.

    What a user can cause ends in one line on stderr; any other exception is a bug and keeps its
    traceback.
    """
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except (UserError, DivergedError, StorageError, StoppedError) as error:
        print("denseq: error:", " ".join(str(error).splitlines()), file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("denseq: error: stopped by Ctrl-C", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # whoever read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    sys.exit(code)


def parse_arguments(
    argv: Sequence[str], program_doc: str
) -> tuple[Config, str | None, Processes | None]:
    """The config of --config=FILE with its --config.FIELD=VALUE applied, checked; --workdir; and,
    if this is one of several processes, which. Raises UserError.

    `argv` is without the program's name. With --help, prints `program_doc` and all fields, and
    exits.
    """
    rest, overrides = _split_overrides(argv)
    given = _parse(
        rest, program_doc, ("config", "workdir", *_OF_PROCESSES), details=_describe_config
    )
    if given["config"] is None:
        raise UserError("--config: not given; name a config file, such as --config=configs/NAME.py")
    processes = _read_processes({name: given[name] for name in _OF_PROCESSES})
    return configs.load(given["config"], overrides), given["workdir"], processes


def _read_processes(texts: dict[str, str | None]) -> Processes | None:
    given = {name: _read_number(name, text) for name, text in texts.items() if text is not None}
    if not given:
        return None
    for name in ("coordinator", "processes", "process"):
        if name not in given:
            raise UserError(
                f"--{name}: not given; several processes need --coordinator, --processes and --process"
            )
    if not re.fullmatch(r".+:\d{1,5}", given["coordinator"]):
        raise UserError(
            f"--coordinator: expected HOST:PORT of process 0, got {given['coordinator']!r}"
        )
    if given["process"] >= given["processes"]:
        last = given["processes"] - 1
        raise UserError(
            f"--process: {given['process']}, but of --processes={given['processes']} the last is {last}"
        )
    more = {"seconds": given["join_seconds"]} if "join_seconds" in given else {}
    return Processes(given["coordinator"], given["processes"], given["process"], **more)


def parse_paths(
    argv: Sequence[str], program_doc: str, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """The paths given as --NAME=PATH, and the numbers as --NAME=NUMBER. Raises UserError. With
    --help, prints `program_doc` and exits.
    """
    given = _parse(argv, program_doc, (*required, *optional))
    for name in required:
        if given[name] is None:
            raise UserError(f"--{name}: not given; name {_MEANINGS[name]}, such as --{name}=PATH")
    return {name: _read_number(name, text) for name, text in given.items() if text is not None}


def _read_number(name: str, text: str) -> Any:
    """The number that a flag of numbers was given; the text itself of any other."""
    if name not in _NUMBERS:
        return text
    kind, limits = _NUMBERS[name]
    try:
        value = values.parse(text, kind)
    except ValueError:
        value = None
    if value is None or not values.within(value, limits):
        raise UserError(f"--{name}: expected {values.describe(kind, limits)}, got {text!r}")
    return value


def _split_overrides(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Arguments for absl, and the (field, text) pairs of --config.FIELD=TEXT or --config.FIELD
    TEXT.
    """
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
    argv: Sequence[str], program_doc: str, names: Sequence[str], details: Callable[[], str] = str
) -> dict[str, str | None]:
    known = flags.FlagValues()
    for name in names:
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
        lines = [f"  --{name:<15} {_MEANINGS[name]}" for name in names]
        print("\n".join([program_doc.strip(), "", *lines, details()]).rstrip(), flush=True)
        sys.exit(0)
    if extra:
        hint = f"; did you mean --config={extra[0]}?" if extra[0].endswith(".py") else ""
        hint = f"; did you mean --{extra[0]}?" if extra[0].startswith("config.") else hint
        raise UserError(f"{extra[0]!r}: every argument is a flag, as in --{names[0]}=PATH{hint}")
    for name in names:
        path = known[name].value
        if path is not None and name not in _NUMBERS and (path == "" or path.startswith("--")):
            raise UserError(f"--{name}: expected a path, got {path!r}")
    return {name: known[name].value for name in names}


def _nearest_flag(name: str, names: Sequence[str]) -> str:
    """The nearest flag; where a field of the config has that name, the flag that sets it."""
    if "config" not in names:
        return fields.did_you_mean(f"--{name}", [f"--{known}" for known in names])
    paths = [leaf.path for leaf in fields.walk(Config())]
    found = next((path for path in paths if f".{path}".endswith(f".{name}")), None)
    if found is None:
        return fields.did_you_mean(f"--{name}", [f"--{known}" for known in names])
    return f"; did you mean --{found}?"


def _describe_config() -> str:
    """All fields of a config with what they hold and their defaults, for --help."""
    hints = get_type_hints(Config)
    groups: list[tuple[str, Any]] = [("config", Config())]
    for name, annotation in hints.items():
        groups += [(f"config.{name}", kind()) for kind in fields.group_kinds(annotation)]
    lines = ["", "Fields of the config, set in its file or with --config.FIELD=VALUE [default]:"]
    for path, group in groups:
        lines += ["", f"{path} ({type(group).__name__})"]
        for leaf in fields.walk(group, path):
            if leaf.group is group:
                text = f"{values.describe(leaf.annotation, leaf.limits)} [{values.to_text(leaf.value)}]"
                first = f"  {leaf.name:<23}"
                lines += textwrap.wrap(
                    text, 110, initial_indent=first, subsequent_indent=" " * len(first)
                )
    return "\n".join(lines)
