"""Encoded rows of a table on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from train.config.data_options import Table
from train.data.dataset import Options
from train.data.row_dataset import RowDataset
from train.data.table.encoder import TableEncoder
from train.data.table.reading import NOTHING, Reading
from train.data.table.statistics import fit_statistics

if TYPE_CHECKING:
    from nets.base import Statistics


@dataclass(frozen=True, eq=False)
class TableDataset(RowDataset):
    """All rows of a table in one pool, and which of them train, validate and test.

    `inputs` {"numbers": float32 [n, f], nan where missing; "codes": int32 [n, c], 0 where missing
    or unseen}, a key being absent where there is no such column; `target` {head: float32 [n, o] in
    encoded units, or int32 [n]}. `reading` says how the columns were read.
    """

    encoder: TableEncoder
    options: Table
    reading: Reading = NOTHING

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these training rows (see `fit_statistics`)."""
        resolved = options or self.options
        assert isinstance(resolved, Table)
        return fit_statistics(
            self.inputs,
            self.target,
            rows,
            self.encoder.heads,
            self.encoder.category_sizes,
            resolved.scaling,
            self.encoder.target_scaling,
        )
