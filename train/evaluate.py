"""The metrics of a trained network on a labelled file.

python -m train.evaluate --workdir=DIR --data=FILE [--interval=0.9]

Prints one JSON object: the number of rows judged, and the metrics over all of them, in original
units, null where one is not defined (auc of one class); "notes" where cells were read with a
doubt, or rows, series or columns are left out.
Rows count for what the run's weight column (config.data.weight) says of them; where FILE lacks it,
a line on stderr says so and each counts once. With --interval coverage and width are those of the
intervals that train.predict gives for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from train import errors, flags, parallel

if TYPE_CHECKING:
    import pyarrow as pa

    from train.inference.predictor import Predictor


def evaluate(
    model: Predictor, table: pa.Table, where: str = "data", interval: float | None = None
) -> dict[str, float | list[str]]:
    """Metrics over all rows whose target is present, as `train.inference.evaluate` has them.

    Says on stderr if the rows have no weights although the run's had.
    """
    from train.inference import evaluate as evaluation

    return evaluation.evaluate(model, table, where, interval, echo=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main(argv: list[str]) -> int:
    """Reads a file, judges the answers to it, prints the metrics."""
    command = flags.parse_evaluate(argv, __doc__)
    parallel.configure()
    from train.config.data_options import Table
    from train.data.files.read import read_table
    from train.data.files.write import json_text
    from train.inference.load import load

    model = load(command.workdir)
    data = model.config.data
    table = read_table(command.data, data.missing, may_repeat=isinstance(data, Table))
    print(json_text(evaluate(model, table, command.data, command.interval)))
    return 0


if __name__ == "__main__":
    errors.run(main)
