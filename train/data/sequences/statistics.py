"""The arrays that a network for sequences scales and begins with, fitted on training rows.

n rows, t steps, s valid steps of all rows, f numbers of a step, v words, k tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from train.data.sequences.encoder import NEXT, SequenceEncoder
from train.data.sequences.tags import transition_scores
from train.data.table.statistics import fit_statistics

Arrays = dict[str, np.ndarray]


def sequence_statistics(
    inputs: Mapping[str, np.ndarray],
    target: Mapping[str, np.ndarray],
    rows: np.ndarray,
    encoder: SequenceEncoder,
) -> dict[str, Any]:
    """The collection `statistics`, float32, from the rows `rows` of encoded arrays alone.

    {"inputs": {"center", "scale" [f] of all valid steps; "count" [v] of every token code},
    "targets": {label head: as `fit_statistics`; tags: {"rate" [k], "start" [k], "transition" [k,
    k]}; next step: {"center", "scale" [f]} or {"rate" [f]}}}. Rates are (count + 1)/(sum + k), so
    that none is 0.
    """
    fitted: Arrays = {}
    if "numbers" in inputs:
        numbers = inputs["numbers"][rows]
        length = inputs["length"][rows]
        steps_sf = numbers[np.arange(numbers.shape[1])[None] < length[:, None]].astype(np.float64)
        fitted |= _center_and_scale(
            steps_sf, "none" if encoder.next_kind == "binary" else encoder.scaling
        )
    if "tokens" in inputs:
        codes = inputs["tokens"][rows]
        width = np.arange(codes.shape[1])[None] < inputs["length"][rows][:, None]
        fitted["count"] = np.bincount(codes[width], minlength=encoder.vocabulary.n_words).astype(
            np.float32
        )
    labels = {head.name: target[head.name] for head in encoder.labels.heads}
    by_head = {}
    if labels:
        scaling = encoder.labels.target_scaling
        fitted_labels = fit_statistics({}, labels, rows, encoder.labels.heads, (), "none", scaling)
        by_head = fitted_labels["targets"]
    for tag in encoder.tags:
        codes = target[tag.name][rows]
        k = len(tag.classes)
        counts = np.bincount(codes[(codes >= 0) & (codes < k)], minlength=k)
        start, transition = transition_scores(tag.classes, tag.iob)
        rate = ((counts + 1) / (counts.sum() + k)).astype(np.float32)
        by_head[tag.name] = {"rate": rate, "start": start, "transition": transition}
    if encoder.next_kind:
        steps_sf = target[NEXT][rows].reshape(-1, len(encoder.channels)).astype(np.float64)
        steps_sf = steps_sf[~np.isnan(steps_sf).all(-1)]
        if encoder.next_kind == "binary":
            by_head[NEXT] = {
                "rate": ((np.nansum(steps_sf, 0) + 1) / (len(steps_sf) + 2)).astype(np.float32)
            }
        else:
            by_head[NEXT] = _center_and_scale(steps_sf, encoder.labels.target_scaling)
    return {"inputs": fitted, "targets": by_head}


def _center_and_scale(steps_sf: np.ndarray, scaling: str) -> Arrays:
    """Mean and standard deviation of every channel, missing ones left out; scale 1 where there is
    no spread.

    0 and 1 where `scaling` is "none".
    """
    if scaling == "none":
        return {
            "center": np.zeros(steps_sf.shape[1], np.float32),
            "scale": np.ones(steps_sf.shape[1], np.float32),
        }
    known = ~np.isnan(steps_sf)
    n = np.maximum(known.sum(0), 1)
    center = np.where(known, steps_sf, 0).sum(0) / n
    scale = np.sqrt(np.where(known, (steps_sf - center) ** 2, 0).sum(0) / n)
    return {
        "center": center.astype(np.float32),
        "scale": np.where(scale > 1e-7, scale, 1).astype(np.float32),
    }
