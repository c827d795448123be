"""A trained network that answers on raw rows.

Nothing of the training code runs, and the config file is not imported again: all comes from the run's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from train import config as configs
from train.checkpoint import Checkpoints
from train.data.arrow import as_table
from train.data.encode import TableEncoder
from train.data.future import future_columns, read_future
from train.data.load import read_encoder
from train.data.sequence_encode import SequenceEncoder
from train.data.series_encode import SeriesEncoder
from train.errors import UserError
from train.folder import read_json
from train.members import is_population
from train.network import make_network
from train.options import LSTM, Config, known

Arrays = dict[str, np.ndarray]
KEPT = "kept.json"  # which members of a population answer
JUDGED_ROWS = 65_536
BLOCK = 256  # rows of one compiled call; fewer are padded, so that one program serves any number of rows


class Predictor:
    """A network with its weights, and the schema that turns raw rows into its arrays and its answers into columns.

    Rows are answered in blocks of one fixed size, so a row's answer does not depend on the rows beside it. With
    `members`, `variables` is a tuple of those of several nets, each leaf with an axis of members first; they answer
    by their mean.
    """

    def __init__(
        self,
        config: Config,
        encoder: TableEncoder | SeriesEncoder | SequenceEncoder,
        variables: Any,
        *,
        members: bool = False,
    ):
        self.config = config
        self.encoder = encoder
        self._members = members
        self._variables = variables if members else (variables,)
        network, _ = make_network(config, encoder)

        def predict(variables: Any, inputs: Any) -> Any:
            return network.apply(variables, inputs, method="predict")

        def step(variables: Any, inputs: Any, carry: Any) -> Any:
            return network.apply(variables, inputs, carry, method="step")

        self._apply = jax.jit(jax.vmap(predict, in_axes=(0, None)) if members else predict)
        self._step = jax.jit(jax.vmap(step, in_axes=(0, None, 0)) if members else step)

    def __call__(self, data: Any) -> np.ndarray | dict[str, np.ndarray]:
        """Predictions for a dict of columns, a pyarrow, pandas or polars table, in row order.

        One target: an array [rows] of numbers or of class labels. Several: a dict of such arrays. Raises UserError
        if a column is missing or holds what the training file did not.
        """
        columns = self.columns(as_table(data, self.config.data.missing))
        names = [name for name in columns if not name.startswith("probability_")]
        if isinstance(self.encoder, SeriesEncoder):
            columns = {name: np.asarray(columns[name]) for name in names[1:]}  # without "row"
            names = list(columns)
        return columns[names[0]] if len(names) == 1 else {name: columns[name] for name in names}

    def step(self, data: Any, carry: Any = None) -> tuple[dict[str, np.ndarray], Any]:
        """The columns for sequences that go on: the next step (or steps) of each row, and the carry of those before.

        Give the returned carry with what comes next; None begins. A label is the answer to all steps so far, a next
        step that to the last one given. Raises UserError for nets whose answer to a step needs later ones.
        """
        net = self.config.net
        if not isinstance(self.encoder, SequenceEncoder) or not isinstance(net, LSTM):
            raise UserError("step: only a net for sequences answers step by step")
        reasons = {
            "reads both directions: the backward one begins at the end": net.bidirectional,
            "decodes tags along the whole sequence": any(head.kind == "tags" for head in self.encoder.heads),
            f"reads {net.patch} steps at once": known(net.patch) > 1,
            f"has the readout {net.readout!r}; only 'last' can be carried on": known(net.readout) != "last"
            and any(not head.kind.startswith("next") for head in self.encoder.heads),
        }
        for reason, holds in reasons.items():
            if holds:
                raise UserError(f"step: this net {reason}; train one that does not to answer step by step")
        inputs = self.encoder.encode(as_table(data, self.config.data.missing), "data")
        carries = (None,) * len(self._variables) if carry is None else carry
        stepped = [self._step(own, inputs, before) for own, before in zip(self._variables, carries, strict=True)]
        answers = self._together([jax.device_get(answers) for answers, _ in stepped])
        return self.encoder.decode(answers), tuple(carry for _, carry in stepped)

    def table(self, data: pa.Table, where: str = "data") -> pa.Table:
        """`row`, the number in `data`, beside the `columns`."""
        columns = self.columns(data, where)
        if isinstance(self.encoder, SeriesEncoder):
            return pa.table(columns)
        return pa.table({"row": np.arange(data.num_rows), **columns})

    def columns(self, table: pa.Table, where: str = "data") -> dict[str, np.ndarray]:
        """`prediction` (several targets: their names) and, for classes, `probability_CLASS`; of a series the forecasts
        from its end on, as `future_columns` has them."""
        if isinstance(self.encoder, SeriesEncoder):
            future = read_future(self.encoder, table, where)
            return future_columns(self.encoder, future, self.answers(future.inputs))
        columns = self.encoder.decode(self.answers(self.encoder.encode(table, where)))
        return self.encoder.names(table, where) | columns if isinstance(self.encoder, SequenceEncoder) else columns

    def answers(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """{head: answers} of encoded inputs: numbers [rows, outputs] in encoded units, or probabilities."""
        return _joined([self._together(block) for block in self._blocks(inputs)], len(next(iter(inputs.values()))))

    def each(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """{head: answers of every member [members, rows, ...]}."""
        blocks = [_stacked(block) for block in self._blocks(inputs)]
        return _joined(blocks, len(next(iter(inputs.values()))), axis=1)

    def _blocks(self, inputs: Mapping[str, np.ndarray]) -> Iterator[list[Arrays]]:
        """Of every block of rows the answers of each tree of variables."""
        for start in range(0, max(len(next(iter(inputs.values()))), 1), BLOCK):
            block = {name: pad_rows(array[start : start + BLOCK], BLOCK) for name, array in inputs.items()}
            yield [jax.device_get(self._apply(variables, block)) for variables in self._variables]

    def _together(self, answers: list[Arrays]) -> Arrays:
        """The answers of one net, or the mean of all members'."""
        if not self._members:
            return answers[0]
        return {name: array.mean(0, dtype=array.dtype) for name, array in _stacked(answers).items()}

    def judged(self, dataset: Any, rows: np.ndarray) -> tuple[Arrays, np.ndarray, Arrays]:
        """Targets, weights and answers of a data set's rows, some at a time: inputs never stand in memory twice."""
        targets, weights, answers = [], [], []
        for start in range(0, len(rows), JUDGED_ROWS):
            batch = dataset.take(dataset.arrays, rows[start : start + JUDGED_ROWS])
            targets.append(batch.target)
            weights.append(batch.weight)
            answers.append(self.answers(batch.inputs))
        return _joined(targets, len(rows)), np.concatenate(weights), _joined(answers, len(rows))


def _joined(blocks: list[Arrays], n: int, axis: int = 0) -> Arrays:
    """Blocks of rows one after the other, without what fills up the last."""
    joined = {name: np.concatenate([block[name] for block in blocks], axis) for name in blocks[0]}
    return {name: array.take(range(n), axis) if array.shape[axis] > n else array for name, array in joined.items()}


def _stacked(answers: list[Arrays]) -> Arrays:
    """The members of all trees of variables one after the other."""
    return {name: np.concatenate([members[name] for members in answers]) for name in answers[0]}


def pad_rows(array: np.ndarray, n: int) -> np.ndarray:
    """The array with rows of zeros added up to `n`."""
    if len(array) == n:
        return array
    return np.concatenate([array, np.zeros((n - len(array), *array.shape[1:]), array.dtype)])


def load(workdir: str | Path) -> Predictor:
    """The best network, or networks, of a run's folder. Raises UserError if it is not a run with a checkpoint."""
    folder = Path(workdir)
    config = configs.from_json(read_json(folder / "config.json", "a run's folder")["config"])
    encoder = read_encoder(read_json(folder / "encoder.json", "a run's folder"))
    if not is_population(config):
        return Predictor(config, encoder, _model(folder, folder))
    if not (folder / KEPT).exists():
        raise UserError(f"{folder} holds a population that is not finished; the command that began it resumes it")
    kept = read_json(folder / KEPT, "a run's folder")
    parts = [
        jax.tree.map(lambda leaf: np.asarray(leaf)[part["slots"]], _model(folder / part["part"], folder))  # noqa: B023
        for part in kept["parts"]
    ]
    return Predictor(configs.from_json(kept["config"]), encoder, tuple(parts), members=True)


def _model(folder: Path, run: Path) -> dict[str, Any]:
    checkpoints = Checkpoints(folder, read_only=True)
    steps = checkpoints.steps()
    if not steps:
        raise UserError(f"{run} has no finished checkpoint; train it first: python -m train.main --workdir={run}")
    return {"batch_stats": {}, **checkpoints.restore_model(steps[0])}
