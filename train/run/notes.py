"""What is said before a run is prepared: how its data are read, and what of its config is idle."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from train import config as configs
from train.config.options import Config
from train.data.dataset import Dataset
from train.data.load import how_read
from train.data.resolve import loss_lines
from train.run.listener import Listener
from train.run.metadata import lstm_core, notes_of_moved_run


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
