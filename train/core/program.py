"""What a run is made of: arrays on the device (`Data`), and the code that works on them
(`Program`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import optax
from flax import struct

from nets.base import DataNetwork
from train.config.options import Config
from train.core.batch_parts import WHOLE, Parts
from train.core.tasks import Task
from train.data.dataset import Batch

Array = jax.Array


class Data(struct.PyTreeNode):
    """Prepared arrays on the device, and which of their rows train and judge.

    `arrays` are a data set's, in the form its `take` knows; a row is whatever that takes: of a
    table, a window of a series, a sequence. `train_weight` is what a row counts for in the loss,
    class weights folded in.

    Of members of a population (`train.population.vmapped`) that have different numbers of rows,
    `train` and `valid` are as long as the longest, and `n_train` and `n_valid` say how many are the
    member's own; `numbers` are the fields of the config, by path, that differ between members.
    """

    arrays: Any
    train_weight: Array
    train: Array
    valid: Array
    statistics: Any
    key: Array
    n_train: Any = None
    n_valid: Any = None
    numbers: Any = struct.field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """The code of a run: everything an update needs that is not an array.

    Of a `network` that `learns_by_rule` the method `learn` takes a gradient's place. `take(arrays,
    rows)` is the data set's. `parts` is how devices share a batch; all else they all compute alike.
    Schedules go by `total_steps`; training ends then, or after `ends_at`.
    """

    network: DataNetwork
    take: Callable[[Any, Array], Batch]
    tasks: tuple[Task, ...]
    optimizer: optax.GradientTransformation
    config: Config
    total_steps: int
    steps_per_epoch: int
    parts: Parts = WHOLE
    ends_at: int | None = None

    @property
    def last_step(self) -> int:
        """After which training ends."""
        return self.total_steps if self.ends_at is None else self.ends_at
