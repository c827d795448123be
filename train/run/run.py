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

    Where there are `members`, they are nets of one program: `config` is the first one's, and `data`
    has an axis of members where they differ (`train.population.member_axis`). `subfolder` is the
    place within the run's folder that they are saved in. `layout` says over which devices. A net
    `begins_with` variables of an earlier one where there are some.
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
