"""Classes of any type, and the texts that a table has for them. n rows, k classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from sklearn.utils.multiclass import check_classification_targets

from train.estimators.base import Estimator
from train.estimators.rows import Rows, checks
from train.inference.predictor import Predictor


class Labels(NamedTuple):
    """Classes [k] of any type, a text for each of them, and the text of each row [n]."""

    classes: np.ndarray
    texts: list[str]
    text_n: np.ndarray


def labels_of(estimator: Estimator, y: Rows, missing: Collection[str]) -> Labels:
    """The classes y [n], which a net that goes on must know. Raises ValueError."""
    y_n = checks.column_or_1d(y, warn=True)
    checks.check_array(y_n, ensure_2d=False, dtype=None, input_name="y", estimator=estimator)
    check_classification_targets(y_n)
    classes, code_n = np.unique(y_n, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds one class, {classes.tolist()[0]!r}; two are needed")
    if estimator.warm_start and hasattr(estimator, "model_"):
        known = getattr(estimator, "classes_", classes)
        unknown = np.setdiff1d(classes, known).tolist()
        if unknown:
            raise ValueError(f"y holds a class that the net does not know: {unknown[0]!r}")
        classes = known
        code_n = np.searchsorted(classes, y_n)
    texts = class_texts(classes, missing)
    return Labels(classes, texts, np.array(texts, object)[code_n])


def class_texts(classes: np.ndarray, missing: Collection[str]) -> list[str]:
    """A text for each class: itself, or where some would be misread a number for all."""
    texts = [str(label) for label in classes]
    folded = {text.strip().casefold() for text in texts}
    markers = {"", *missing}
    if len(folded) < len(texts) or any(text.strip() in markers for text in texts):
        return [f"class_{i:0{len(str(len(texts)))}}" for i in range(len(texts))]
    return texts


def named_weights(weights: object, labels: Labels) -> Literal["balanced"] | dict[str, float] | None:
    """{class: weight} by the texts of classes; ValueError for a class that there is not."""
    if weights is None:
        return None
    if weights == "balanced":
        return "balanced"
    if not isinstance(weights, Mapping):
        raise ValueError(f"class_weight: expected 'balanced' or numbers by class, got {weights!r}")
    known = labels.classes.tolist()
    text_of = dict(zip(known, labels.texts, strict=True))
    named = {}
    for label, weight in weights.items():
        if label not in text_of:
            raise ValueError(f"class_weight: no class {label!r}; classes: {known}")
        named[_as_read(text_of[label], labels.texts)] = float(weight)
    return named


def probabilities(model: Predictor, table: pa.Table, texts: Sequence[str]) -> np.ndarray:
    """The probabilities of classes [n, k]; 0 of one that no training row had."""
    columns = model.columns(table)
    places = {_as_read(text, texts): i for i, text in enumerate(texts)}
    found = np.zeros((table.num_rows, len(texts)))
    head = model.encoder.heads[0]
    names = model.encoder.answer_names.probabilities
    for label, name in zip(head.classes, names, strict=True):
        found[:, places[label]] = columns[name]
    return found


def _as_read(text: str, texts: Sequence[str]) -> str:
    """A text as a vocabulary has it: of true and false in lower case, without blanks around it."""
    folded = {other.strip().lower() for other in texts}
    return text.strip().lower() if folded <= {"true", "false"} else text.strip()
