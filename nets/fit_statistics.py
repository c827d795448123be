"""Plain statistics of encoded training rows, for a network that is used without a data set.

Shapes: n rows, f number columns, c category columns, o outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nets.heads import HeadShape


def fit_inputs(
    inputs: Mapping[str, np.ndarray], category_sizes: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """The means and deviations of "numbers" [n, f], and which "codes" [n, c] occur."""
    fitted: dict[str, np.ndarray] = {}
    if "numbers" in inputs:
        fitted = center_and_scale(inputs["numbers"])
        fitted["fill"] = fitted["center"]
    if "codes" in inputs:
        _check_codes(inputs["codes"], category_sizes)
        fitted["seen"] = np.zeros((len(category_sizes), max(category_sizes) + 1), np.float32)
        for column, codes_n in enumerate(inputs["codes"].T):
            fitted["seen"][column, codes_n] = 1
    return fitted


def fit_targets(
    target: Mapping[str, np.ndarray], heads: tuple[HeadShape, ...]
) -> dict[str, dict[str, np.ndarray]]:
    """{head: means, deviations and ranges of its numbers [n, o]}, {} for classes."""
    fitted: dict[str, dict[str, np.ndarray]] = {}
    for head in heads:
        if head.kind != "regression":
            fitted[head.name] = {}
            continue
        value_no = target[head.name]
        if np.shape(value_no)[1:] != (head.size,):
            raise ValueError(
                f"target {head.name!r} has the shape {np.shape(value_no)}: "
                f"expected [rows, {head.size}]"
            )
        fitted[head.name] = center_and_scale(value_no)
        fitted[head.name]["low"] = np.min(value_no, 0).astype(np.float32)
        fitted[head.name]["high"] = np.max(value_no, 0).astype(np.float32)
    return fitted


def center_and_scale(x_nf: np.ndarray) -> dict[str, np.ndarray]:
    """{"center", "scale"} [f] of columns: mean and deviation of what is not NaN."""
    known_nf = np.where(np.isnan(x_nf), 0.0, x_nf.astype(np.float64))
    n_f = np.maximum((~np.isnan(x_nf)).sum(0), 1)
    center_f = known_nf.sum(0) / n_f
    error_nf = np.where(np.isnan(x_nf), 0.0, known_nf - center_f)
    scale_f = np.sqrt(np.square(error_nf).sum(0) / n_f).astype(np.float32)
    center_f = center_f.astype(np.float32)
    return {"center": center_f, "scale": np.where(scale_f > 0, scale_f, np.float32(1))}


def _check_codes(codes_nc: np.ndarray, sizes: tuple[int, ...]) -> None:
    """ValueError unless each column of codes has its size, and no code is beyond it."""
    if codes_nc.shape[1:] != (len(sizes),):
        raise ValueError(
            f"codes have the shape {codes_nc.shape} for category_sizes={sizes}: "
            "expected a size for each column"
        )
    for column, (codes_n, size) in enumerate(zip(codes_nc.T, sizes, strict=True)):
        odd_n = codes_n[(codes_n < 0) | (codes_n > size)]
        if len(odd_n):
            raise ValueError(f"codes[:, {column}] hold {odd_n[0]}: expected 0 to {size}")
