"""What TensorBoard has of a finished run beside its curves: options and scores, and its summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import logging

from train import config as configs
from train.config import fields, values
from train.config.members import TRACED_FIELDS
from train.config.options import Config
from train.report.result import PopulationResult, Result, has_members, is_finite
from train.results.summary import summary
from train.run.tensorboard import Option, Session, write_end

# Options that are shown also at their defaults, so that runs beside each other have them all.
ALWAYS_SHOWN = (
    *TRACED_FIELDS,
    "seed",
    "net.hidden",
    "train.epochs",
    "train.batch_size",
    "optim.name",
)
HIDDEN = ("name", "data.path", "data.missing", "population.grid")


def show_end(folder: Path, config: Config, result: Result) -> None:
    """Writes a run's options and scores for HParams, of a population those of every setting.

    Beside them the terminal's summary and the config, as texts.
    """
    texts = {
        "summary": summary(result, folder),
        "config": json.dumps(configs.to_json(config), indent=1),
    }
    sessions = [Session(_options(config), _scores(result))]
    if has_members(result):
        sessions = [sessions[0]._replace(options={}), *_settings(result)]
    try:
        write_end(folder, result["steps"], sessions, texts)
    except OSError as error:
        logging.error("tensorboard/ lacks the end of the run: %s", error.strerror)


def _options(config: Config) -> dict[str, Option]:
    """{option: value}, of those that are not at their defaults, and of what is always shown."""
    plain = Config(data=type(config.data)(), net=type(config.net)())
    defaults = {leaf.path: leaf.value for leaf in fields.walk(plain)}
    found: dict[str, Option] = {"net": type(config.net).__name__}
    for leaf in fields.walk(config):
        name = leaf.path.removeprefix("config.")
        if name not in HIDDEN and (name in ALWAYS_SHOWN or leaf.value != defaults[leaf.path]):
            found[name] = _shown(leaf.value)
    return found


def _shown(value: object) -> Option:
    """A value as TensorBoard takes it: what is no number, flag or text as a text."""
    if isinstance(value, bool | int | float | str):
        return value
    return values.to_text(value)


def _scores(result: Result) -> dict[str, float]:
    """The metrics of every split that are numbers."""
    found = {}
    for split, metrics in result["metrics"].items():
        found |= {f"end/{split}/{name}": value for name, value in _finite(metrics).items()}
    return found


def _settings(result: PopulationResult) -> list[Session]:
    """A session for each setting, with the means of its members' scores, the best first."""
    sessions = []
    for place, setting in enumerate(result["settings"]):
        own: dict[str, list[float]] = {}
        for member in result["per_member"]:
            if member.get("values", {}) == setting["values"]:
                for name, value in _finite(member["metrics"]).items():
                    own.setdefault(name, []).append(value)
        scores = {"end/monitored": setting["value"]} if is_finite(setting["value"]) else {}
        scores |= {f"end/{name}": float(np.mean(all_own)) for name, all_own in own.items()}
        options = {name: _shown(value) for name, value in setting["values"].items()}
        sessions.append(Session(options, scores, f"settings/{place:03d}"))
    return [session for session in sessions if session.options]


def _finite(scores: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if is_finite(value)}
