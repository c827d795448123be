"""Train a net, or resume the run in a folder.

python -m train.main --config=configs/NAME.py [--config.FIELD=VALUE ...] [--workdir=DIR]
                     [--restart] [--from=DIR [--refit_statistics]]

How each column of a table is read is shown first; with --verbose=false only what is doubtful.
Without --workdir a fresh folder runs/NAME-YYYYmmdd-HHMMSS is made. The same command with --workdir
resumes a run; where its checkpoints are all damaged or gone, --restart trains it anew. --from
names the folder of a run: its net, columns and scales are what training on the new rows begins
with; --refit_statistics fits means and deviations to these. Several processes train one run
together: each is started with --coordinator=HOST:PORT --processes=N --process=I, or by srun or on a
TPU's hosts without any of them. Exit codes: 0 done, 2 wrong config, data or folder, 3 diverged, 4
storage, 143 (130) stopped by SIGTERM (Ctrl-C), saved.
"""

from __future__ import annotations

import time

from train import errors, flags, parallel
from train.config.own import paths_of


def main(argv: list[str]) -> int:
    """Parses, then trains."""
    started = time.monotonic()
    command = flags.parse_train(argv, __doc__)  # a wrong command line is answered before jax loads
    with parallel.session(command.config, command.processes):
        from train import loop
        from train.inference.load import read_start
        from train.run.listener import print_now

        start = None
        if command.begins_from is not None:
            start = read_start(
                command.begins_from,
                refits=command.refits_statistics,
                trust=paths_of(command.config),
            )
        loop.fit(
            command.config,
            command.workdir,
            echo=print_now,
            started=started,
            restart=command.restart,
            verbose=command.verbose,
            start=start,
        )
    return 0


if __name__ == "__main__":
    errors.run(main)
