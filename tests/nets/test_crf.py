"""Viterbi and the likelihood of a CRF against every path there is."""

from __future__ import annotations

import itertools
import re

import jax
import numpy as np
import pytest

from nets.crf import log_likelihood, viterbi
from train.data.sequences.tags import TagColumn

decode = jax.jit(viterbi)
likelihood = jax.jit(log_likelihood)
LENGTHS = np.array([4, 2, 1, 0, 3])
K = 3
T = 4


@pytest.fixture(scope="module")
def scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = (len(LENGTHS), T, K), (K,), (K, K)
    logits_ntk, start_k, transition_kk = (
        np.float32(random.standard_normal(shape) * 2) for shape in shapes
    )
    return logits_ntk, start_k, transition_kk


def path_score(logits_tk, start_k, transition_kk, path) -> float:
    total = start_k[path[0]] + sum(logits_tk[t, tag] for t, tag in enumerate(path))
    return total + sum(transition_kk[a, b] for a, b in itertools.pairwise(path))


def all_paths(logits_tk, start_k, transition_kk, length) -> dict[tuple[int, ...], float]:
    paths = itertools.product(range(K), repeat=length)
    return {path: path_score(logits_tk, start_k, transition_kk, path) for path in paths}


def test_viterbi_finds_the_best_of_all_paths(scores):
    logits, start, transition = scores
    found = np.asarray(decode(*scores, LENGTHS))
    for row, length in enumerate(LENGTHS):
        assert (found[row, length:] == -1).all()
        if length:
            paths = all_paths(logits[row], start, transition, length)
            assert tuple(found[row, :length]) == max(paths, key=paths.__getitem__)


def test_the_likelihood_is_a_share_of_all_paths(scores):
    logits, start, transition = scores
    tags = np.random.default_rng(1).integers(0, K, (len(LENGTHS), T))
    tags[np.arange(T)[None] >= LENGTHS[:, None]] = -1
    got = np.asarray(likelihood(logits, tags, start, transition, LENGTHS))
    for row, length in enumerate(LENGTHS):
        if not length:
            assert got[row] == 0
            continue
        paths = all_paths(logits[row], start, transition, length)
        expected = paths[tuple(tags[row, :length])] - np.log(np.exp(list(paths.values())).sum())
        np.testing.assert_allclose(got[row], expected, rtol=1e-5)


def test_the_likelihood_has_a_finite_gradient(scores):
    tags = np.zeros((len(LENGTHS), T), np.int32)
    gradient = jax.jit(
        jax.grad(lambda *s: log_likelihood(s[0], tags, s[1], s[2], LENGTHS).sum(), (0, 1, 2))
    )
    slopes = [np.asarray(slope) for slope in gradient(*scores)]
    assert all(np.isfinite(slope).all() for slope in slopes)
    logits = slopes[0]
    assert (logits[1, 2:] == 0).all() and (logits[1, :2] != 0).any()


def test_decoding_keeps_to_iob2():
    classes = ("B-a", "B-b", "I-a", "I-b", "O")
    rules = TagColumn("y", classes, True).transitions
    logits = np.float32(np.random.default_rng(0).normal(size=(200, 9, 5)) * 3)
    greedy = logits.argmax(-1)
    decoded = np.asarray(decode(logits, rules["start"], rules["transition"], np.full(200, 9)))

    def broken(paths: np.ndarray) -> int:
        count = 0
        for path in paths:
            before = "O"
            for tag in (classes[i] for i in path):
                count += tag.startswith("I") and (before == "O" or before[2:] != tag[2:])
                before = tag
        return count

    assert broken(greedy) > 100
    assert broken(decoded) == 0


@pytest.mark.parametrize(("scheme", "whole"), [("BILOU", "(O|U|BI*L)*"), ("IOBES", "(O|S|BI*E)*")])
def test_decoding_leaves_no_entity_open(scheme, whole):
    letters = {"BILOU": "BILUO", "IOBES": "BIESO"}[scheme]
    classes = tuple("O" if letter == "O" else f"{letter}-a" for letter in letters)
    rules = TagColumn("y", classes, False, scheme).transitions
    logits = np.float32(np.random.default_rng(0).normal(size=(200, 9, 5)) * 3)
    lengths = np.arange(200) % 10
    given = (logits, rules["start"], rules["transition"], lengths, rules["end"])
    for path, length in zip(np.asarray(decode(*given)), lengths, strict=True):
        assert re.fullmatch(whole, "".join(letters[tag] for tag in path[:length]))


def test_a_row_alone_and_beside_longer_ones_agree():
    rules = TagColumn("y", ("B-a", "I-a", "O"), True).transitions
    start, transition = rules["start"], rules["transition"]
    logits = np.random.default_rng(1).normal(size=(6, 10, 3)).astype(np.float32)
    lengths = np.array([10, 3, 3, 1, 0, 1])
    together = np.asarray(decode(logits, start, transition, lengths))
    for row, length in enumerate(lengths):
        if length:
            alone = decode(
                logits[row : row + 1, :length], start, transition, lengths[row : row + 1]
            )
            np.testing.assert_array_equal(together[row, :length], np.asarray(alone)[0])
    logits[1, 3:] = 1e6
    again = np.asarray(decode(logits, start, transition, lengths))
    np.testing.assert_array_equal(again[1], together[1])
