"""Command lines: flags in, one line per mistake out. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Sequence

from train import config as configs
from train.config.data_options import Table
from train.config.help import describe
from train.config.options import Config, Processes
from train.config.plan import MODELS, REFITS, Plan, Refit
from train.errors import UserError
from train.flags.commands import (
    BacktestCommand,
    CompareCommand,
    EvaluateCommand,
    ExportCommand,
    PredictCommand,
    TrainCommand,
)
from train.flags.texts import (
    Texts,
    parse_texts,
    read_levels,
    read_number,
    read_path,
    split_overrides,
)

_OF_TRAIN = (
    *("config", "workdir", "from", "refit_statistics", "restart", "verbose", "baselines"),
    *("coordinator", "processes", "process", "join_seconds"),
)
_OF_INSPECT = ("data", "target", "config")
_OF_PREDICT = (
    *("workdir", "data", "out", "copy", "interval", "quantiles", "samples", "dropout_samples"),
    *("seed", "horizon", "trust"),
)
_OF_EVALUATE = ("workdir", "data", "interval", "out", "trust")
_OF_COMPARE = ("sort", "page")


# The option of each baseline that takes seconds, and seconds enough for all of them.
_BASELINES = {"linear": "train.linear_seconds", "trees": "train.tree_seconds"}
_A_DAY = "86400"
_OF_BACKTEST = (
    *("config", "workdir", "origins", "step", "refit", "interval", "models"),
    *("check_leaks", "verbose"),
)
_OF_EXPORT = ("workdir", "out", "steps", "trust")
_OF_CHECK = ("workdir", "trust")


def parse_train(
    argv: Sequence[str], program_doc: str | None, *, shared: bool = False
) -> TrainCommand:
    """The checked config of --config=FILE and --config.FIELD=VALUE, the folder, the processes.

    `argv` is without the program's name; `shared`: with the storage of a search. With --help,
    prints `program_doc` and the options, and exits. Raises UserError.
    """
    rest, overrides = split_overrides(argv)
    names = (*_OF_TRAIN, "storage") if shared else _OF_TRAIN
    given = parse_texts(rest, program_doc, names, details=describe)
    if given["config"] is None:
        raise UserError("--config: not given; name a config file, such as --config=configs/NAME.py")
    processes = _read_processes(given)
    config = configs.load(given["config"], [*_read_baselines(given), *overrides])
    restart = given["restart"] is not None
    if restart and given["workdir"] is None:
        raise UserError("--restart: is for a folder that was trained; name it by --workdir=PATH")
    verbose = given["verbose"] is not None
    refits = given["refit_statistics"] is not None
    if refits and given["from"] is None:
        raise UserError("--refit_statistics: is for a net that training goes on with; name --from")
    return TrainCommand(
        config,
        given["workdir"],
        processes,
        restart,
        verbose,
        given["from"],
        refits,
        given.get("storage"),
    )


def parse_backtest(argv: Sequence[str], program_doc: str | None) -> BacktestCommand:
    """The checked config and the plan of `train.backtest`. Raises UserError; --help exits."""
    rest, overrides = split_overrides(argv)
    given = parse_texts(rest, program_doc, _OF_BACKTEST, details=describe)
    if given["config"] is None:
        raise UserError("--config: not given; name a config file, such as --config=configs/NAME.py")
    models = tuple(filter(None, (given["models"] or "").split(",")))
    for name in models:
        if name not in MODELS:
            raise UserError(f"--models: expected some of {', '.join(MODELS)}, got {name!r}")
    plan = Plan(
        origins=read_number(int, "origins", given) or Plan.origins,
        step=read_number(int, "step", given),
        refit=_read_refit(given["refit"] or "never"),
        interval=read_number(float, "interval", given),
        models=models,
        check_leaks=given["check_leaks"] is not None,
    )
    config = configs.load(given["config"], overrides)
    return BacktestCommand(config, given["workdir"], plan, given["verbose"] is not None)


def _read_refit(text: str) -> Refit:
    for refit in REFITS:
        if text == refit:
            return refit
    raise UserError(f"--refit: expected {', '.join(REFITS)}, got {text!r}")


def parse_inspect(argv: Sequence[str], program_doc: str | None) -> Config:
    """The config of the file that `train.inspect` is to read, a table by default.

    Raises UserError.
    """
    rest, overrides = split_overrides(argv)
    given = parse_texts(rest, program_doc, _OF_INSPECT)
    path = read_path("data", given)
    if given["target"] is not None:
        overrides = [*overrides, ("data.target", given["target"])]
    if given["config"] is None:
        return configs.override(Config(data=Table(path=path)), overrides)
    return configs.load(given["config"], [("data.path", path), *overrides])


def _read_baselines(given: Texts) -> list[tuple[str, str]]:
    """What --baselines sets: those named have a day, by "none" no baseline has a second."""
    if given["baselines"] is None:
        return []
    names = given["baselines"].split(",")
    if names == ["none"]:
        return [(path, "0") for path in _BASELINES.values()]
    for name in names:
        if name not in _BASELINES:
            raise UserError(f"--baselines: expected linear, trees, or none, got {name!r}")
    return [(_BASELINES[name], _A_DAY) for name in names]


def _read_processes(given: Texts) -> Processes | None:
    coordinator = given["coordinator"]
    count = read_number(int, "processes", given)
    process = read_number(int, "process", given)
    seconds = read_number(int, "join_seconds", given)
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
    given = parse_texts(argv, program_doc, _OF_PREDICT)
    command = PredictCommand(
        workdir=read_path("workdir", given),
        data=read_path("data", given),
        out=given["out"],
        copy=tuple(filter(None, (given["copy"] or "").split(","))),
        interval=read_number(float, "interval", given),
        quantiles=read_levels(given),
        samples=read_number(int, "samples", given),
        dropout_samples=read_number(int, "dropout_samples", given),
        seed=read_number(int, "seed", given),
        horizon=read_number(int, "horizon", given),
        trust=given["trust"] or "",
    )
    if command.seed is not None and command.dropout_samples is None and command.samples is None:
        raise UserError("--seed: is for --samples and --dropout_samples; give it with one of them")
    return command


def parse_evaluate(argv: Sequence[str], program_doc: str | None) -> EvaluateCommand:
    """The flags of `train.evaluate`. Raises UserError; with --help, prints and exits."""
    given = parse_texts(argv, program_doc, _OF_EVALUATE)
    return EvaluateCommand(
        workdir=read_path("workdir", given),
        data=read_path("data", given),
        interval=read_number(float, "interval", given),
        out=given["out"],
        trust=given["trust"] or "",
    )


def parse_compare(argv: Sequence[str], program_doc: str | None) -> CompareCommand:
    """The folders and flags of `train.compare`. Raises UserError; with --help, prints and exits."""
    folders: list[str] = []
    given = parse_texts(argv, program_doc, _OF_COMPARE, paths=folders)
    if not folders:
        raise UserError("train.compare: no folders; name those of finished runs, such as runs/*")
    return CompareCommand(tuple(folders), given["sort"], given["page"] or "compare.html")


def parse_export(argv: Sequence[str], program_doc: str | None) -> ExportCommand:
    """The flags of `train.export`. Raises UserError; with --help, prints and exits."""
    given = parse_texts(argv, program_doc, _OF_EXPORT)
    return ExportCommand(
        workdir=read_path("workdir", given),
        out=read_path("out", given),
        steps=read_number(int, "steps", given),
        trust=given["trust"] or "",
    )


def parse_check(argv: Sequence[str], program_doc: str | None) -> tuple[str, str]:
    """The folder that `train.check` looks at, and what it may import.

    Raises UserError; with --help, prints and exits.
    """
    given = parse_texts(argv, program_doc, _OF_CHECK)
    return read_path("workdir", given), given["trust"] or ""
