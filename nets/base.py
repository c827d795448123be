"""What every whole network is, and the names of the types that all of the project shares.

A whole network goes from encoded columns to answers in the target's encoded units, and scales in
between. Encoded numbers are (raw - shift) / unit, as a data set gives them (`train.data.dataset`);
raw ones that float32 holds are such numbers too, of shift 0 and unit 1. Scaled ones are of the
order of 1. What was fitted on training rows, and scales, stands in the collection `statistics`,
beside `params`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import flax.linen as nn
import jax

Array: TypeAlias = jax.Array
Arrays: TypeAlias = Mapping[str, Array]
# A pytree of arrays: its structure is that of what made it.
Tree: TypeAlias = Any
# One collection of a network's variables, nested by the names of its modules.
Params: TypeAlias = Mapping[str, Tree]
# {"inputs": {name: array}, "targets": {head: {name: array}}}, from training rows.
Statistics: TypeAlias = Mapping[str, Tree]
# {"params": ..., "batch_stats": ..., "statistics": ...}, which a network is applied with.
Variables: TypeAlias = Mapping[str, Tree]


class DataNetwork(nn.Module):
    """A network with its two parameter-free ends: encoded columns in, answers out.

    `predict` is the whole of it. Training splits it at those ends, `preprocess` (encoded columns
    to scaled ones) and `postprocess` (scaled answers to encoded ones), to run the first once per
    data set and to leave the second out.
    """

    # Whether its variables begin among the rows that it is initialised with.
    starts_from_rows: ClassVar[bool] = False
    # Whether training ends with a round whose updates met no mistake, where the weights that answer
    # make none on the training rows either.
    ends_without_loss: ClassVar[bool] = False
    # The number columns with a flag for a missing value; networks over columns have it as a field.
    missing_columns = ()

    @property
    def learns_by_rule(self) -> bool:
        """Whether its method `learn` takes the place of a gradient."""
        return False

    @property
    def n_members(self) -> int:
        """How many members that share weights answer for each row."""
        return 1

    def __call__(
        self, inputs: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Tree]:
        """Scaled inputs -> {head: outputs}, which the loss compares with scaled targets.

        Of several members a row's outputs stand one after the other.
        """
        raise NotImplementedError

    def preprocess(self, inputs: Arrays) -> dict[str, Array]:
        """Encoded columns -> scaled ones, which the network reads."""
        raise NotImplementedError

    def preprocess_target(self, target: Arrays) -> dict[str, Array]:
        """Encoded targets -> scaled ones, which outputs are compared with; here as they are."""
        return dict(target)

    def averaged(self, outputs: Arrays) -> dict[str, Tree]:
        """What `__call__` gives -> one output for each row, that of all members."""
        return dict(outputs)

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{head: outputs} -> {head: answers in the target's encoded units}."""
        raise NotImplementedError

    def outputs(self, inputs: Arrays) -> dict[str, Tree]:
        """Encoded columns -> one output for each row, which `postprocess` makes answers of."""
        return self.averaged(self(self.preprocess(inputs), train=False))

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        """Encoded columns -> answers in the target's encoded units."""
        return self.postprocess(self.outputs(inputs))

    @nn.nowrap
    def fallback(self, params: Params, statistics: Statistics) -> Params | None:
        """Simpler weights, which answer unless training finds some that do better; None: none."""
        del params, statistics
        return None

    def together(self, outputs: Arrays) -> dict[str, Array]:
        """The `outputs` [m, ...] of several nets -> {head: their joint answer}.

        Only of heads whose answers have no mean, but a joint answer can be found for: of tags it is
        one path.
        """
        del outputs
        return {}

    def _statistics(self, part: str) -> Mapping[str, Tree]:
        """What was fitted of "inputs" or "targets"; ValueError without it."""
        fitted = self.get_variable("statistics", part)
        if fitted is None:
            raise ValueError(
                f'{type(self).__name__} needs the collection "statistics" with "{part}", fitted on '
                'training rows: apply it with {"params": ..., "statistics": {"inputs": ..., '
                '"targets": ...}}; TableNetwork.fit_statistics makes it from arrays'
            )
        return fitted


def init_variables(
    network: DataNetwork, key: Array, inputs: Arrays, statistics: Statistics
) -> Variables:
    """Fresh variables of a network beside its statistics, made with a few encoded rows."""
    given = {"statistics": statistics}
    columns = network.apply(given, inputs, method="preprocess")
    _, fresh = network.apply(
        given, columns, train=False, rngs={"params": key}, mutable=["params", "batch_stats"]
    )
    return {**fresh, **given}
