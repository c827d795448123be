"""What a caller of an exported graph has to know of its inputs, as JSON beside the graph."""

from __future__ import annotations

from train.config.options import Config
from train.core.series_places import reads_groups
from train.data.dataset import Encoder, Json
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder


def describe(config: Config, encoder: Encoder, steps: int | None) -> Json:
    """{"kind", "missing": texts that mean "no value", ...}, by the kind of data.

    Of a table {"columns": {name: kind}}; of sequences the columns of numbers with their widths, the
    column of tokens, how it is folded, and which characters have a code; of a series its columns,
    those known ahead, and its lengths.
    """
    found: Json = {"missing": list(config.data.missing)}
    match encoder:
        case TableEncoder():
            kinds = {column.name: column.kind for column in encoder.columns}
            return {"kind": "table", "columns": kinds, **found}
        case SequenceEncoder():
            words = encoder.vocabulary
            numbers = {column.name: len(column.units) for column in encoder.numbers}
            flat = [column.name for column in encoder.numbers if column.flat]
            return {
                "kind": "sequences",
                "steps": steps,
                "numbers": numbers,
                "flat": flat,
                "token": encoder.token,
                "fold_case": words.fold_case,
                "fold_digits": words.fold_digits,
                "characters": "".join(words.characters),
                **found,
            }
        case SeriesEncoder():
            names = [column.name for column in encoder.columns]
            ahead = names[len(names) - encoder.n_known :]
            return {
                "kind": "series",
                "lookback": encoder.lookback,
                "horizon": encoder.horizon,
                "columns": names,
                "ahead": ahead,
                "calendar": bool(encoder.cycles),
                "time": None if encoder.time is None else encoder.time.name,
                "group": encoder.group if reads_groups(config, encoder) else None,
                **found,
            }
    raise NotImplementedError(type(encoder).__name__)
