"""The metrics of a trained network on a labelled file.

python -m train.evaluate --workdir=DIR --data=FILE [--interval=0.9] [--out=FILE] [--trust=NAME]

A folder of sequences or series, and a file of them for a net that was trained on a stream, are read
some rows at a time: of sequences answers and targets stay in memory, of series their scores alone.
Prints one JSON object: the number of rows judged, and the metrics over all of them, in original
units, null where one is not defined (auc of one class); "notes" where cells were read with a
doubt, or rows, series or columns are left out; of series, "baselines", the metrics of the last
value and of the last season, repeated. --out writes the rows with their targets and answers, of a
series a line for each window and step.
Rows count for what the run's weight column (config.data.weight) says of them; where FILE lacks it,
a line on stderr says so and each counts once. With --interval coverage, width and interval_score
are those of the intervals that train.predict gives for it, else of what the net itself says, where
its loss says how sure it is. --trust: as of train.predict.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from train import errors, flags, parallel

if TYPE_CHECKING:
    import pyarrow as pa

    from train.data.files.row_groups import Piece
    from train.data.series.file import SeriesFile
    from train.inference.evaluate import Found
    from train.inference.predictor import Predictor


def evaluate(
    model: Predictor,
    rows: pa.Table | Iterable[Piece] | SeriesFile,
    where: str = "data",
    interval: float | None = None,
    write: Callable[[Iterator[pa.Table]], object] | None = None,
) -> Found:
    """Metrics over all rows whose target is present, as `train.inference.evaluate` has them.

    Sequences may come in pieces, series as a file.

    `write` takes tables of these rows with their answers. Says on stderr if the rows have no
    weights although the run's had.
    """
    from train.inference import evaluate as evaluation

    return evaluation.evaluate(model, rows, where, interval, echo=_say, write=write)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def main(argv: list[str]) -> int:
    """Reads a file, judges the answers to it, prints the metrics."""
    command = flags.parse_evaluate(argv, __doc__)
    parallel.configure()
    from train.config.data_options import Sequences, Series, Table
    from train.data.files.read import read_table
    from train.data.files.write import json_text, write_pieces
    from train.data.sequences.encoder import SequenceEncoder
    from train.inference.load import load
    from train.inference.pieces import is_in_pieces, pieces_of
    from train.inference.series_parts import series_of

    model = load(command.workdir, command.trust)
    data = model.config.data
    rows = None
    if is_in_pieces(model, command.data):
        if isinstance(data, Series):
            rows = series_of(model, command.data, _say)
        elif isinstance(model.encoder, SequenceEncoder):
            weight = (data.weight,) if isinstance(data, Sequences) and data.weight else ()
            rows = pieces_of(model, command.data, (*model.encoder.target_names, *weight))
    if rows is None:
        rows = read_table(command.data, data.missing, may_repeat=isinstance(data, Table))
    write = None if command.out is None else partial(write_pieces, path=command.out)
    print(json_text(evaluate(model, rows, command.data, command.interval, write)))
    return 0


if __name__ == "__main__":
    errors.run(main)
