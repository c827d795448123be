"""What every kind of data offers: batches, heads, an encoder and a data set.

Tables, series and sequences each implement the Protocols `Encoder` and `Dataset` in the folder of
their name; `train.data.load` chooses. Code for one kind of data asks for its classes, all other
code uses these Protocols alone.

A number has three scales on its way from a file to the loss:
    raw      as in the file, in the user's units
    encoded  (raw - shift) / unit, which float32 holds: `Encoder`, `Dataset.arrays`, `Rows`
    scaled   by statistics of training rows, say (encoded - mean) / deviation: what the network's
             `preprocess` and `preprocess_target` give, `Dataset.prepared`, a `Batch` in training
Answers go back: the network's `postprocess` gives encoded numbers, `Encoder.decode` raw ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Series, Table
from train.data.answer_names import AnswerNames

if TYPE_CHECKING:  # what reads files alone needs no jax, which takes seconds to import
    import jax

    from nets.base import Statistics, Tree

Array: TypeAlias = "jax.Array | np.ndarray"
Arrays: TypeAlias = Mapping[str, Array]
HostArrays: TypeAlias = dict[str, np.ndarray]
Columns: TypeAlias = dict[str, np.ndarray | pa.Array]
Options: TypeAlias = Table | Series | Sequences
# The arrays that `Dataset.take` takes rows from: a batch of all rows, or a series and its windows.
Pool: TypeAlias = "Tree"
# An encoder as encoder.json has it.
Json: TypeAlias = dict[str, Any]
A = TypeVar("A", np.ndarray, "jax.Array")
Scale: TypeAlias = Callable[[HostArrays], dict[str, "jax.Array"]]


@dataclass(frozen=True)
class Head:
    """An output of the network, and the columns that it predicts.

    `kind` is "regression" for all numeric targets together, "binary" or "multiclass" for a class,
    "cluster" or "reconstruction" for a table without a target. Of sequences also, at every step,
    "tags", "step_numbers", and "next_numbers" or "next_binary" for what stands at the one after it.
    `size` is how many numbers the network gives for a row, or a step.
    """

    name: str
    kind: Literal[
        "regression",
        "binary",
        "multiclass",
        "cluster",
        "reconstruction",
        "tags",
        "step_numbers",
        "next_numbers",
        "next_binary",
    ]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    size: int


class Batch(NamedTuple, Generic[A]):
    """Some rows: their inputs, targets and weights.

    On the host it is a `Batch[np.ndarray]`, in a compiled program a `Batch[jax.Array]`.
    """

    inputs: dict[str, A]
    """Of a table {"numbers": [b, f], "codes": [b, c]}."""
    target: dict[str, A]
    """{head: [b, ...]}."""
    weight: A
    """The weight of each row [b], 0 for padding."""
    length: A | None = None
    """How many steps of a sequence are valid [b]; None of other data."""


class Rows(NamedTuple):
    """Encoded rows of a file that is to be predicted."""

    inputs: HostArrays
    """The network's inputs {name: [n, ...]}."""
    names: Columns
    """Columns that identify the rows, which are written beside predictions."""
    numbers: np.ndarray | None = None
    """The rows' numbers in the table; None: all its rows.

    Of a series those of the steps to come, -1 for a step that the table lacks.
    """
    notes: tuple[str, ...] = ()
    """Lines for the user on doubtful cells."""


class Encoder(Protocol):
    """The schema of a data set: raw rows to arrays, and arrays to raw columns.

    It is fitted on training rows and saved in the run's folder, to encode new rows in the same way.
    Shapes: n rows, o outputs of a head.
    """

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the network predicts."""
        ...

    @property
    def units(self) -> Mapping[str, np.ndarray]:
        """{head of numbers: what one encoded unit is in raw ones [o]}."""
        ...

    def read(self, table: pa.Table, where: str) -> Rows:
        """What is to be predicted of a table: its rows, or the steps after a series' end.

        Columns may have any order, and others than the needed ones are ignored. Raises UserError,
        naming `where`, if a column is missing or has values that its kind does not allow.
        """
        ...

    def tabulate(self, rows: Rows, answers: Arrays) -> Columns:
        """The columns of answers to rows that were read: their names, then what is decoded."""
        ...

    def decode(self, answers: Arrays) -> HostArrays:
        """{head: answers in encoded units} as raw columns [n, ...]."""
        ...

    @property
    def answer_names(self) -> AnswerNames:
        """The names of the columns that `decode` and `tabulate` give."""
        ...

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """{head: encoded targets} as raw columns [n, ...], "target" or "target_NAME"."""
        ...

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{head: targets or answers} in raw units, float64; classes as they are."""
        ...

    def to_json(self) -> Json:
        """The schema as JSON, which `train.data.load.read_encoder` reads back."""
        ...


class Dataset(Protocol):
    """All rows of a run, encoded, on the host, and which of them train, validate and test.

    A row is what a network predicts from: of a table a row, of series a window, of sequences a
    sequence. n rows, b rows of a batch.
    """

    @property
    def encoder(self) -> Encoder:
        """The schema of the data set."""
        ...

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads of the encoder."""
        ...

    @property
    def splits(self) -> Mapping[str, np.ndarray]:
        """{"train", "valid", "test": numbers of rows, int32}."""
        ...

    @property
    def n_train(self) -> int:
        """Training rows of an epoch; of a stream most are on disk, and not in `splits`."""
        ...

    @property
    def weight(self) -> np.ndarray:
        """The weight of each row, float32 [n]."""
        ...

    @property
    def original_rows(self) -> np.ndarray:
        """Where each row stands in the file it came from [n], the first being 0."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the data, a line each."""
        ...

    @property
    def arrays(self) -> Pool:
        """What `take` takes rows from, on the host."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoder, the arrays and the splits, in hexadecimal."""
        ...

    def take(self, arrays: Pool, indices: Array) -> Batch:
        """The rows `indices` [b] of arrays, of numpy or of jax; pure, so it works under jit."""
        ...

    def prepared(self, scale: Scale, scale_target: Scale) -> Pool:
        """`arrays`, scaled: by the network's `preprocess` and `preprocess_target`."""
        ...

    def statistics(self, rows: np.ndarray, options: Options | None = None) -> Statistics:
        """What is fitted on these training rows; `options` where "auto" has been resolved."""
        ...

    def folds(self, n: int) -> list[dict[str, np.ndarray]]:
        """`splits` with the training rows in `n` folds, one of which validates each time.

        Raises UserError if there are too few rows.
        """
        ...

    def with_splits(self, splits: Mapping[str, np.ndarray]) -> Dataset:
        """The data set with the same rows in other splits."""
        ...
