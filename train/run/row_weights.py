"""What each row counts for in the loss: its own weight times that of its class.

n rows, k classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from train.config.options import Config
from train.data.dataset import Dataset, Encoder, Head, Pool
from train.data.stream.rows import RowStream, stream_of
from train.errors import UserError

MIN_MEAN = 1e-15  # as far from 1 as the largest weight that a row may have


class RowWeights(NamedTuple):
    """What the rows of each class of a head are multiplied by [k].

    `head` is "" where classes are not weighted.
    """

    head: str = ""
    factor_k: np.ndarray = np.ones(0, np.float32)

    def of(self, weight_n: np.ndarray, arrays: Pool) -> np.ndarray:
        """What rows of these weights, and of these encoded targets, count for, float32 [n].

        One of a class that no training row has counts once: nothing was said of it.
        """
        if not self.head:
            return weight_n
        factor_k = np.append(self.factor_k, np.float32(1))
        return weight_n * np.take(factor_k, arrays.target[self.head], mode="clip")


def row_weights_of(config: Config, dataset: Dataset) -> RowWeights:
    """The weights of a run's rows; raises UserError as `class_head` and `class_factors`."""
    if config.class_weight is None:
        return RowWeights()
    head = class_head(dataset.encoder)
    return RowWeights(head.name, class_factors(config, head, _class_masses(dataset, head)))


def mean_weight(dataset: Dataset, weights: RowWeights) -> float | None:
    """The mean of what the training rows count for; None if they all weigh the same.

    Raises UserError where no row of a split counts, or all count for next to nothing.
    """
    weight_n = weights.of(dataset.weight, dataset.arrays)
    train_n = weight_n[dataset.splits["train"]]
    if (stream := stream_of(dataset)) is not None:
        mean = _stream_mean(stream, dataset.encoder, weights)
        are_equal = not weights.head and not stream.is_weighted
    else:
        mean = float(train_n.mean(dtype=np.float64))
        are_equal = bool((train_n == train_n[0]).all())
    uncounted = [] if mean > 0 else [("train", dataset.n_train)]
    for split in ("valid", "test"):
        rows = dataset.splits[split]
        if len(rows) and not weight_n[rows].any():
            uncounted.append((split, len(rows)))
    if uncounted:
        split, n_rows = uncounted[0]
        raise UserError(
            f"config.data.weight, config.class_weight: all {n_rows} rows of the split {split} "
            "have weight 0; give some of them more, or leave the weights out"
        )
    if not are_equal and mean < MIN_MEAN:
        raise UserError(
            f"config.data.weight, config.class_weight: training rows weigh {mean:.3g} on average, "
            f"too little to divide by; multiply all weights by one number, to {MIN_MEAN:g} "
            "at the least"
        )
    return None if are_equal else mean


def class_head(encoder: Encoder) -> Head:
    """The head that classes are weighted by; raises UserError unless just one has a class a row."""
    heads = [head for head in encoder.heads if head.kind in ("binary", "multiclass")]
    if len(heads) == 1:
        return heads[0]
    found = "none"
    if heads:
        found = " and ".join(repr(head.columns[0]) for head in heads)
    raise UserError(
        "config.class_weight: needs exactly one target that is a class of each row, "
        f"found {found}; leave class_weight out"
    )


def class_factors(config: Config, head: Head, mass_k: np.ndarray) -> np.ndarray:
    """What the weights of each class's rows are multiplied by [k].

    The config's numbers or, if "balanced", scikit-learn's: the weight of all training rows over
    (number of classes x weight of the class), 1 for a class without rows. `mass_k` are the weights
    of the classes. Raises UserError for a class that does not exist.
    """
    if config.class_weight == "balanced":
        factor_k = mass_k.sum() / (len(mass_k) * np.where(mass_k > 0, mass_k, 1))
        return np.where(mass_k > 0, factor_k, 1).astype(np.float32)
    given = config.class_weight or {}
    unknown = sorted(set(given) - set(head.classes))
    if unknown:
        raise UserError(
            f"config.class_weight: no class {unknown[0]!r} in {head.name}; classes: {head.classes}"
        )
    return np.array([given.get(name, 1.0) for name in head.classes], np.float32)


def _class_masses(dataset: Dataset, head: Head) -> np.ndarray:
    """The weight of the training rows of each class [k]."""
    if (stream := stream_of(dataset)) is not None:
        return stream.class_masses(head)
    rows = dataset.splits["train"]
    codes_n = dataset.arrays.target[head.name][rows]
    return np.bincount(codes_n, dataset.weight[rows], len(head.classes))


def _stream_mean(stream: RowStream, encoder: Encoder, weights: RowWeights) -> float:
    """The mean over all training rows, most of which are on disk."""
    total = stream.weight_sum
    if weights.head:
        mass_k = stream.class_masses(class_head(encoder))
        total = float(mass_k @ weights.factor_k.astype(np.float64))
    return total / stream.n_rows
