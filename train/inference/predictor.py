"""A trained network that answers on raw rows.

Nothing of the training code runs, and the config file is not imported again: all comes from the
run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from train.config.bounded import resolved
from train.config.net_options import LSTM
from train.config.options import Config
from train.core.network import make_network
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Columns, Dataset, Encoder, Head
from train.data.files.arrow import as_table
from train.data.sequences.encoder import SequenceEncoder
from train.errors import UserError
from train.evaluation.conformal import check_numbers, interval_columns, needed_score, spread_columns
from train.inference.mc_dropout import make_sampler, summarise
from train.parallel.devices import on_every_device

Arrays = dict[str, np.ndarray]
JUDGED_ROWS = 65_536
# Rows of one compiled call; fewer are padded, so that one program serves any number of rows.
BLOCK = 256


class Predictor:
    """A network with its weights, and the schema that turns raw rows into its arrays and its
    answers into columns.

    Rows are answered in blocks of one fixed size, so a row's answer does not depend on the rows
    beside it, nor on how many devices answer blocks at once. With `members`, `variables` is a tuple
    of those of several nets, each leaf with an axis of members first; they answer by their mean.
    `scores` reads the conformal scores of the regression head, for intervals.
    """

    def __init__(
        self,
        config: Config,
        encoder: Encoder,
        variables: Any,
        scores: Callable[[], np.ndarray] | None = None,
        *,
        members: bool = False,
    ):
        self.config = config
        self.encoder = encoder
        self._members = members
        self._variables = variables if members else (variables,)
        self._scores = scores
        network, _ = make_network(config, encoder)

        def predict(variables: Any, inputs: Any) -> Any:
            return network.apply(variables, inputs, method="predict")

        def step(variables: Any, inputs: Any, carry: Any) -> Any:
            return network.apply(variables, inputs, carry, method="step")

        predict_block = jax.vmap(predict, in_axes=(0, None)) if members else predict
        self._apply, self._variables, n_blocks = on_every_device(
            predict_block, self._variables, axis=1 if members else 0
        )
        self._rows = BLOCK * n_blocks  # of a call
        self._step = jax.jit(jax.vmap(step, in_axes=(0, None, 0)) if members else step)

    @property
    def variables(self) -> Any:
        """Those of the net, or of the first of several."""
        first = self._variables[0]
        return jax.tree.map(lambda leaf: leaf[0], first) if self._members else first

    def __call__(self, data: Any) -> np.ndarray | dict[str, np.ndarray]:
        """Predictions for a dict of columns, a pyarrow, pandas or polars table, in row order.

        One target: an array [rows] of numbers or of class labels. Several: a dict of such arrays.
        Raises UserError if a column is missing or holds what the training file did not.
        """
        rows = self.encoder.read(as_table(data, self.config.data.missing), "data")
        columns = self.encoder.tabulate(rows, self.answers(rows.inputs))
        shown = {}
        for name, column in columns.items():
            if not name.startswith("probability_"):
                shown[name] = np.asarray(column)
        return next(iter(shown.values())) if len(shown) == 1 else shown

    def step(self, data: Any, carry: Any = None) -> tuple[dict[str, np.ndarray], Any]:
        """The columns for sequences that go on: the next step (or steps) of each row, and the carry
        of those before.

        Give the returned carry with what comes next; None begins. A label is the answer to all
        steps so far, a next step that to the last one given. Raises UserError for nets whose answer
        to a step needs later ones.
        """
        net = self.config.net
        if not isinstance(self.encoder, SequenceEncoder) or not isinstance(net, LSTM):
            raise UserError("step: only a net for sequences answers step by step")
        reasons = {
            "reads both directions: the backward one begins at the end": net.bidirectional,
            "decodes tags along the whole sequence": any(
                head.kind == "tags" for head in self.encoder.heads
            ),
            f"reads {net.patch} steps at once": resolved(net.patch) > 1,
            f"has the readout {net.readout!r}; only 'last' can be carried on": resolved(net.readout)
            != "last"
            and any(not head.kind.startswith("next") for head in self.encoder.heads),
        }
        for reason, holds in reasons.items():
            if holds:
                raise UserError(
                    f"step: this net {reason}; train one that does not to answer step by step"
                )
        inputs = self.encoder.encode(as_table(data, self.config.data.missing), "data")
        carries = (None,) * len(self._variables) if carry is None else carry
        stepped = [
            self._step(own, inputs, before)
            for own, before in zip(self._variables, carries, strict=True)
        ]
        answers = [jax.device_get(answers) for answers, _ in stepped]
        together = self._mean(answers) if self._members else answers[0]
        return self.encoder.decode(together), tuple(carry for _, carry in stepped)

    def table(self, data: pa.Table, where: str = "data", **sure: Any) -> pa.Table:
        """`row`, the number in `data`, beside the `columns`, whose further arguments are `sure`."""
        columns = self.columns(data, where, **sure)
        return pa.table({"row": np.arange(data.num_rows), **columns})

    def columns(
        self,
        table: pa.Table,
        where: str = "data",
        *,
        interval: float | None = None,
        dropout_samples: int | None = None,
        seed: int = 0,
    ) -> Columns:
        """`prediction` (several targets: their names) and, for classes, `probability_CLASS`; of a
        series the forecasts from its end on, and the `row` of each; beside them what
        `spread_columns` and, with the level `interval`, `interval_columns` name. With
        `dropout_samples` the answers are means over as many thinned nets, drawn by `seed`, and a
        deviation stands beside them. Raises UserError.
        """
        if interval is not None and dropout_samples is not None:
            raise UserError(
                "--interval: measured on answers without dropout; leave out --dropout_samples"
            )
        needed = None if interval is None else self.needed_score(interval)
        answer = partial(self._in_blocks, self._together)
        if dropout_samples is not None:
            answer = partial(self.sampled, n_samples=dropout_samples, seed=seed)
        rows = self.encoder.read(table, where)
        answers = answer(rows.inputs)
        columns = self.encoder.tabulate(rows, answers)
        if rows.numbers is not None:
            columns = {"row": rows.numbers, **columns}
        more = spread_columns(self.encoder, answers, self.config.quantiles)
        if needed is not None:
            more |= interval_columns(self.encoder, *needed, self._said(answers))
        taken = next((name for name in more if name in columns), None)
        if taken is not None:
            raise UserError(
                f"{where}: {taken!r} is a target and the name of another column of the answers; rename it"
            )
        return columns | more

    def _said(self, answers: Arrays) -> Arrays:
        """The answers without the deviation between members where no net itself says how sure it
        is.
        """
        if self.config.loss == "gaussian":
            return answers
        return {name: array for name, array in answers.items() if not name.endswith(".deviation")}

    def needed_score(self, level: float) -> tuple[Head, np.ndarray]:
        """The regression head, and what the scores of its intervals are at this level [o]. Raises
        UserError.
        """
        head = check_numbers(self.encoder)
        if self._scores is None:
            raise UserError(
                "--interval: this net was not loaded from a run's folder, where its scores are"
            )
        return head, needed_score(self._scores(), level)

    def answers(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """{head: answers} of encoded inputs: numbers [rows, outputs] in encoded units, or
        probabilities.
        """
        return self._in_blocks(lambda block: self._said(self._together(block)), inputs)

    def each(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """{head: answers of every member [members, rows, ...]}."""
        return self._in_blocks(lambda block: _stacked(self._apart(block)), inputs, axis=1)

    def sampled(
        self, inputs: Mapping[str, np.ndarray], n_samples: int, seed: int
    ) -> dict[str, np.ndarray]:
        """`answers` as means over nets thinned by dropout, and their deviations beside them (see
        `make_sampler`).
        """
        if n_samples < 2:
            raise UserError(f"--dropout_samples: expected an integer, at least 2, got {n_samples}")
        if self._members:
            raise UserError(
                "--dropout_samples: is for one net; here several answer, with their deviation"
            )
        keys = jax.random.split(jax.random.key(seed), n_samples)
        return self._in_blocks(lambda block: self._sampler(self._variables[0], block, keys), inputs)

    @cached_property
    def _sampler(self) -> Callable[[Any, Arrays, jax.Array], Any]:
        return make_sampler(self.config, self.encoder)

    def _apart(self, block: Arrays) -> list[Arrays]:
        """A block's answers by each tree of variables."""
        return [jax.device_get(self._apply(variables, block)) for variables in self._variables]

    def _together(self, block: Arrays) -> Arrays:
        """A block's answers by one net, or by the mean of all members, whose deviation stands
        beside it.
        """
        answers = self._apart(block)
        return self._mean(answers) if self._members else answers[0]

    def _mean(self, answers: list[Arrays]) -> Arrays:
        stacked = _stacked(answers)
        if len(next(iter(stacked.values()))) == 1:
            return {name: array[0] for name, array in stacked.items()}
        names = [head.name for head in self.encoder.heads if not HEAD_KINDS[head.kind].every_step]
        return jax.device_get(summarise(stacked, names))

    def _in_blocks(
        self, answer: Callable[[Arrays], Any], inputs: Mapping[str, np.ndarray], axis: int = 0
    ) -> Arrays:
        """The answers of all rows, which stand along `axis`."""
        n = len(next(iter(inputs.values())))
        blocks = []
        for start in range(0, max(n, 1), self._rows):
            rows = {name: array[start : start + self._rows] for name, array in inputs.items()}
            blocks.append(
                answer({name: pad_rows(array, self._rows) for name, array in rows.items()})
            )
        return _joined(blocks, n, axis)

    def judged(self, dataset: Dataset, rows: np.ndarray) -> tuple[Arrays, np.ndarray, Arrays]:
        """Targets, weights and answers of a data set's rows, some at a time: inputs never stand in
        memory twice.
        """
        targets = []
        weights = []
        answers = []
        for start in range(0, len(rows), JUDGED_ROWS):
            batch = dataset.take(dataset.arrays, rows[start : start + JUDGED_ROWS])
            targets.append(batch.target)
            weights.append(batch.weight)
            answers.append(self.answers(batch.inputs))
        return _joined(targets, len(rows)), np.concatenate(weights), _joined(answers, len(rows))


def _joined(blocks: list[Arrays], n: int, axis: int = 0) -> Arrays:
    """Blocks of rows one after the other, without what fills up the last."""
    joined = {name: np.concatenate([block[name] for block in blocks], axis) for name in blocks[0]}
    return {
        name: array.take(range(n), axis) if array.shape[axis] > n else array
        for name, array in joined.items()
    }


def _stacked(answers: list[Arrays]) -> Arrays:
    """The members of all trees of variables one after the other."""
    return {name: np.concatenate([members[name] for members in answers]) for name in answers[0]}


def pad_rows(array: np.ndarray, n: int) -> np.ndarray:
    """The array with rows of zeros added up to `n`."""
    if len(array) == n:
        return array
    return np.concatenate([array, np.zeros((n - len(array), *array.shape[1:]), array.dtype)])
