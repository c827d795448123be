"""Options of augmentation: how training rows are varied."""

from __future__ import annotations

from dataclasses import dataclass, fields

from train.config.bounded import Auto, bounded


@dataclass
class Augment:
    """How training rows are varied at every update, and never at an evaluation.

    A strength of 0 is off. An LSTM has strengths of its own besides: `net.noise`, `net.offset` and
    `net.crop`.
    """

    noise: float = bounded(0.0, 0)
    """Tables: the deviation of noise on each number, in deviations of its column."""
    drop: float = bounded(0.0, 0, 1)
    """Tables: the share of cells left out: the column's mean, or no category."""
    swap: float = bounded(0.0, 0, 1)
    """Tables: the share of cells that are taken from another row."""
    mixup: float | Auto = bounded(0.0, 0)
    """Two rows and their targets are averaged, by shares of Beta(a, a); this is a."""
    mixup_until: float | Auto = bounded(1.0, 0, 1)
    """The share of a run's updates after which `mixup` ends: then the net learns to be sure."""
    cutmix: float = bounded(0.0, 0)
    """Tables: cells of two rows put together, and their targets mixed, by shares of Beta(a, a)."""
    scaling: float = bounded(0.0, 0)
    """Sequences: each channel is multiplied by a factor of this deviation around 1."""
    warp: float = bounded(0.0, 0)
    """Sequences: time runs faster and slower, by log-speeds of this deviation."""
    time_mask: float = bounded(0.0, 0, 1)
    """Sequences: the largest share of the steps that is masked, in one piece."""
    channel_mask: float = bounded(0.0, 0, 1)
    """Sequences: the share of channels masked."""
    reverse: float = bounded(0.0, 0, 1)
    """Sequences: the share of them read backwards."""
    token_drop: float = bounded(0.0, 0, 1)
    """Sequences: the share of tokens made unknown."""
    token_swap: float = bounded(0.0, 0, 1)
    """Sequences: the share of tokens taken from other sequences."""

    def strengths(self) -> dict[str, float | Auto]:
        """How strongly each of them varies a row, by their names; at 0 one is off."""
        names = [field.name for field in fields(self) if field.name != "mixup_until"]
        return {name: getattr(self, name) for name in names}
