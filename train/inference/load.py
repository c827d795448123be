"""A trained network read back from the folder of its run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np

from nets.base import Variables
from train import config as configs
from train.config.members import is_population
from train.config.options import Config
from train.config.own import Trust, check_trust
from train.core.precision import in_single_precision
from train.data.dataset import Encoder
from train.data.load import read_encoder
from train.data.schema import read_record
from train.errors import UserError
from train.inference.predictor import Predictor
from train.run.calibration import read_scores
from train.run.checkpoint import Checkpoints
from train.run.errors import read_errors
from train.run.manifest import read_listed, read_manifest, say_if_absent
from train.run.metadata import read_config
from train.run.temperature import read_temperatures
from train.run.warm_start import Start

ANSWERING_FILE = "kept.json"  # which members of a population answer
# Where a population's nets are saved within its folder.
PART = re.compile(r"|((groups/[0-9]+)?/?(parts/[0-9]+-of-[0-9]+)?)|refit/[0-9]+-[0-9]+")


@dataclass(frozen=True)
class _Part:
    """A subfolder of the run's, and the places of nets in it; None of one that is saved alone."""

    part: str
    slots: tuple[int, ...] | None


@dataclass(frozen=True)
class _AnsweringNets:
    """What `kept.json` says beside the config: the nets that answer, and the step they are of."""

    parts: tuple[_Part, ...]
    step: int


@in_single_precision()
def load(workdir: str | Path, trust: Trust = ()) -> Predictor:
    """The best network, or networks, of a run's folder.

    Of code that the folder names only what `trust` names is imported. Raises UserError if it is not
    a run with a checkpoint.
    """
    folder = Path(workdir)
    config = read_config(folder)
    check_trust(config, trust, str(folder))
    encoder = read_encoder(read_listed(folder, "encoder.json", "a run's folder"))
    say_if_absent(folder)
    if is_population(config):
        model, step = _load_population(folder, config, encoder, trust)
    else:
        step, variables = _read_variables(folder, "")
        model = Predictor.of(config, encoder, variables, partial(read_scores, folder, config, step))
    if config.train.temperature:
        model.scale(read_temperatures(folder, step))
    model.errors = partial(read_errors, folder, step)
    model.loader = load, (str(folder.resolve()), trust)
    return model


def read_start(workdir: str | Path, *, refits: bool = False, trust: Trust = ()) -> Start:
    """The net of a run's folder, to go on with; without its statistics where these are fitted anew.

    Raises UserError where several nets answer together.
    """
    check_trust(read_config(Path(workdir)), trust, f"--from={workdir}", by_config=True)
    model = load(workdir, trust)
    if model.ensemble.has_members or len(model.ensemble.variables) > 1:
        raise UserError(
            f"{workdir}: several nets answer together; --from is for the folder of a single one, "
            "such as --config.population.folds=1 --config.population.seeds=1 trains"
        )
    variables = dict(model.variables)
    if refits:
        del variables["statistics"]
    return Start(model.config, model.encoder, variables, str(workdir))


def _load_population(
    folder: Path, config: Config, encoder: Encoder, trust: Trust
) -> tuple[Predictor, int]:
    """The members that answer, or the one net that was trained after them, and their step."""
    manifest = read_manifest(folder)
    is_finished = manifest is None or ANSWERING_FILE in manifest.files
    if not is_finished or not (manifest or (folder / ANSWERING_FILE).exists()):
        raise UserError(
            f"{folder} holds a population that is not finished; "
            "the command that began it resumes it"
        )
    where = str(folder / ANSWERING_FILE)
    plain = read_listed(folder, ANSWERING_FILE, "a run's folder")
    answering = read_record(_AnsweringNets, plain, where, further=True)
    scores = partial(read_scores, folder, config, answering.step)
    own = configs.from_json(plain.get("config"))
    check_trust(own, trust, str(folder))
    parts: list[Variables] = []
    for i, part in enumerate(answering.parts):
        if not PART.fullmatch(part.part):
            raise UserError(f"{where}: parts[{i}]: part: no place of nets in a run's folder")
        _, variables = _read_variables(folder, part.part)
        if part.slots is None:  # a net without an axis of members
            return Predictor.of(own, encoder, variables, scores), answering.step
        n_members = min(np.shape(leaf)[:1] or (0,) for leaf in jax.tree.leaves(variables))[0]
        if not part.slots or not all(0 <= slot < n_members for slot in part.slots):
            raise UserError(f"{where}: parts[{i}]: slots: expected some of the {n_members} nets")
        parts.append(_of_members(variables, part.slots))
    if not parts:
        raise UserError(f"{where}: parts: names no net")
    return Predictor.of(own, encoder, tuple(parts), scores), answering.step


def _of_members(variables: Variables, slots: tuple[int, ...]) -> Variables:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[list(slots)], variables)


def _read_variables(folder: Path, subfolder: str) -> tuple[int, Variables]:
    """The newest step of a run's subfolder, and the best weights saved with it."""
    checkpoints = Checkpoints(folder, subfolder=subfolder, read_only=True)
    found = checkpoints.restore_newest(checkpoints.restore_model)
    if found is None:
        raise UserError(
            f"{folder} has no finished checkpoint; train it first: "
            f"python -m train.main --workdir={folder}"
        )
    step, variables = found
    return step, {"batch_stats": {}, **variables}
