"""temperature.json: what the logits of a finished run's nets are divided by, by head."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from absl import logging

from train.errors import UserError
from train.run.folder import write_json
from train.run.manifest import read_listed, read_manifest

NAME = "temperature.json"


def write_temperatures(folder: Path, temperatures: Mapping[str, float], step: int) -> None:
    """Writes the temperatures, and the step of the state that they are of."""
    write_json(folder / NAME, {"step": step, "temperature": dict(temperatures)})


def read_temperatures(folder: Path, step: int) -> dict[str, float]:
    """{head: temperature} of a run whose newest state is that of `step`.

    {} where it has not finished since, which is said. Raises UserError where the file is not the
    one that was written.
    """
    manifest = read_manifest(folder)
    plain: object = None
    if manifest is not None and NAME in manifest.files:
        plain = read_listed(folder, NAME, "a finished run's folder")
    match plain:
        case {"step": int(saved), "temperature": dict(temperatures)} if saved == step:
            return _checked(folder, temperatures)
    logging.warning(
        "%s: probabilities are not scaled by a temperature before the run has finished; the "
        "command that began it resumes it",
        folder,
    )
    return {}


def _checked(folder: Path, temperatures: Mapping[str, object]) -> dict[str, float]:
    checked = {}
    for head, temperature in temperatures.items():
        if not isinstance(temperature, int | float) or not temperature > 0:
            raise UserError(f"{folder / NAME}: {head}: expected a number above 0")
        checked[head] = float(temperature)
    return checked
