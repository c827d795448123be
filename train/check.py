"""Whether a run's folder is whole: every file, every checkpoint, and whether the net loads.

python -m train.check --workdir=DIR [--trust=NAME]

Prints a line for each of them. --trust: as of train.predict. Exit codes: 0 all is well, 2
something is not.
"""

from __future__ import annotations

from pathlib import Path

from train import errors, flags, parallel


def main(argv: list[str]) -> int:
    """Looks at everything, and prints what it finds."""
    folder, trust = flags.parse_check(argv, __doc__)
    parallel.configure()
    from absl import logging

    from train.inference.verify import verify

    n_bad = 0
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)  # what is passed over has a line below
    try:
        for finding in verify(Path(folder), trust):
            n_bad += not finding.is_well
            print(f"{'ok ' if finding.is_well else 'BAD'} {finding.place}: {finding.words}")
    finally:
        logging.set_verbosity(verbosity)
    print(f"{folder}: {'all is well' if not n_bad else f'{n_bad} of them are not well'}")
    return 2 if n_bad else 0


if __name__ == "__main__":
    errors.run(main)
