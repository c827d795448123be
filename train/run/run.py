"""A run that is ready to train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nets.base import Variables
from train.config.members import Member
from train.config.options import Config
from train.core.program import Data, Program
from train.data.dataset import Dataset
from train.parallel.devices import Layout


@dataclass(frozen=True)
class Run:
    """What `fit` prepared: the resolved config, the data on host and device, the code to compile.

    `members` are nets of one program, () of a single net: `config` is then that of the first one,
    and `data` has an axis of members where they differ (`train.population.member_axis`). They are
    saved in `subfolder` of the run's folder. `layout` says which devices hold what. `begins_with`
    are the variables of an earlier net to go on with, if there is one.
    """

    folder: Path
    config: Config
    dataset: Dataset
    program: Program
    data: Data
    members: tuple[Member, ...] = ()
    subfolder: str = ""
    layout: Layout | None = None
    begins_with: Variables | None = None
