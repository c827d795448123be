"""What every kind of data offers: batches, heads, an encoder and a data set.

Tables, series and sequences each have two classes, one for the Protocol `Encoder` and one for
`Dataset`, in the folder of their name; `train.data.load` chooses. What builds networks and reports
of one kind asks for its classes, all else for what stands here.

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
    """Some rows: their inputs, their targets, and what each counts for.

    Of a table `inputs` are {"numbers": [b, f], "codes": [b, c]}; `target` is {head: [b, ...]};
    `weight` [b] is 0 for a row that only fills up. `length` [b] is the number of valid steps of a
    sequence; rows of a table have none. On the host it is a `Batch[np.ndarray]`, in a compiled
    program a `Batch[jax.Array]`.
    """

    inputs: dict[str, A]
    target: dict[str, A]
    weight: A
    length: A | None = None


class Rows(NamedTuple):
    """Rows that were read to be predicted, encoded.

    `inputs` {name: [n, ...]} are the network's. `names` are columns that say which row is which,
    beside predictions. `numbers` are the rows' places in the table where they are not simply all
    of its rows: of a series the steps to come, -1 of one that it lacks. `notes` are lines for the
    user on doubtful cells.
    """

    inputs: HostArrays
    names: Columns
    numbers: np.ndarray | None = None
    notes: tuple[str, ...] = ()


class Encoder(Protocol):
    """The schema of a data set: raw rows to arrays, and arrays to raw columns.

    It is fitted on training rows, and all that a run's folder keeps of them to answer new ones.
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

        Columns may come in any order and more may come than are needed. Raises UserError, naming
        `where`, if one is absent or holds what its kind does not admit.
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
        """What the columns are called that `decode`, or `tabulate`, gives for its targets."""
        ...

    def raw_targets(self, targets: Arrays) -> HostArrays:
        """{head: encoded targets} as raw columns [n, ...], "target" or "target_NAME"."""
        ...

    def to_units(self, arrays: Arrays) -> HostArrays:
        """{head: targets or answers} in raw units, float64; classes as they are."""
        ...

    def to_json(self) -> Json:
        """All of it as JSON has it; `train.data.load.read_encoder` reads it back."""
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
        """Training rows of an epoch; of a stream more than `splits` has, for they are on disk."""
        ...

    @property
    def weight(self) -> np.ndarray:
        """What each row counts for, float32 [n]."""
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
