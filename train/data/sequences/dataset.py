"""Sequences on the host, padded to one width. b rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.config.data_options import Sequences
from train.data.dataset import Array, Batch, Options, Scale, Statistics
from train.data.row_dataset import RowDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.statistics import sequence_statistics


@dataclass(frozen=True, eq=False)
class SequenceDataset(RowDataset):
    """Sequences, padded to one width: inputs as `SequenceEncoder.encode` has them, targets
    likewise.
    """

    encoder: SequenceEncoder
    options: Sequences

    @property
    def arrays(self) -> Batch:
        """The whole pool, row axis first."""
        return Batch(self.inputs, self.target, self.weight, self.inputs["length"])

    def prepared(self, scale: Scale, scale_target: Scale) -> Batch:
        """`arrays` with inputs and targets as the network's `preprocess` and `preprocess_target`
        give them.
        """
        batch = super().prepared(scale, scale_target)
        return batch._replace(length=batch.inputs["length"])

    @staticmethod
    def take(arrays: Batch, indices: Array) -> Batch:
        """The rows `indices` [b] of `arrays`, whether numpy's or jax's; pure, so it works under
        jit.
        """
        batch = RowDataset.take(arrays, indices)
        return batch._replace(length=batch.inputs["length"])

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these training rows (see `sequence_statistics`)."""
        del options
        return sequence_statistics(self.inputs, self.target, rows, self.encoder)
