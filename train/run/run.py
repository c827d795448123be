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
    """A prepared run: its resolved config, its data on host and device, its code to compile."""

    folder: Path
    config: Config
    """The resolved options; of members those of the first one."""
    dataset: Dataset
    """The rows on the host."""
    program: Program
    data: Data
    """The arrays on the device, with an axis of members where they differ."""
    members: tuple[Member, ...] = ()
    """The nets of a population that are trained by one program; () of a single net."""
    subfolder: str = ""
    """Where in the run's folder the nets are saved."""
    layout: Layout | None = None
    """Which devices hold what."""
    initial_variables: Variables | None = None
    """Those of an earlier net that training goes on with, if there is one."""
