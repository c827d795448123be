"""What `train.inspect` says of a file: how its columns are read, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from train.config.data_options import Series, Table
from train.config.options import Config
from train.data.files.read import read_table
from train.data.load import how_read, load_dataset, reading_in
from train.data.reading_of_steps import read_all, series_lines
from train.data.sequences.steps import holds_lists
from train.data.table.reading import config_lines, reading_lines
from train.data.table.roles import target_names


def inspection_lines(config: Config) -> list[str]:
    """The reading of the file of a config, its notes, and the options that would change it.

    Of a table with lists of steps what it takes to read them. Raises UserError.
    """
    data = config.data
    if isinstance(data, Table) and not data.stream:
        table = read_table(data.path, data.missing, may_repeat=True)
        lists = [name for name in dict.fromkeys(table.column_names) if holds_lists(table, name)]
        lists = [name for name in lists if name not in data.ignore]
        if lists and data.features is None:
            return _lines_of_lists(table, lists, data)
    dataset = load_dataset(config)
    lines = [*how_read(dataset), *dataset.notes]
    changes: list[str] = []
    if isinstance(data, Table):
        changes = config_lines(reading_in(dataset))
    elif isinstance(data, Series):
        changes = series_lines(reading_in(dataset))
    if changes:
        lines.append("what would change it:")
    return [*lines, *(f"  {line}" for line in changes)]


def _lines_of_lists(table: pa.Table, lists: Sequence[str], options: Table) -> list[str]:
    """The columns of a file of sequences, and the config lines that read it as one."""
    targets = target_names(options)
    uses = dict.fromkeys(targets, "target")
    for name in lists:
        uses.setdefault(name, "a list: a value for each step of a sequence")
    lines = reading_lines(read_all(table, uses, {}, options.missing))
    inputs = [name for name in lists if name not in targets]
    flags = [f"--config.data.inputs={','.join(inputs or lists)}"]
    flags.append(f"--config.data.target={','.join(targets) or 'COLUMN'}")
    lines.append("columns of lists are sequences; they are read with:")
    lines.append(f"  --config=configs/sequences.py {' '.join(flags)}")
    lines.append("or, as a table without them:")
    return [*lines, f"  --config.data.ignore={','.join(lists)}"]
