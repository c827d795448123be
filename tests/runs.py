"""Small runs that many tests look at, and whether their reports are drawn."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from train.report import draw

real_draw = draw.draw


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
