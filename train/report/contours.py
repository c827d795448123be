"""Regions of a plane, and the borders between them. y and x places along the axes, k classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Array = np.ndarray


def regions(is_inside_yx: Array, x_axis: Array, y_axis: Array) -> list[Array]:
    """Rectangles [4, 2] that together cover the places, runs of them in each row."""
    half_x = (x_axis[1] - x_axis[0]) / 2
    half_y = (y_axis[1] - y_axis[0]) / 2
    boxes = []
    for low, high, first, last in _runs(is_inside_yx):
        left = max(x_axis[first] - half_x, x_axis[0])
        right = min(x_axis[last] + half_x, x_axis[-1])
        bottom = max(y_axis[low] - half_y, y_axis[0])
        top = min(y_axis[high] + half_y, y_axis[-1])
        corners = [[left, bottom], [right, bottom], [right, top], [left, top]]
        boxes.append(np.array(corners, np.float64))
    return boxes


def _runs(is_inside_yx: Array) -> Iterator[tuple[int, int, int, int]]:
    """(first row, last row, first column, last column) of runs; alike ones above are joined."""
    begun: dict[tuple[int, int], int] = {}
    for y in range(len(is_inside_yx) + 1):
        now = set()
        if y < len(is_inside_yx):
            change = np.flatnonzero(np.diff(np.pad(is_inside_yx[y].astype(int), 1)))
            now = set(zip(change[::2].tolist(), (change[1::2] - 1).tolist(), strict=True))
        for run in sorted(begun.keys() - now):
            yield begun.pop(run), y - 1, *run
        for run in now - begun.keys():
            begun[run] = y


def borders(probability_yxk: Array, x_axis: Array, y_axis: Array) -> Array:
    """Where the likeliest class changes: lines [p, 2] with nan between them (marching squares).

    Of each class it is where its probability is as large as that of the best other one.
    """
    lines: list[Array] = []
    n_classes = probability_yxk.shape[-1]
    for k in range(1 if n_classes == 2 else n_classes):
        others = np.delete(probability_yxk, k, -1).max(-1)
        lines += _zero_lines(probability_yxk[..., k] - others, x_axis, y_axis)
    return np.concatenate(lines) if lines else np.empty((0, 2))


def _zero_lines(height_yx: Array, x_axis: Array, y_axis: Array) -> Iterator[Array]:
    """A line [3, 2] through each square of places whose corners differ in the height's sign."""
    above = height_yx > 0
    mixed = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    for y, x in np.argwhere((mixed > 0) & (mixed < 4)):
        corners = ((y, x), (y, x + 1), (y + 1, x + 1), (y + 1, x))
        crossed = []
        for (y0, x0), (y1, x1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if above[y0, x0] == above[y1, x1]:
                continue
            share = height_yx[y0, x0] / (height_yx[y0, x0] - height_yx[y1, x1])
            at_x = x_axis[x0] + share * (x_axis[x1] - x_axis[x0])
            at_y = y_axis[y0] + share * (y_axis[y1] - y_axis[y0])
            crossed.append((at_x, at_y))
        for begin in range(0, len(crossed), 2):
            yield np.array([*crossed[begin : begin + 2], (np.nan, np.nan)])
