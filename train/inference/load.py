"""A trained network read back from the folder of its run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from train import config as configs
from train.config.members import is_population
from train.data.load import read_encoder
from train.errors import UserError
from train.inference.predictor import Predictor
from train.run.calibration import read_scores
from train.run.checkpoint import Checkpoints
from train.run.folder import read_json

KEPT = "kept.json"  # which members of a population answer


def load(workdir: str | Path) -> Predictor:
    """The best network, or networks, of a run's folder. Raises UserError if it is not a run with a
    checkpoint.
    """
    folder = Path(workdir)
    config = configs.from_json(read_json(folder / "config.json", "a run's folder")["config"])
    encoder = read_encoder(read_json(folder / "encoder.json", "a run's folder"))
    if not is_population(config):
        step, model = _model(folder, folder)
        return Predictor(config, encoder, model, partial(read_scores, folder, config, step))
    if not (folder / KEPT).exists():
        raise UserError(
            f"{folder} holds a population that is not finished; the command that began it resumes it"
        )
    kept = read_json(folder / KEPT, "a run's folder")
    scores = partial(read_scores, folder, config, kept["step"])
    own = configs.from_json(kept["config"])
    if kept["parts"][0]["slots"] is None:  # a net without an axis of members
        _, model = _model(folder / kept["parts"][0]["part"], folder)
        return Predictor(own, encoder, model, scores)
    parts = []
    for part in kept["parts"]:
        _, model = _model(folder / part["part"], folder)
        parts.append(jax.tree.map(lambda leaf: np.asarray(leaf)[part["slots"]], model))
    return Predictor(own, encoder, tuple(parts), scores, members=True)


def _model(folder: Path, run: Path) -> tuple[int, dict[str, Any]]:
    """The newest step of a folder, and the best weights saved with it."""
    checkpoints = Checkpoints(folder, read_only=True)
    steps = checkpoints.steps()
    if not steps:
        raise UserError(
            f"{run} has no finished checkpoint; train it first: python -m train.main --workdir={run}"
        )
    return steps[0], {"batch_stats": {}, **checkpoints.restore_model(steps[0])}
