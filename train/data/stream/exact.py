"""What one pass over all training rows knows better than a sample of them. o outputs, k classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Head, HostArrays
from train.data.stream.online_statistics import Moments
from train.data.table.encoder import TableEncoder


def exact_target(
    fitted: Mapping[str, np.ndarray],
    head: Head,
    encoder: TableEncoder,
    moments: Mapping[str, Moments],
    counts_k: np.ndarray | None,
) -> HostArrays:
    """The statistics of a head with limits, means and deviations, or rates, of all training rows.

    `fitted` are those of a sample; `moments` are of the columns of numbers, `counts_k` the rows of
    each class of a head that has classes.
    """
    exact = {name: array.copy() for name, array in fitted.items()}
    if counts_k is not None:
        exact["rate"] = (counts_k / counts_k.sum()).astype(np.float32)
        return exact
    by_name = {column.name: column for column in encoder.targets}
    keys = ["low", "high"]
    if encoder.target_scaling == "standard":
        keys += ["center", "scale"]
    for place, name in enumerate(head.columns):
        if name in moments:
            column = by_name[name]
            whole = moments[name].scaled(column.shift, column.unit)
            for key in keys:
                exact[key][place] = whole[key]
    return exact
