"""The path of several nets' tags against every path there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nets.tags import best_path, joint_path

M, B, T, K = 3, 40, 3, 3
LENGTH = np.tile([3, 1, 2, 0], B // 4)
# "I" never begins.
FITTED = {
    "start": np.array([0.0, 0.0, -1e9], np.float32),
    "transition": np.zeros((K, K), np.float32),
}
STATISTICS = {"tags": FITTED}


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "tags": np.float32(random.standard_normal((M, B, T, K)) * 2),
        "length": np.tile(LENGTH, (M, 1)),
    }


def best_of_all(score_tk, start_k, transition_kk) -> tuple[int, ...]:
    def score(path: tuple[int, ...]) -> float:
        moved = sum(transition_kk[a, b] for a, b in itertools.pairwise(path))
        return start_k[path[0]] + moved + sum(score_tk[t, tag] for t, tag in enumerate(path))

    return max(itertools.product(range(K), repeat=len(score_tk)), key=score)


def check(found, score_btk, start_k, transition_kk) -> None:
    for row, length in enumerate(LENGTH):
        assert (found[row, length:] == -1).all()
        if length:
            wanted = best_of_all(score_btk[row, :length], start_k, transition_kk)
            assert tuple(found[row, :length]) == wanted


def test_the_joint_path_goes_by_the_mean_of_all_probabilities(outputs):
    found = np.asarray(joint_path(outputs, "tags", STATISTICS))
    odds = np.exp(np.float64(outputs["tags"]))
    mean_btk = (odds / odds.sum(-1, keepdims=True)).mean(0)
    check(found, np.log(mean_btk), FITTED["start"], FITTED["transition"])
    # The mean of the nets' logits would answer otherwise.
    by_logits = {"tags": outputs["tags"].mean(0), "length": LENGTH}
    assert (found != np.asarray(best_path(by_logits, "tags", STATISTICS))).any()


def test_one_net_answers_by_its_own_path(outputs):
    one = {name: array[:1] for name, array in outputs.items()}
    alone = {name: array[0] for name, array in outputs.items()}
    found = np.asarray(joint_path(one, "tags", STATISTICS))
    np.testing.assert_array_equal(found, best_path(alone, "tags", STATISTICS))


def test_of_crfs_all_that_paths_are_scored_by_is_averaged(outputs):
    random = np.random.default_rng(1)
    start_mk = np.float32(random.standard_normal((M, K)))
    transition_mkk = np.float32(random.standard_normal((M, K, K)) * 3)
    learned = {"tags.start": start_mk, "tags.transition": transition_mkk}
    found = np.asarray(joint_path({**outputs, **learned}, "tags", STATISTICS))
    start_k = FITTED["start"] + start_mk.mean(0)
    check(found, outputs["tags"].mean(0), start_k, transition_mkk.mean(0))
