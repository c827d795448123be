"""What every kind of data offers: batches, heads, an encoder and a data set. The first file to read
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    pass

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Head:
    """An output of the network: "regression" for all numeric targets together, "binary" or
    "multiclass" for a class, "cluster" or "reconstruction" for a table without a target.

    Of sequences also, at every step, "tags", and "next_numbers" or "next_binary" for what stands at
    the one after it.
    """

    name: str
    kind: Literal[
        "regression",
        "binary",
        "multiclass",
        "cluster",
        "reconstruction",
        "tags",
        "next_numbers",
        "next_binary",
    ]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    size: int


class Batch(NamedTuple):
    """Some rows: {"numbers": [b, f], "codes": [b, c]}, {head: target [b, ...]}, and what each row
    counts for [b].

    Padding rows have weight 0. `length` [b] is the number of valid steps of a sequence; rows of a
    table have none.
    """

    inputs: Arrays
    target: Arrays
    weight: Any
    length: Any = None
