"""Finished runs as a comparison reads them: their folders' config, result, history and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from train.config import serialize
from train.config.options import Config
from train.data.dataset import Encoder, Head
from train.data.files.read import read_table
from train.data.files.storage import is_folder
from train.data.load import read_encoder
from train.errors import UserError
from train.report.result import Evaluation, Result, read_evaluation
from train.report.result_check import checked_result
from train.run.log import read_history
from train.run.manifest import read_listed
from train.run.metadata import read_config

SPLITS = ("test", "valid", "train")  # the first that a run has is what it is compared by


@dataclass(frozen=True)
class Finished:
    """A run that has ended."""

    folder: Path
    config: Config
    result: Result

    @property
    def split(self) -> str:
        """The rows that it is compared on."""
        return next(split for split in SPLITS if split in self.result["metrics"])

    @property
    def scores(self) -> Mapping[str, float | None]:
        """The run's metrics of the rows that it is compared on."""
        return self.result["metrics"][self.split]

    @property
    def data(self) -> str:
        """What it was trained on, and to predict what: runs of other data are not compared."""
        data = self.config.data
        target = (data.target,) if isinstance(data.target, str) else data.target
        return f"{data.path} -> {', '.join(target) or type(self.config.net).__name__}"

    @property
    def net(self) -> str:
        """The run's net in words."""
        net = self.config.net
        hidden = getattr(net, "hidden", ())
        # Of a grid over widths the parameters are those of the best.
        is_one = isinstance(hidden, tuple) and "net.hidden" not in self.config.population.grid
        sizes = f" {'x'.join(map(str, hidden))}" if is_one and hidden else ""
        return f"{type(net).__name__}{sizes}, {self.result['n_parameters']:,}"

    @property
    def history(self) -> list[Evaluation]:
        """The run's evaluations, in order."""
        return [read_evaluation(line) for line in read_history(self.folder)]

    @cached_property
    def answers(self) -> pa.Table | None:
        """The run's test rows with targets and answers; None where it has none."""
        path = self.folder / "predictions.parquet"
        if self.split != "test" or not path.is_file() or path.is_symlink():
            return None
        return read_table(str(path), may_repeat=True)

    @cached_property
    def encoder(self) -> Encoder:
        """The schema of its data. Raises UserError."""
        return read_encoder(read_listed(self.folder, "encoder.json", "a run's folder"))

    def head_of(self, target: str) -> Head:
        """The head of a target column; of the only one that it has where none is named."""
        heads = self.encoder.heads
        return next((head for head in heads if target in head.columns), heads[0])

    def probabilities_of(self, head: Head) -> tuple[str, ...]:
        """The columns of its answers with the probability of each class; () where it has none."""
        start = 0
        for own in self.encoder.heads:
            if own.kind not in ("binary", "multiclass"):
                continue
            if own.name == head.name:
                return self.encoder.answer_names.probabilities[start : start + len(own.classes)]
            start += len(own.classes)
        return ()


def read_runs(folders: Sequence[str]) -> tuple[list[Finished], list[str]]:
    """The finished runs in these folders, and a line for each that is left out.

    Raises UserError where fewer than two are left.
    """
    runs = []
    notes = []
    for name in dict.fromkeys(str(Path(folder)) for folder in folders):
        folder = Path(name)
        if not is_folder(folder):
            notes.append(f"{folder}: no folder of a run; left out")
            continue
        if not (folder / "result.json").is_file():
            notes.append(f"{folder}: no result.json, so it has not ended; left out")
            continue
        try:
            content = read_listed(folder, "result.json", "a finished run")
            result = checked_result(content, folder / "result.json")
            runs.append(Finished(folder, read_config(folder), result))
        except UserError as error:
            notes.append(f"{error}; left out")
    if len(runs) < 2:
        lines = "; ".join(notes)
        raise UserError(
            f"train.compare: needs two finished runs at the least, found {len(runs)}"
            + (f" ({lines})" if lines else "")
        )
    return runs, notes


def differing_options(runs: Sequence[Finished]) -> list[dict[str, str]]:
    """{option: value} of every run, of the options that are not the same in all of them."""
    options = [serialize.by_path(run.config) for run in runs]
    names = dict.fromkeys(name for own in options for name in own)
    found: list[dict[str, str]] = [{} for _ in runs]
    for name in names:
        held = [own.get(name) for own in options]
        if name == "config.name" or len(set(held)) == 1:
            continue
        for place, value in enumerate(held):
            if value is not None:
                found[place][name.removeprefix("config.")] = value
    return found
