"""What a run is made of: its arrays (`Data`), and the code that works on them (`Program`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import optax
from flax import struct

from nets.base import Array, DataNetwork, Statistics, Tree
from nets.kernels.rows import take_rows
from train.config.options import Config
from train.core.batch_parts import WHOLE, Parts
from train.core.faults import MAX_IN_ROW
from train.core.tasks import Task
from train.data.dataset import Batch
from train.data.row_dataset import RowDataset

# What the run's key is folded with, for each use that draws from it. Other numbers, or one number
# for two uses, would give other nets.
WEIGHTS_KEY = 0
ORDER_KEY = 1
DROPOUT_KEY = 2
AUGMENT_KEY = 3
WINDOW_KEY = 4


class Data(struct.PyTreeNode):
    """The arrays of a run, on the device, and which of their rows train and validate.

    A row is what the data set takes as one: of a table a row, of a series a window, of sequences a
    sequence. n rows, t that train, v that validate.

    The members of a population (`train.population.vmapped`) share the rows; all from `train` on has
    an axis of members in front. Where they have different numbers of rows, `train` and `valid` are
    as long as the longest.
    """

    arrays: Tree
    """The rows (see `train.data.dataset`), scaled; encoded ones where folds share them."""
    train_weight: Array
    """What each row counts for in the loss [n], class weights included."""
    train: Array
    """The numbers of the rows that train, int32 [t]."""
    valid: Array
    """The numbers of the rows that validate, int32 [v]."""
    statistics: Statistics
    """What was fitted on training rows: the network's collection of this name."""
    key: Array
    """The run's random key. Every draw is a function of it, its use, and the step or the epoch."""
    n_train: Array | None = None
    """How many of `train` are a member's own; None: all."""
    n_valid: Array | None = None
    """How many of `valid` are a member's own; None: all."""
    mean_weight: Array | None = None
    """The mean of `train_weight` over the rows that train; None: all of them weigh the same."""
    numbers: Mapping[str, Array] = struct.field(default_factory=dict)
    """The fields of the config in which members differ, as {path, "optim.l2": value}.

    As arrays, so that one program trains members of other values; {} where none differs.
    """


@dataclass(frozen=True)
class Program:
    """The code of a run: everything that an update needs and that is not an array."""

    network: DataNetwork
    """Scaled inputs -> outputs of every head."""
    take: Callable[[Tree, Array], Batch[Array]]
    """Rows of `Data.arrays`, by their numbers."""
    tasks: tuple[Task, ...]
    """What each head is trained on."""
    optimizer: optax.GradientTransformationExtraArgs
    """Gradients -> updates of the parameters."""
    config: Config
    """The options, with every "auto" resolved; numbers may be traced."""
    total_steps: int
    """Updates in all the epochs of the config; the schedules go by it."""
    steps_per_epoch: int
    """Updates in one epoch."""
    parts: Parts = WHOLE
    """Into how many parts a batch is cut, and over how many devices; WHOLE: it is not cut.

    Each part has rows of its own; all else (weights, optimizer) every device computes alike.
    """
    ends_at: int | None = None
    """How many updates to stop after, where `total_steps` are too many; None: all of them.

    A refit stops so: its schedules are those of the longer training that chose its length.
    """
    shared_rows: int | None = None
    """How many encoded rows folds share, which are scaled as they are taken; None: scaled ones.

    Row i of fold k has the number i, or k * shared_rows + i where folds weigh rows differently.
    """

    window: int | None = None
    """Steps that an update goes back through (`train.core.windows`); None: all of a row.

    None too where no row that trains has more.
    """
    block_rows: int | None = None
    """Rows of an evaluation block; None: they are counted where a split is evaluated."""
    careful: bool = False
    """Whether every update is looked at, and left out if it is not finite (`train.core.faults`)."""

    def places(self, rows_n: Array) -> Array:
        """Where the rows of these numbers stand in `Data.arrays` [n]."""
        return rows_n if self.shared_rows is None else rows_n % self.shared_rows

    def batch(self, data: Data, rows_b: Array) -> Batch[Array]:
        """The rows of these numbers, scaled by the statistics of the data."""
        # What `RowDataset.take` gives; windows of series are not rows of an array.
        take = take_rows if self.take is RowDataset.take else self.take
        batch = take(data.arrays, self.places(rows_b))
        if self.shared_rows is None:
            return batch
        scale = partial(self.network.apply, {"statistics": data.statistics})
        inputs: Tree = scale(batch.inputs, method="preprocess")
        target: Tree = scale(batch.target, method="preprocess_target")
        return batch._replace(inputs=inputs, target=target)

    @property
    def max_in_row(self) -> int:
        """After so many updates in a row that are not finite a net has diverged.

        At most those of an epoch: all rows have been tried then.
        """
        return min(MAX_IN_ROW, self.steps_per_epoch)

    @property
    def last_step(self) -> int:
        """How many updates a run has done when it has ended, if nothing stops it before."""
        return self.total_steps if self.ends_at is None else self.ends_at
