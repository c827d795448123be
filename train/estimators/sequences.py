"""A net for sequences of any length, of numbers or of tokens. n sequences, k classes."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import pyarrow as pa
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils import validation as checks

from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.data.answer_names import free_names
from train.data.files.arrow import as_table
from train.errors import warn_reader
from train.estimators.base import Estimator, value_errors
from train.estimators.callbacks import with_callbacks
from train.estimators.classes import class_texts, labels_of, named_weights, probabilities
from train.estimators.rows import Rows, is_table, weights_of, with_columns


class SequenceClassifier(ClassifierMixin, Estimator):
    """An LSTM that predicts the class of each sequence.

    X is an array [n, steps, channels], whose shorter sequences end in steps of nan, a list of
    arrays [steps, channels] of any length, a list of lists of tokens, or a table whose columns hold
    such lists. Its parameters are those of `Estimator`, as net__hidden.
    """

    base_config = "sequences"
    kinds = (Sequences, LSTM)
    classes_: np.ndarray

    @with_callbacks
    def fit(self, X: Rows, y: Rows, sample_weight: Rows = None) -> Self:
        """Trains on sequences X and classes y [n], of any type; one counts for its weight."""
        with value_errors():
            config = self._config()
            assert isinstance(config.data, Sequences)
            table = sequence_table(X)
            labels = labels_of(self, y, config.data.missing)
            checks.check_consistent_length(table, labels.text_n)
            config.class_weight = named_weights(config.class_weight, labels)
            name, weight = free_names(["target", "sample_weight"], table.column_names)
            columns = {name: labels.text_n}
            inputs = tuple(table.column_names)
            config.data = dataclasses.replace(config.data, inputs=inputs, target=name)
            if sample_weight is not None:
                columns[weight] = weights_of(sample_weight, len(labels.text_n))
                config.data.weight = weight
            self.classes_ = labels.classes
            self._train(config, with_columns(table, columns), X, y)
        return self

    def predict_proba(self, X: Rows) -> np.ndarray:
        """The probabilities of `classes_` [n, k]."""
        checks.check_is_fitted(self)
        with value_errors():
            texts = class_texts(self.classes_, self.model_.config.data.missing)
            return probabilities(self.model_, sequence_table(X), texts)

    def predict(self, X: Rows) -> np.ndarray:
        """The likeliest class of each sequence [n]."""
        share_nk = self.predict_proba(X)
        return self.classes_[share_nk.argmax(axis=1)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


def sequence_table(X: Rows) -> pa.Table:
    """Sequences as a table with lists; an array, or a list of sequences, is its column "x".

    Steps of nan alone behind the others of an array are padding. Raises ValueError.
    """
    if is_table(X):
        return as_table(X, ())
    if X is None or isinstance(X, str) or not np.iterable(X):
        kind = type(X).__name__
        raise ValueError(
            f"X is of type {kind}: expected sequences, such as arrays [steps, channels]"
        )
    if isinstance(X, np.ndarray) and X.ndim in (2, 3) and X.size and X.dtype.kind == "f":
        return as_table({"x": _without_padding(X)}, ())
    return as_table({"x": [_as_list(sequence, place) for place, sequence in enumerate(X)]}, ())


def _as_list(sequence: Rows, place: int) -> list:
    """The steps of a sequence. Raises ValueError unless they are of one width."""
    try:
        return np.asarray(sequence).tolist()
    except ValueError:
        found = f"X: sequence {place} has steps of different widths"
        raise ValueError(f"{found}; expected as many numbers at each step") from None


def _without_padding(values: np.ndarray) -> list[list]:
    """The steps of an array [n, steps] or [n, steps, channels] up to the last that holds a number.

    Of longer ones the rest is nan, by which arrays pad sequences of different lengths; it is said.
    """
    is_known_nt = ~np.isnan(values.reshape(*values.shape[:2], -1)).all(axis=2)
    place_t = np.arange(1, values.shape[1] + 1)
    length_n = np.max(is_known_nt * place_t, axis=1, initial=0)
    n_padded = int((length_n < values.shape[1]).sum())
    if n_padded:
        found = f"{n_padded} of {len(values)} sequences end in steps that hold nan alone"
        warn_reader(f"X: {found}, which are taken for padding and left out")
    return [row[:length].tolist() for row, length in zip(values, length_n, strict=True)]
