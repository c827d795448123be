"""What a run is made of: its arrays (`Data`), and the code that works on them (`Program`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optax
from flax import struct

from nets.base import Array, DataNetwork, Statistics, Tree
from train.config.options import Config
from train.core.batch_parts import WHOLE, Parts
from train.core.tasks import Task
from train.data.dataset import Batch


class Data(struct.PyTreeNode):
    """The arrays of a run, on the device, and which of their rows train and validate.

    A row is what the data set takes as one: of a table a row, of a series a window, of sequences a
    sequence. n rows, t that train, v that validate.

    The members of a population (`train.population.vmapped`) share the rows; all from `train` on has
    an axis of members in front. Where they have different numbers of rows, `train` and `valid` are
    as long as the longest.
    """

    arrays: Tree
    """Preprocessed rows, in the form that `Program.take` takes batches from."""
    train_weight: Array
    """What each row counts for in the loss [n], class weights included."""
    train: Array
    """The numbers of the rows that train, int32 [t]."""
    valid: Array
    """The numbers of the rows that validate, int32 [v]."""
    statistics: Statistics
    """What was fitted on training rows: the network's collection of this name."""
    key: Array
    """The run's random key. Every draw is a function of it and of the step or the epoch."""
    n_train: Array | None = None
    """How many of `train` are a member's own; None: all."""
    n_valid: Array | None = None
    """How many of `valid` are a member's own; None: all."""
    numbers: Mapping[str, Array] = struct.field(default_factory=dict)
    """{path of a field: value} of the config's numbers that differ between members."""


@dataclass(frozen=True)
class Program:
    """The code of a run: everything that an update needs and that is not an array."""

    network: DataNetwork
    """Preprocessed inputs -> outputs of every head."""
    take: Callable[[Tree, Array], Batch[Array]]
    """Rows of `Data.arrays`, by their numbers."""
    tasks: tuple[Task, ...]
    """What each head is trained on."""
    optimizer: optax.GradientTransformation
    """Gradients -> updates of the parameters."""
    config: Config
    """The options, with every "auto" resolved; numbers may be traced."""
    total_steps: int
    """Updates in all the epochs; the schedules go by it."""
    steps_per_epoch: int
    """Updates in one epoch."""
    parts: Parts = WHOLE
    """How devices share a batch; all else they compute alike."""
    ends_at: int | None = None
    """The update after which training ends, if that is not the last one."""

    @property
    def last_step(self) -> int:
        """The update after which training ends."""
        return self.total_steps if self.ends_at is None else self.ends_at
