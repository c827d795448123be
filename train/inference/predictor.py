"""A trained network that answers on raw rows.

Nothing of the training code runs, and the config file is not imported again: all comes from the
run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, Unpack

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa

from nets.base import Tree, Variables
from train.config.data_options import Table
from train.config.options import DENSITIES, Config
from train.config.own import Trust
from train.data.blocks import take_in_blocks
from train.data.dataset import Array, Columns, Dataset, Encoder, Head, HostArrays, Rows
from train.data.files.arrow import as_table
from train.data.files.found import left_out_notes
from train.errors import UserError, naming_arguments, warn_reader
from train.evaluation.conformal import Scores, check_numbers, interval_columns, needed_score
from train.evaluation.importance import Shuffled
from train.evaluation.spread import spread_columns
from train.inference.answer_options import (
    Asked,
    Errors,
    asked_columns,
    check_asked,
    no_errors,
    row_columns,
    with_extras,
)
from train.inference.blocks import Predicted, join_blocks
from train.inference.ensemble import Carries, Ensemble
from train.inference.iterated import iterated_columns
from train.inference.stepping import check_can_step
from train.inference.temperature import with_temperatures
from train.inference.unanswered import tell_unanswered

# A function, and a folder and whom to trust, from which it makes a predictor.
Loader: TypeAlias = "tuple[Callable[[str, Trust], Predictor], tuple[str, Trust]]"


@dataclass(eq=False, repr=False)
class Predictor:
    """A network with its weights, which reads raw rows and gives its predictions as columns."""

    config: Config
    encoder: Encoder
    ensemble: Ensemble
    scores: Callable[[], Scores] | None = None
    """Reads the conformal scores of the regression head, for intervals."""
    errors: Errors = no_errors
    """Reads the errors of validation rows, by which samples move together."""
    loader: Loader | None = None
    """What loads it again from its folder; None if it was not loaded."""
    tell: Callable[[str], None] = warn_reader
    """What is done with lines on doubtful cells."""

    @classmethod
    def of(
        cls,
        config: Config,
        encoder: Encoder,
        variables: Variables | tuple[Variables, ...],
        scores: Callable[[], Scores] | None = None,
    ) -> Predictor:
        """One net, or several that answer by their mean; `variables` are as `Ensemble` has them."""
        model = cls(config, encoder, Ensemble(config, encoder, variables), scores)
        if config.train.temperature:
            model.scale({})
        return model

    def __reduce__(self) -> Loader:
        """Pickled as the folder it was loaded from, from which unpickling loads it again.

        So it goes to other processes, which read the weights themselves. Raises UserError if it was
        not loaded.
        """
        if self.loader is None:
            raise UserError(
                "this net was not loaded from a run's folder, by which it could be pickled; "
                "use train.predict.load"
            )
        return self.loader

    @property
    def variables(self) -> Variables:
        """The variables of the net, or of the first of several."""
        first = self.ensemble.variables[0]
        return jax.tree.map(lambda leaf: leaf[0], first) if self.ensemble.has_members else first

    def encode(self, data: object) -> HostArrays:
        """Rows of any library, encoded as `apply` takes them: {name: [n, ...]}."""
        return self._read(self._as_table(data), "data").inputs

    def apply(self, variables: Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """{head: one net's answers to encoded rows, in encoded units}, a pure function.

        It goes under jit, vmap and grad; `encoder.decode` makes columns in the user's units of it.
        """
        inputs = {name: jnp.asarray(array) for name, array in batch.items()}
        answers: Tree = self.ensemble.network.apply(variables, inputs, method="predict")
        return answers

    def scale(self, temperatures: Mapping[str, float]) -> None:
        """Divides the logits of these heads by their temperatures from now on, others by 1."""
        has_members = self.ensemble.has_members
        scaled = []
        for variables in self.ensemble.variables:
            scaled.append(
                with_temperatures(variables, self.encoder, temperatures, has_members=has_members)
            )
        self.ensemble.variables = tuple(scaled)

    def __call__(self, data: object) -> np.ndarray | dict[str, np.ndarray]:
        """Predictions for a dict of columns, a pyarrow, pandas or polars table, in row order.

        One target: an array [rows] of numbers or of class labels. Several: a dict of such arrays.
        Raises UserError if a column is missing or holds what the training file did not.
        """
        table = self._as_table(data)
        for line in left_out_notes(table, "data") if isinstance(self.config.data, Table) else ():
            self.tell(line)
        rows = self._read(table, "data")
        predictions = self.answers(rows.inputs)
        tell_unanswered(self.tell, self.encoder, predictions, "data")
        columns = self.encoder.tabulate(rows, predictions)
        probabilities = self.encoder.answer_names.probabilities
        shown = {}
        for name, column in columns.items():
            if name not in probabilities:
                shown[name] = np.asarray(column)
        return next(iter(shown.values())) if len(shown) == 1 else shown

    def step(self, data: object, carry: Carries | None = None) -> tuple[HostArrays, Carries]:
        """The columns for sequences that go on by these steps, and the carry to go on from.

        Give the returned carry with what comes next; None begins. A label is the answer to all
        steps so far, a next step that to the last one given. Raises UserError for nets whose answer
        to a step needs later ones.
        """
        check_can_step(self.config, self.encoder)
        rows = self._read(self._as_table(data), "data")
        steps = {name: np.asarray(array) for name, array in rows.inputs.items()}
        predictions, carries = self.ensemble.step(steps, carry)
        return self.encoder.decode(predictions), carries

    def table(self, data: pa.Table, where: str = "data", **asked: Unpack[Asked]) -> pa.Table:
        """`row`, the number in `data`, beside the `columns`."""
        columns = self._asked_columns(data, where, **asked)
        return pa.table({"row": np.arange(data.num_rows), **columns})

    def columns(self, data: object, where: str = "data", **asked: Unpack[Asked]) -> Columns:
        """`prediction` (several targets: their names) and, for classes, `probability_CLASS`.

        `data` are rows of any library, such as a list of dicts. Of a series the forecasts from its
        end on, and the `row` of each. Beside them what `spread_columns` and, with the level
        `interval`, `interval_columns` name; with `quantiles` these at other levels too; with
        `samples` as many draws, by `seed`, of a forecast whole paths. With `dropout_samples`
        predictions are means over as many thinned nets, drawn by `seed`, with a deviation beside
        them. `horizon`: so many steps of a forecast, see `iterated_columns`. Raises UserError.
        """
        with naming_arguments():
            return self._asked_columns(data, where, **asked)

    def _asked_columns(self, data: object, where: str, **asked: Unpack[Asked]) -> Columns:
        """The columns, as commands and Python ask for them. Raises UserError, which names flags."""
        check_asked(asked)
        table = data if isinstance(data, pa.Table) else self._as_table(data)
        if (level := asked.get("interval")) is not None:
            self.needed_score(level)
        if asked.get("horizon") is not None:
            answer = partial(self._columns_of, where=where)
            return iterated_columns(self.encoder, table, where, asked, answer, self.tell)
        return self._columns_of(self._read(table, where), asked, where)

    def _columns_of(self, rows: Rows, asked: Asked, where: str) -> Columns:
        """`columns` of rows that are encoded."""
        level = asked.get("interval")
        needed = None if level is None else self.needed_score(level)
        n_thinned = asked.get("dropout_samples")
        if n_thinned is None:
            predictions = self.ensemble.predict(rows.inputs)
        else:
            predictions = self.ensemble.sampled(rows.inputs, n_thinned, asked.get("seed", 0))
        tell_unanswered(self.tell, self.encoder, predictions, where)
        columns = self.encoder.tabulate(rows, predictions)
        columns = {**row_columns(rows), **columns}
        levels = self.config.levels()
        more = spread_columns(self.encoder, predictions, levels)
        own = self._without_member_spread(predictions)
        more |= asked_columns(self.encoder, own, levels, asked, self.errors, self.tell)
        if needed is not None:
            more |= interval_columns(self.encoder, *needed, own)
        return with_extras(columns, more, where, self.tell)

    def _as_table(self, data: object) -> pa.Table:
        """Rows of any library as a table. Raises UserError."""
        is_table = isinstance(self.config.data, Table)
        return as_table(data, self.config.data.missing, may_repeat=is_table)

    def _read(self, table: pa.Table, where: str) -> Rows:
        """The rows of a table, encoded; tells of cells that were read with a doubt."""
        rows = self.encoder.read(table, where)
        for line in rows.notes:
            self.tell(line)
        return rows

    def needed_score(self, level: float) -> tuple[Head, np.ndarray]:
        """The regression head, and the scores [o] of its intervals at this level.

        Raises UserError where there is no such head, or no scores.
        """
        head = check_numbers(self.encoder)
        if self.scores is None:
            raise UserError(
                "--interval: this net was not loaded from a run's folder, where its scores are"
            )
        return head, needed_score(self.scores(), level)

    def answers(self, inputs: Mapping[str, np.ndarray]) -> HostArrays:
        """{head: predictions} for encoded inputs: encoded numbers [rows, o], or probabilities."""
        return self._without_member_spread(self.ensemble.predict(inputs))

    def shuffled(
        self, inputs: Mapping[str, np.ndarray], owners: Mapping[str, np.ndarray]
    ) -> Shuffled:
        """`answers` for these rows with one column shuffled: see `train.evaluation.importance`."""
        return self.ensemble.shuffled(inputs, owners)

    def each(self, inputs: Mapping[str, np.ndarray]) -> HostArrays:
        """{head: predictions of every member [members, rows, ...]} for encoded inputs."""
        return self._without_member_spread(self.ensemble.each(inputs))

    def predict_rows(self, dataset: Dataset, rows: np.ndarray) -> Predicted:
        """A data set's rows, some at a time, and the predictions for them."""
        targets = []
        weights = []
        predictions = []
        for batch in take_in_blocks(dataset, rows):
            targets.append(batch.target)
            weights.append(batch.weight)
            predictions.append(self.answers(batch.inputs))
        target = join_blocks(targets, len(rows))
        return Predicted(target, np.concatenate(weights), join_blocks(predictions, len(rows)))

    def _without_member_spread(self, predictions: HostArrays) -> HostArrays:
        """Without the deviation between members, where no net itself says how sure it is."""
        if self.config.loss in DENSITIES:
            return predictions
        spread = {f"{head.name}.deviation" for head in self.encoder.heads}
        return {name: array for name, array in predictions.items() if name not in spread}
