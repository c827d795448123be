"""What is left out of small runs that many tests look at, to save time."""

from __future__ import annotations

from train.evaluation.baselines import trees
from train.results import baselines

real_trees = trees.fit_trees


def grow_trees(wanted: bool) -> None:
    """Whether the runs of a test have trees beside them, which take longer than a small net.

    Those of the test rows, and those of folds.
    """
    trees.fit_trees = baselines.fit_trees = real_trees if wanted else no_trees


def no_trees(encoder, train, seconds):
    """What there is where trees are asked for no second."""
    del train, seconds
    return trees.Trees(encoder)
