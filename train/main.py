"""Train a net, or resume the run in a folder.

python -m train.main --config=configs/NAME.py [--config.FIELD=VALUE ...] [--workdir=DIR]

Without --workdir a fresh folder runs/NAME-YYYYmmdd-HHMMSS is made. The same command with --workdir
resumes a run. Several processes train one run together: each is started with
--coordinator=HOST:PORT --processes=N --process=I, or by srun or on a TPU's hosts without any of
them. Exit codes: 0 done, 2 wrong config, data or folder, 3 diverged, 4 storage, 143 (130) stopped
by SIGTERM (Ctrl-C), saved.
"""

from __future__ import annotations

import time

from train import flags
from train.config import members
from train.config.net_options import LSTM
from train.parallel import runtime


def main(argv: list[str]) -> int:
    """Parses, then trains."""
    started = time.time()
    config, workdir, processes = flags.parse_arguments(argv, __doc__ or "")
    # Members with LSTMs train in turns on a CPU: with a device for each core, as many at once.
    in_turns = members.is_population(config) and isinstance(config.net, LSTM) and processes is None
    runtime.configure(cpu_devices=runtime.cores() if in_turns else 1)
    from train.parallel import hosts

    hosts.join(processes)
    from train import (
        loop,  # with jax it takes seconds to load: mistaken arguments were answered before
    )

    loop.fit(config, workdir, echo=print, started=started)
    hosts.leave()
    return 0


if __name__ == "__main__":
    flags.run(main)
