"""`denseq COMMAND ...`: each command is the main of a module `python -m train.NAME`."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path

from train.config.fields import did_you_mean
from train.errors import UserError

COMMANDS = {
    "train": "train.main",
    "predict": "train.predict",
    "evaluate": "train.evaluate",
    "backtest": "train.backtest",
    "inspect": "train.inspect",
    "compare": "train.compare",
    "check": "train.check",
    "export": "train.export",
    "search": "train.search",
}
USAGE = "denseq COMMAND [--FLAG=VALUE ...]; denseq COMMAND --help tells of its flags"


def main(argv: list[str]) -> int:
    """Calls the command that the first argument names with those behind it. Raises UserError."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if argv[0] == "--version":
        print(version())
        return 0
    name, *rest = argv
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        hint = did_you_mean(name, list(COMMANDS)) or f"; there are {known}"
        raise UserError(f"{name!r}: no such command{hint}")
    return importlib.import_module(COMMANDS[name]).main(rest)


def version() -> str:
    """The version that is installed, and the folder that it runs from."""
    home = Path(__file__).parents[1]
    try:
        found = importlib.metadata.version("denseq")
    except importlib.metadata.PackageNotFoundError:
        return f"denseq, not installed, from {home}"
    return f"denseq {found} from {home}"


def _help() -> str:
    """What there is, a line for each command: the first of its module's description."""
    lines = [USAGE, ""]
    for name, module in COMMANDS.items():
        summary = (importlib.import_module(module).__doc__ or "").partition("\n")[0]
        lines.append(f"  {name:<9} {summary}")
    return "\n".join([*lines, "", "  --version"])
