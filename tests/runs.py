"""Small runs that many tests look at, and what is left out of them to save time."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from train.evaluation.baselines import trees
from train.report import draw

real_draw = draw.draw
real_trees = trees.fit_trees


def grow_trees(wanted: bool) -> None:
    """Whether the runs of a test have trees beside them, which take longer than a small net."""
    trees.fit_trees = real_trees if wanted else no_trees


def no_trees(encoder, train, seconds):
    """What there is where trees are asked for no second."""
    del train, seconds
    return trees.Trees(encoder)


def undrawn(paint: draw.Painter, title: str, **size: float) -> str:
    """An empty figure: to draw a report takes a third of a small run's time."""
    del size
    assert callable(paint)
    return f'<svg role="img" aria-label="{html.escape(title)}"></svg>'


@contextmanager
def drawn() -> Iterator[None]:
    """Figures are drawn while the block runs, as they are in tests marked `figures`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "draw", real_draw)
        yield
