"""What any model of sequences should beat, fitted on training rows by counting.

"majority": the frequencies of labels; for tags the one most frequent for each word, or at all where
there are no words or the word is new. "mean": of numeric targets, and of next steps (for zeros and
ones their rates). "last": the next step equals this one. n rows, t steps, f numbers of a step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Batch
from train.data.sequences.encoder import NEXT, SequenceEncoder
from train.data.sequences.text import UNKNOWN
from train.evaluation.score import score_heads

Arrays = dict[str, np.ndarray]


def sequence_baselines(
    encoder: SequenceEncoder, train: Batch, judged: Batch
) -> dict[str, dict[str, float]]:
    """{baseline: metrics on the judged rows, as `metrics.evaluate` names them}."""
    constant: Arrays = {}
    n = len(judged.weight)
    for head in encoder.heads:
        target = train.target[head.name]
        if head.kind == "regression":
            constant[head.name] = np.tile(target.astype(np.float64).mean(0), (n, 1))
        elif head.kind == "binary":
            constant[head.name] = np.full(n, target.mean())
        elif head.kind == "multiclass":
            constant[head.name] = np.tile(
                np.bincount(target, minlength=head.size) / len(target), (n, 1)
            )
        elif head.kind == "tags":
            constant[head.name] = tag_by_word(train.inputs, target, judged.inputs, head.size)
        else:
            mean_f = np.nanmean(target.reshape(-1, target.shape[-1]), axis=0, dtype=np.float64)
            constant[head.name] = np.broadcast_to(mean_f, judged.target[head.name].shape)
    scores = score_heads(encoder.heads, constant, judged.target, judged.weight, encoder.units)
    numeric_heads = [
        head for head in encoder.heads if head.kind not in ("binary", "multiclass", "tags")
    ]
    numeric = {name for head in numeric_heads for name in head.columns}
    baselines: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        column = name.rpartition(".")[0] or encoder.heads[0].columns[0]
        baselines.setdefault("mean" if column in numeric else "majority", {})[name] = value
    if encoder.next_kind == "numbers":
        last = {NEXT: judged.inputs["numbers"]}
        baselines["last"] = score_heads(
            encoder.heads, last, judged.target, judged.weight, encoder.units
        )
    return baselines


def tag_by_word(
    train: Mapping[str, np.ndarray], tags_nt: np.ndarray, judged: Mapping[str, np.ndarray], k: int
) -> np.ndarray:
    """The tag [n, t] that training rows give most often to the word at a step."""
    mask_nt = (tags_nt >= 0) & (tags_nt < k)
    overall = np.bincount(tags_nt[mask_nt], minlength=k).argmax()
    if "tokens" not in train:
        return np.full(judged["numbers"].shape[:2], overall, np.int32)
    words = train["tokens"][mask_nt].astype(np.int64)
    n_words = int(max(train["tokens"].max(), judged["tokens"].max(), UNKNOWN)) + 1
    pairs, counts = np.unique(words * k + tags_nt[mask_nt], return_counts=True)
    tag_v = np.full(n_words, overall, np.int32)
    most_v = np.zeros(n_words, np.int64)
    for pair, count in zip(pairs, counts, strict=True):
        if count > most_v[pair // k]:
            most_v[pair // k] = count
            tag_v[pair // k] = pair % k
    return tag_v[judged["tokens"]]
