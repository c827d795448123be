"""What the report shows of rows: sentences with their tags, rows beside what comes back, clusters.

n rows, t steps, f number columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Batch, Encoder
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.text import FIRST, UNKNOWN
from train.data.table.clusters import CLUSTER, ClusterEncoder
from train.data.table.codes import LABEL, ReconstructionEncoder
from train.data.table.encoder import TableEncoder
from train.evaluation.classes import unless_equal
from train.evaluation.metrics.codes import r2_by_column
from train.inference.predictor import Predictor
from train.report.data import Clusters, Codes, Sentence, Tags
from train.run.run import Run

Arrays = Mapping[str, np.ndarray]

SENTENCES = 10  # to read
WITH_ERRORS = 7  # of these at most, where there are others
MAX_STEPS = 60  # of a sentence
# Of the rows by their error, the best first, which are shown beside what comes back of them.
ERROR_RANKS = (
    ("the best row", 0.0),
    ("better than 75 %", 0.25),
    ("the median row", 0.5),
    ("worse than 75 %", 0.75),
    ("worse than 95 %", 0.95),
    ("the worst row", 1.0),
)


def tags_of(encoder: Encoder, batch: Batch, answers: Arrays) -> dict[str, Tags]:
    """The tags of each head that has them, and rows to read, those with an error first."""
    found: dict[str, Tags] = {}
    if not isinstance(encoder, SequenceEncoder):
        return found
    for column in encoder.tags:
        target_nt = np.asarray(batch.target[column.name])
        answer_nt = np.asarray(answers[column.name])
        labels = column.labels
        sentences = []
        for row in rows_to_read(target_nt, answer_nt):
            last = int(np.flatnonzero(target_nt[row] >= 0)[-1])
            step_t = np.arange(min(last + 1, MAX_STEPS))
            tokens = _tokens(encoder, batch, row, step_t)
            sentences.append(_sentence(tokens, target_nt[row], answer_nt[row], labels))
        weight_n = unless_equal(np.asarray(batch.weight))
        found[column.name] = Tags(target_nt, answer_nt, column.classes, sentences, weight_n)
    return found


def _sentence(
    tokens: list[str], target_t: np.ndarray, answer_t: np.ndarray, labels: np.ndarray
) -> Sentence:
    """The tags of each token, "" of both where the true one is not known."""
    truth = []
    answer = []
    for target, answered in zip(target_t[: len(tokens)], answer_t, strict=False):
        truth.append(str(labels[target]) if target >= 0 else "")
        answer.append(str(labels[answered]) if target >= 0 else "")
    return Sentence(tokens, truth, answer)


def rows_to_read(target_nt: np.ndarray, answer_nt: np.ndarray) -> list[int]:
    """Rows with an error first, then others, each the first of their kind."""
    wrong_n = ((target_nt != answer_nt) & (target_nt >= 0)).any(1)
    filled_n = (target_nt >= 0).any(1)
    wrong = np.flatnonzero(wrong_n)
    right = np.flatnonzero(filled_n & ~wrong_n)
    n_wrong = min(len(wrong), max(WITH_ERRORS, SENTENCES - len(right)))
    return [*wrong[:n_wrong].tolist(), *right[: SENTENCES - n_wrong].tolist()]


def _tokens(encoder: SequenceEncoder, batch: Batch, row: int, steps: np.ndarray) -> list[str]:
    """The words at these steps; of words that no training row has, the letters that are known."""
    if encoder.token is None:
        return [str(step + 1) for step in steps]
    words = encoder.vocabulary.words
    characters = batch.inputs.get("characters")
    tokens = []
    for step in steps:
        code = int(batch.inputs["tokens"][row, step])
        if code >= FIRST:
            tokens.append(words[code - FIRST])
        elif characters is not None:
            tokens.append(_spelled(encoder, characters[row, step]) or "(unknown)")
        else:
            tokens.append("(unknown)" if code == UNKNOWN else "")
    return tokens


def _spelled(encoder: SequenceEncoder, codes: np.ndarray) -> str:
    known = encoder.vocabulary.characters
    return "".join(known[code - FIRST] if code >= FIRST else "" for code in codes.tolist())


def codes_of(encoder: Encoder, batch: Batch, answers: Arrays) -> Codes | None:
    """Codes, errors and some rows beside what comes back of them; None of other data."""
    if not isinstance(encoder, ReconstructionEncoder):
        return None
    head = encoder.heads[0]
    return Codes(
        code_nk=answers["code"],
        error_n=answers["error"],
        label_n=batch.target.get(LABEL),
        classes=encoder.targets[0].vocabulary if encoder.targets else (),
        columns=encoder.number_names,
        r2_f=r2_by_column(answers, head.name, head.size, batch.target[head.name], batch.weight),
        shown=_reconstructions(encoder, batch, answers),
    )


def _reconstructions(
    encoder: ReconstructionEncoder, batch: Batch, answers: Arrays
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Rows of small, middling and large errors, and what comes back of them, in raw units."""
    names = encoder.number_names
    if not names:
        return []
    raw_nf = raw_numbers(encoder, batch.inputs["numbers"])
    row_nf = np.asarray(answers["row"], np.float64)[:, : len(names)]
    back_nf = np.asarray(answers[encoder.heads[0].name], np.float64)[:, : len(names)]
    order = np.argsort(np.asarray(answers["error"]), kind="stable")
    places: dict[int, str] = {}
    for about, share in ERROR_RANKS:
        places.setdefault(int(order[round(share * (len(order) - 1))]), about)
    chosen = list(places)
    shown_nf = np.empty((len(chosen), len(names)))
    for f in range(len(names)):
        shown_nf[:, f] = unscaled(back_nf[chosen, f], row_nf[:, f], raw_nf[:, f])
    shown = []
    for i, (row, about) in enumerate(places.items()):
        shown.append((about, raw_nf[row], shown_nf[i]))
    return shown


def unscaled(value_n: np.ndarray, scaled_m: np.ndarray, raw_m: np.ndarray) -> np.ndarray:
    """Values in raw units, by rows of which both are known: along a line, or between two rows."""
    known_m = np.isfinite(scaled_m) & np.isfinite(raw_m)
    scaled_m, first_m = np.unique(scaled_m[known_m], return_index=True)
    raw_m = raw_m[known_m][first_m]
    if len(raw_m) < 2:
        return np.full(len(value_n), raw_m[0] if len(raw_m) else np.nan)
    slope = (raw_m[-1] - raw_m[0]) / (scaled_m[-1] - scaled_m[0])
    line_m = raw_m[0] + slope * (scaled_m - scaled_m[0])
    if np.abs(line_m - raw_m).max() <= 1e-3 * np.ptp(raw_m):
        return raw_m[0] + slope * (value_n - scaled_m[0])
    return np.interp(value_n, scaled_m, raw_m)


def clusters_of(run: Run, predictor: Predictor, batch: Batch, answers: Arrays) -> Clusters | None:
    """Rows and units, and what the rows are in raw units; None of other data."""
    encoder = run.dataset.encoder
    if not isinstance(encoder, ClusterEncoder):
        return None
    network = run.program.network
    variables = predictor.variables
    best = int(np.argmin(variables["batch_stats"]["error"]))  # of the restarts
    numbers = batch.inputs.get("numbers")
    return Clusters(
        row_nd=answers["row"],
        cluster_n=answers[CLUSTER],
        units_kd=np.asarray(variables["params"]["units"])[best],
        names=encoder.number_names,
        shape=network.shape,
        grid=network.grid,
        raw_nf=None if numbers is None else raw_numbers(encoder, numbers),
        label_n=np.asarray(batch.target[CLUSTER]) if encoder.targets else None,
        classes=encoder.targets[0].vocabulary if encoder.targets else (),
    )


def raw_numbers(encoder: TableEncoder, numbers_nf: np.ndarray) -> np.ndarray:
    """Number inputs in the units of the file [n, f]; a time is days since 1970."""
    units: list[float] = []
    shifts: list[float] = []
    for column in encoder.columns:
        n_others = max(len(column.parts) - 1, 0)
        if column.parts:
            units += [column.unit, *(1.0,) * n_others]
            shifts += [column.shift, *(0.0,) * n_others]
    return np.asarray(numbers_nf, np.float64) * np.array(units) + np.array(shifts)
