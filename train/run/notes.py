"""What is said before training: how the data are read, what of the config is idle, the layers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from train import config as configs
from train.config.options import Config
from train.core.state import State
from train.data.dataset import Dataset
from train.data.load import how_read
from train.data.resolve import loss_lines
from train.run.layers import Layer, layer_lines
from train.run.listener import Listener
from train.run.resume import idle_rates
from train.run.run import Run
from train.run.versions import lstm_core, notes_of_moved_run


def tell_notes(listener: Listener, config: Config, dataset: Dataset, folder: Path) -> None:
    """Tells the listener the folder, how its columns, or stamps, are read, and every note."""
    listener(f"run: {folder}")
    is_seen = listener.watches and sys.stdout.isatty()
    screen = shutil.get_terminal_size() if is_seen else None
    for line in how_read(dataset, screen):
        listener.detail(line)
    unread = configs.unread_notes(config)
    chosen = loss_lines(config, dataset)
    for line in (*unread, *dataset.notes, *chosen, *notes_of_moved_run(folder, config)):
        listener(line)
    if (core := lstm_core(config)) is not None:
        listener(f"LSTM core: {core}")


def tell_net(listener: Listener, run: Run, state: State, layers: Sequence[Layer]) -> None:
    """Tells the listener of rates that move nothing, and of the network's layers."""
    if line := idle_rates(run, state):
        listener(line)
    n_members = max(len(run.members), 1)
    for line in layer_lines(layers, state.weights.params, run.program, n_members):
        listener.detail(line)
