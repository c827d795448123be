"""What a column of a table is encoded by, and its labels decoded by. n rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from train.data.columns import Reading
from train.data.notation import CODE, PLAIN, Notation
from train.data.parsing import look_of


@dataclass(frozen=True)
class Column:
    """How one raw column is encoded.

    "number": (raw - shift)/unit. "time": the same of days since 1970, and its place in the year,
    the week and, with `clock`, the day. "category": 1 + the place in `vocabulary`; as a target, the
    place itself. `type` is what the vocabulary was before it was text. `missing` says that some
    training row lacks the value. `notation` is that of its numbers, `date_order` that of its
    dates, where training rows wrote them as text; `zoned` whether their times said a zone, None of
    a schema that does not tell. Answers to a `nonnegative` target are 0 or above. `reach` is how
    far training rows lie from `shift`, in units; 0 where it is not known.
    """

    name: str
    kind: Literal["number", "time", "category"]
    shift: float = 0.0
    unit: float = 1.0
    clock: bool = False
    vocabulary: tuple[str, ...] = ()
    type: Literal["text", "integer", "boolean"] = "text"
    missing: bool = False
    notation: Notation | None = None
    date_order: str = ""
    nonnegative: bool = False
    zoned: bool | None = None
    reach: float = 0.0

    @cached_property
    def codes(self) -> dict[str, int]:
        """The place of each category in the vocabulary, by its text without blanks around it."""
        found: dict[str, int] = {}
        for place, name in enumerate(self.vocabulary):
            found.setdefault(name.strip(), place)
        return found

    @cached_property
    def values(self) -> dict[float, int]:
        """{number: category}, where every category writes a number of its own; {} else."""
        if not all(PLAIN.fullmatch(name) and not CODE.fullmatch(name) for name in self.codes):
            return {}
        found = {float(name): place for name, place in self.codes.items()}
        return found if len(found) == len(self.codes) else {}

    @cached_property
    def looks(self) -> dict[str, int]:
        """The place of each category in the vocabulary, by what is seen of its text."""
        found: dict[str, int] = {}
        for name, place in self.codes.items():
            found.setdefault(look_of(name), place)
        return found

    @property
    def reading(self) -> Reading:
        """How its texts are read."""
        return Reading(self.notation, self.date_order)

    @property
    def cycles(self) -> tuple[str, ...]:
        """The cycles of the calendar that a time has its place in."""
        if self.kind != "time":
            return ()
        return ("month", "weekday", "hour") if self.clock else ("month", "weekday")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The number inputs it becomes."""
        if self.kind == "category":
            return ()
        names = [self.name]
        for cycle in self.cycles:
            names += [f"{self.name}.{cycle}_sin", f"{self.name}.{cycle}_cos"]
        return tuple(names)

    def labels(self, codes: np.ndarray) -> np.ndarray:
        """The categories at these places of the vocabulary [n], of its type; numbers as they are.

        A place beyond the vocabulary gives None.
        """
        if self.kind != "category":
            return codes
        is_unseen_n = codes >= len(self.vocabulary)
        if is_unseen_n.any():
            labels = self.labels(np.where(is_unseen_n, 0, codes)).astype(object)
            labels[is_unseen_n] = None
            return labels
        if self.type == "boolean":
            return np.array([name == "true" for name in self.vocabulary])[codes]
        return np.array(self.vocabulary, np.int64 if self.type == "integer" else None)[codes]
