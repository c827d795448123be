"""Sequences on the host, padded to one width. b rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from train.config.data_options import Sequences
from train.data.dataset import A, Array, Batch, HostArrays, Options, Scale
from train.data.row_dataset import RowDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.ragged import first_steps
from train.data.sequences.statistics import sequence_statistics
from train.data.sequences.steps import padded_width
from train.data.table.reading import NOTHING, Reading

if TYPE_CHECKING:
    from nets.base import Statistics


@dataclass(frozen=True, eq=False)
class SequenceDataset(RowDataset):
    """Sequences, padded to one width; inputs and targets as `SequenceEncoder` encodes them.

    Their batches have the length of each row beside the inputs. `reading` says how the columns of
    the file were read.
    """

    encoder: SequenceEncoder
    options: Sequences
    reading: Reading = NOTHING

    @property
    def arrays(self) -> Batch[np.ndarray]:
        """The whole pool, row axis first."""
        return _with_length(super().arrays)

    def prepared(self, scale: Scale, scale_target: Scale) -> Batch:
        """`arrays` as the network's `preprocess` and `preprocess_target` give them.

        With `max_length` no row is longer there than the longest training row.
        """
        return _with_length(
            RowDataset.prepared(self._up_to(self.longest_read), scale, scale_target)
        )

    @property
    def longest_read(self) -> int:
        """Steps of the longest row as training reads it."""
        rows = slice(None) if self.options.max_length is None else self.splits["train"]
        return int(self.inputs["length"][rows].max(initial=1))

    def _up_to(self, n_steps: int) -> Self:
        """Arrays with the first steps of each row alone."""
        from nets.sequence import STEP_KINDS

        width = padded_width(np.array([n_steps]))
        inputs: HostArrays = {"length": np.minimum(self.inputs["length"], n_steps)}
        for name, array in self.inputs.items():
            if name != "length":
                inputs[name] = first_steps(array, width)
        target = dict(self.target)
        for head in self.heads:
            if head.kind in STEP_KINDS:
                target[head.name] = target[head.name][:, :width]
        return replace(self, inputs=inputs, target=target)

    @staticmethod
    def take(arrays: Batch[A], indices: Array) -> Batch[A]:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so jit takes it."""
        return _with_length(RowDataset.take(arrays, indices))

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these training rows (see `sequence_statistics`)."""
        del options
        return sequence_statistics(self.inputs, self.target, rows, self.encoder)


def _with_length(batch: Batch[A]) -> Batch[A]:
    return batch._replace(length=batch.inputs["length"])
