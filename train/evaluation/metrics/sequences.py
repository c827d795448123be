"""Metrics of predictions at every step: tags, the entities they mark, and next steps.

n rows, t steps, f numbers of a step. What stands in a row counts for its weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.data.sequences.schemes import as_iobes, has_ends
from train.data.sequences.tags import UNSEEN
from train.evaluation.metrics.numbers import regression_metrics

NAN = float("nan")
Entity = tuple[int, int, str]


def tag_metrics(
    prediction: ArrayLike, target: ArrayLike, tags: Sequence[str], weight: ArrayLike | None = None
) -> dict[str, float]:
    """token_accuracy of tag indices [n, t], and where tags mark entities their f1, also strict_f1.

    -1 in `target` is no step. `tags` [k] are the names, beyond which `UNSEEN` stand in `target`; f1
    = 2 correct / (found + true), an entity being correct if its kind, its first and its last step
    are; 0 if there are none on either side (Tjong Kim Sang & Buchholz 2000, conlleval).
    """
    counted, weight_n = _counted(target, weight)
    prediction_nt = np.asarray(prediction)[counted]
    target_nt = np.asarray(target)[counted]
    mask_nt = target_nt >= 0
    steps = int(mask_nt.sum())
    hit_s = (prediction_nt == target_nt)[mask_nt]
    weight_s = np.repeat(weight_n, mask_nt.sum(1))
    scores = {"token_accuracy": float(np.average(hit_s, weights=weight_s)) if steps else NAN}
    names = as_iobes(tags)
    if names is None:
        return scores
    names = np.array([*names, *UNSEEN])
    rows = prediction_nt, target_nt, weight_n
    f1 = _entity_f1(*rows, names, find_entities) if steps else NAN
    if not has_ends(names):
        return {"f1": f1, **scores}
    strict_f1 = _entity_f1(*rows, names, find_strictly) if steps else NAN
    return {"f1": f1, "strict_f1": strict_f1, **scores}


def _entity_f1(
    prediction_nt: NDArray,
    target_nt: NDArray,
    weight_n: NDArray,
    names: NDArray,
    find: Callable[[Sequence[str]], Iterator[Entity]],
) -> float:
    rows: list[list[list[str]]] = []
    for tags_nt in (prediction_nt, target_nt):
        pairs = zip(tags_nt, target_nt, strict=True)
        rows.append([names[tags_t[target_t >= 0]].tolist() for tags_t, target_t in pairs])
    correct_n, claims_n = entity_counts(rows[0], rows[1], find)
    claims = float(weight_n @ claims_n)
    return 2 * float(weight_n @ correct_n) / claims if claims else 0.0


def entity_counts(
    predicted: Sequence[Sequence[str]],
    wanted: Sequence[Sequence[str]],
    find: Callable[[Sequence[str]], Iterator[Entity]],
) -> tuple[NDArray, NDArray]:
    """The correct entities of each row [n], and its predicted and true ones together [n]."""
    correct = []
    claims = []
    for prediction, target in zip(predicted, wanted, strict=True):
        found = set(find(prediction))
        true = set(find(target))
        correct.append(len(found & true))
        claims.append(len(found) + len(true))
    return np.array(correct, np.int64), np.array(claims, np.int64)


def are_entities(tags: Sequence[str]) -> bool:
    """Whether tags mark entities, by any scheme of `train.data.sequences.schemes`."""
    return as_iobes(tags) is not None


def find_strictly(tags: Sequence[str]) -> Iterator[Entity]:
    """(first step, last step, kind) of each entity that is whole: S-X, or B-X, I-X ..., E-X.

    As seqeval has it in its mode "strict". A tag that no training row has is one by itself.
    """
    begun: int | None = None
    for step, tag in enumerate(tags):
        role, _, kind = tag.partition("-")
        goes_on = begun is not None and role in "IE" and kind == _kind(tags[begun])
        if role == "S" or tag == UNSEEN[0]:
            yield step, step, kind
        elif goes_on and begun is not None and role == "E":
            yield begun, step, kind
        if not goes_on or role == "E":
            begun = step if role == "B" else None


def find_entities(tags: Sequence[str]) -> Iterator[Entity]:
    """(first step, last step, kind) of each entity, by conlleval's rules.

    B-X always begins one, I-X where nothing of kind X goes before it, E-X and S-X (IOBES) end one;
    O, or "." before the hyphen, is outside.
    """
    begun: tuple[int, str] | None = None
    before = "O"
    for step, tag in enumerate([*tags, "O"]):
        if begun is not None and _ends(before, tag):
            yield begun[0], step - 1, begun[1]
            begun = None
        if _begins(before, tag):
            begun = step, _kind(tag)
        before = tag


def _kind(tag: str) -> str:
    return tag.partition("-")[2]


def _ends(before: str, tag: str) -> bool:
    prefix = tag[:1]
    return before[:1] in "ES" or prefix in "BSO." or _kind(before) != _kind(tag)


def _begins(before: str, tag: str) -> bool:
    if tag[:1] in "O.":
        return False
    return tag[:1] in "BS" or before[:1] in "ESO." or _kind(before) != _kind(tag)


def next_binary_metrics(
    probability: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, float]:
    """nll, -log P of a next step of zeros and ones, in nats.

    Summed over its numbers [f] and averaged over all steps that have a next one (nan in `target`
    [n, t, f] elsewhere).
    """
    probability_sf, target_sf, weight_s = _steps(probability, target, weight)
    if not len(target_sf):
        return {"nll": NAN}
    # Of float32: its probabilities are no nearer to 1 than this.
    clipped_sf = np.clip(probability_sf, 2**-24, 1 - 2**-24)
    likelihood_sf = np.where(target_sf == 1, clipped_sf, 1 - clipped_sf)
    return {"nll": float(np.average(-np.log(likelihood_sf).sum(1), weights=weight_s))}


def next_number_metrics(
    prediction: ArrayLike, target: ArrayLike, units: ArrayLike, weight: ArrayLike | None = None
) -> dict[str, float]:
    """The `regression_metrics` in raw units of all numbers [n, t, f] of next steps.

    `units` [f] turn encoded numbers into raw ones. r2 compares with each channel's own mean.
    """
    prediction_sf, target_sf, weight_s = _steps(prediction, target, weight)
    unit_f = np.asarray(units, np.float64)
    known_sf = ~np.isnan(target_sf)
    weight_sf = np.where(known_sf, weight_s[:, None], 0.0)
    center_f = _means(target_sf, weight_sf)
    return regression_metrics(
        ((prediction_sf - center_f) * unit_f)[known_sf],
        ((target_sf - center_f) * unit_f)[known_sf],
        weight_sf[known_sf],
    )


def _means(target_sf: NDArray, weight_sf: NDArray) -> NDArray:
    """The mean of the numbers of each channel [f], exact where they are all the same."""
    known_sf = weight_sf > 0
    first_f = np.take_along_axis(target_sf, known_sf.argmax(0)[None], 0)[0] if len(target_sf) else 0
    beyond_sf = np.where(known_sf, target_sf - first_f, 0)
    total_f = weight_sf.sum(0)
    return first_f + (weight_sf * beyond_sf).sum(0) / np.where(total_f > 0, total_f, 1)


def _counted(target: ArrayLike, weight: ArrayLike | None) -> tuple[NDArray, NDArray]:
    """Which rows count, and for what [those]."""
    weight_n = np.ones(len(np.asarray(target)))
    if weight is not None:
        weight_n = np.asarray(weight, np.float64)
    return weight_n > 0, weight_n[weight_n > 0]


def _steps(
    prediction: ArrayLike, target: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray]:
    """Predictions and targets [s, f], float64, of the steps that have a next one; weights [s]."""
    counted, weight_n = _counted(target, weight)
    prediction_ntf = np.asarray(prediction, np.float64)[counted]
    target_ntf = np.asarray(target, np.float64)[counted]
    mask_nt = ~np.isnan(target_ntf).all(-1)
    return prediction_ntf[mask_nt], target_ntf[mask_nt], np.repeat(weight_n, mask_nt.sum(1))
