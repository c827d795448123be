"""The arrays that a network for sequences scales and begins with, fitted on training rows.

n rows, t steps, s valid steps of all rows, f numbers of a step, v words, k tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from train.data.dataset import HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.schema import NEXT
from train.data.sequences.tags import TagColumn
from train.data.table.statistics import fit_statistics

if TYPE_CHECKING:
    from nets.base import Statistics

# A deviation up to this, of encoded numbers, is none.
EPSILON = 1e-7


def sequence_statistics(
    inputs: HostArrays, target: HostArrays, rows: np.ndarray, encoder: SequenceEncoder
) -> Statistics:
    """The collection `statistics`, float32, from the rows `rows` of encoded arrays alone.

    {"inputs": {"center", "scale" [f] of all valid steps; "count" [v] of every token code},
    "targets": {label head: as `fit_statistics`; tags: {"rate" [k], and what `TagColumn.transitions`
    has}; numbers of steps, next step: {"center", "scale" [f]} or {"rate" [f]}}}. Rates are (count +
    1)/(sum + k), so that none is 0.
    """
    by_head: dict[str, HostArrays] = {}
    if encoder.labels.heads:
        labels = {head.name: target[head.name] for head in encoder.labels.heads}
        heads = encoder.labels.heads
        scaling = encoder.labels.target_scaling
        by_head = fit_statistics({}, labels, rows, heads, (), "none", scaling)["targets"]
    for tag in encoder.tags:
        by_head[tag.name] = _tag_statistics(target[tag.name][rows], tag)
    for column in encoder.step_numbers:
        steps_sf = target[column.name][rows].reshape(-1, len(column.units)).astype(np.float64)
        by_head[column.name] = _center_and_scale(steps_sf, encoder.labels.target_scaling)
    if encoder.next_kind:
        by_head[NEXT] = _next_statistics(target[NEXT][rows], encoder)
    return {"inputs": _input_statistics(inputs, rows, encoder), "targets": by_head}


def _input_statistics(inputs: HostArrays, rows: np.ndarray, encoder: SequenceEncoder) -> HostArrays:
    fitted: HostArrays = {}
    length = inputs["length"][rows][:, None]
    if "numbers" in inputs:
        numbers = inputs["numbers"][rows]
        mask_nt = np.arange(numbers.shape[1])[None] < length
        scaling = "none" if encoder.next_kind == "binary" else encoder.scaling
        fitted = _center_and_scale(numbers[mask_nt].astype(np.float64), scaling)
    if "tokens" in inputs:
        codes = inputs["tokens"][rows]
        mask_nt = np.arange(codes.shape[1])[None] < length
        counts = np.bincount(codes[mask_nt], minlength=encoder.vocabulary.n_words)
        fitted["count"] = counts.astype(np.float32)
    return fitted


def _tag_statistics(codes_nt: np.ndarray, tag: TagColumn) -> HostArrays:
    k = len(tag.classes)
    mask_nt = (codes_nt >= 0) & (codes_nt < k)
    counts = np.bincount(codes_nt[mask_nt], minlength=k)
    rate = ((counts + 1) / (counts.sum() + k)).astype(np.float32)
    return {"rate": rate, **tag.transitions}


def _next_statistics(target_ntf: np.ndarray, encoder: SequenceEncoder) -> HostArrays:
    steps_sf = target_ntf.reshape(-1, encoder.n_numbers).astype(np.float64)
    steps_sf = steps_sf[~np.isnan(steps_sf).all(-1)]
    if encoder.next_kind == "binary":
        rate = (np.nansum(steps_sf, 0) + 1) / (len(steps_sf) + 2)
        return {"rate": rate.astype(np.float32)}
    return _center_and_scale(steps_sf, encoder.labels.target_scaling)


def _center_and_scale(steps_sf: np.ndarray, scaling: str) -> HostArrays:
    """Mean and standard deviation of every channel, missing numbers left out.

    The scale is 1 where there is no spread; 0 and 1 where `scaling` is "none".
    """
    if scaling == "none":
        width = steps_sf.shape[1]
        return {"center": np.zeros(width, np.float32), "scale": np.ones(width, np.float32)}
    is_present = ~np.isnan(steps_sf)
    n = np.maximum(is_present.sum(0), 1)
    center = np.where(is_present, steps_sf, 0).sum(0) / n
    scale = np.sqrt(np.where(is_present, (steps_sf - center) ** 2, 0).sum(0) / n)
    scale = np.where(scale > EPSILON, scale, 1)
    return {"center": center.astype(np.float32), "scale": scale.astype(np.float32)}
