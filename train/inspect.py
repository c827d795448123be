"""How a file is read, without training: its columns, what is doubtful, and what would change it.

python -m train.inspect --data=FILE [--target=COLUMN] [--config=configs/NAME.py]
                        [--config.data.FIELD=VALUE ...]

The rows that would train are looked at, as `train.main` does with the same options. Without
--config FILE is taken for a table; with the config of series, or of sequences, for one of these.
"""

from __future__ import annotations

from train import errors, flags, parallel


def main(argv: list[str]) -> int:
    """Reads a file and prints how."""
    config = flags.parse_inspect(argv, __doc__)
    parallel.skip_gc_and_pandas()
    from train.data.inspection import inspection_lines

    for line in inspection_lines(config):
        print(line)
    return 0


if __name__ == "__main__":
    errors.run(main)
