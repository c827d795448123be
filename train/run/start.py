"""What a run begins with: a config that holds, and its rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from train import config as configs
from train.config.fields import check_fields
from train.config.members import pooled
from train.config.options import Config
from train.config.recipe import may_be_of_amounts, may_fold, with_valid
from train.config.seeds import may_have_seeds
from train.data.dataset import Dataset
from train.data.files.read import read_table
from train.data.files.tables import Read, in_memory, index_note
from train.data.load import load_dataset
from train.run.metadata import as_begun, levels_as_begun, read_config
from train.run.net_counts import load_and_count, with_counts
from train.run.warm_start import Start, with_trained_net


def read_rows(
    config: Config, folder: Path | None, data: object, start: Start | None
) -> tuple[Config, Dataset]:
    """The config that holds, and the data set of its file, or of `data` in memory.

    With a `start` rows are encoded as its own were. Raises UserError.
    """
    read: Read = read_table
    config = configs.named(config)
    check_fields(config)
    if data is not None:
        config, read = in_memory(config, data)
    config = levels_as_begun(config, folder)
    if start is not None:
        config = with_trained_net(config, start)
    configs.validate(config)
    notes = (start.note,) if start is not None and start.name else ()
    notes = (*notes, *filter(None, (index_note(data),)))
    goes_by_rows = may_fold(config) or may_have_seeds(config) or may_be_of_amounts(config)
    if start is None and goes_by_rows:
        if folder is None or not (folder / "config.json").exists():
            return load_and_count(config, folder, read, notes)
        saved = read_config(folder)
        if may_be_of_amounts(config) and saved.loss == "gamma":  # which its rows asked for
            config = replace(config, loss="gamma")
        if may_fold(config) or may_have_seeds(config):
            config = with_counts(config, saved.population)
    config = with_valid(with_counts(config, config.population))
    encoder = None if start is None else start.encoder
    return config, load_dataset(pooled(as_begun(config, folder)), read, encoder, notes)
