"""How a table is read, without training: its columns, what is doubtful, and what would change it.

python -m train.inspect --data=FILE [--target=COLUMN] [--config.data.FIELD=VALUE ...]

The rows that would train are looked at, as `train.main` does with the same options.
"""

from __future__ import annotations

from train import errors, flags
from train.errors import UserError


def main(argv: list[str]) -> int:
    """Reads a file and prints how."""
    config = flags.parse_inspect(argv, __doc__)
    from train.config.data_options import Table
    from train.data.table.load import load_table
    from train.data.table.reading import config_lines, reading_lines

    if not isinstance(config.data, Table):
        raise UserError("config.data: train.inspect reads tables")
    dataset = load_table(config.data, config.loss)
    for line in (*reading_lines(dataset.reading), *dataset.notes):
        print(line)
    print("what would change it:")
    for line in config_lines(dataset.reading):
        print(f"  {line}")
    return 0


if __name__ == "__main__":
    errors.run(main)
