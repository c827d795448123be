"""Sequences on the host, padded to one width. b rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nets.base import Statistics
from train.config.data_options import Sequences
from train.data.dataset import A, Array, Batch, Options, Scale
from train.data.row_dataset import RowDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.statistics import sequence_statistics


@dataclass(frozen=True, eq=False)
class SequenceDataset(RowDataset):
    """Sequences, padded to one width; inputs and targets as `SequenceEncoder` encodes them.

    Their batches have the length of each row beside the inputs.
    """

    encoder: SequenceEncoder
    options: Sequences

    @property
    def arrays(self) -> Batch[np.ndarray]:
        """The whole pool, row axis first."""
        return _with_length(super().arrays)

    def prepared(self, scale: Scale, scale_target: Scale) -> Batch:
        """`arrays` as the network's `preprocess` and `preprocess_target` give them."""
        return _with_length(super().prepared(scale, scale_target))

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
