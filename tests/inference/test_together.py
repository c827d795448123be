"""Several nets on sequences with tags: one path of all, the mean of labels."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from nets.base import Variables, init_variables
from nets.tags import joint_path
from train.config import Config
from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.core.network import make_network
from train.data.dataset import HostArrays
from train.data.load import load_dataset
from train.inference.predictor import Predictor
from train.portable.function import answer_function

WORDS = ("fly", "to", "rome", "now")
TAGS = ("O", "B-city", "I-city")


class Case(NamedTuple):
    """Three nets whose weights were never trained, as two trees, and rows for them."""

    predictor: Predictor
    inputs: HostArrays
    outputs: list[Any]
    answers: list[HostArrays]
    statistics: Any


@pytest.fixture(scope="module", params=[False, True], ids=["steps alone", "crf"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    random = np.random.default_rng(0)
    rows = []
    for i in range(60):
        n = int(random.integers(1, 6))
        tags = random.choice(TAGS[:2], n).tolist()
        tags[1:2] = ["I-city"] * (tags[0] == "B-city" and n > 1)
        words = random.choice(WORDS, len(tags)).tolist()
        rows.append({"words": words, "tags": tags, "intent": "ab"[i % 2]})
    path = tmp_path_factory.mktemp("data") / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = Sequences(path=str(path), inputs="words", target=("tags", "intent"))
    net = LSTM((5,), bidirectional=True, readout="mean_max", crf=request.param)
    config = Config(loss="categorical_crossentropy", data=data, net=net)
    dataset = load_dataset(config)
    encoder = dataset.encoder
    network, _ = make_network(config, encoder)
    inputs = dataset.take(dataset.arrays, np.arange(40)).inputs
    # Longer than all training rows, so that blocks of two widths are answered.
    inputs = {
        name: np.concatenate([array, np.full((1, *array.shape[1:]), 30)])
        if array.ndim == 1
        else np.pad(array, [(0, 1), (0, 30 - array.shape[1])])
        for name, array in inputs.items()
    }
    inputs["tokens"][-1] = random.integers(2, 6, 30)
    statistics = dataset.statistics(dataset.splits["train"], data)
    nets = [_drawn(network, k, inputs, statistics, random) for k in range(3)]
    trees = (_stacked(nets[:2]), _stacked(nets[2:]))

    @jax.jit
    def outputs_and_answers(variables: Variables) -> Any:
        outputs = network.apply(variables, inputs, method="outputs")
        return outputs, network.apply(variables, outputs, method="postprocess")

    outputs, answers = zip(*(jax.device_get(outputs_and_answers(net)) for net in nets), strict=True)
    predictor = Predictor.of(config, encoder, trees)
    return Case(predictor, inputs, list(outputs), list(answers), statistics["targets"])


def _drawn(network: Any, k: int, inputs: Any, statistics: Any, random: Any) -> Variables:
    """Fresh variables whose parameters are so large that nets answer in ways of their own."""
    fresh = init_variables(network, jax.random.key(k), inputs, statistics)

    def drawn(leaf: jax.Array) -> np.ndarray:
        return np.float32(random.standard_normal(leaf.shape))

    return {**fresh, "params": jax.tree.map(drawn, fresh["params"])}


def _stacked(nets: list[Variables]) -> Variables:
    return jax.tree.map(lambda *leaves: np.stack(leaves), *nets)


def test_all_nets_answer_one_path_and_the_mean_of_labels(case):
    found = case.predictor.ensemble.predict(case.inputs)
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *case.outputs)
    path = np.asarray(joint_path(together, "tags", case.statistics))
    np.testing.assert_array_equal(found["tags"], path)
    own = [answers["tags"] for answers in case.answers]
    assert all((path != one).any() for one in own)
    labels = np.stack([answers["intent"] for answers in case.answers])
    np.testing.assert_allclose(found["intent"], labels.mean(0), atol=1e-6)
    np.testing.assert_allclose(found["intent.deviation"], labels.std(0, ddof=1), atol=1e-6)


def test_each_net_answers_by_its_own_path(case):
    found = case.predictor.ensemble.each(case.inputs)["tags"]
    np.testing.assert_array_equal(found, np.stack([answers["tags"] for answers in case.answers]))


def test_one_function_of_all_nets_answers_as_they_do(case):
    found = jax.jit(answer_function(case.predictor))(case.inputs)
    wanted = case.predictor.ensemble.predict(case.inputs)
    assert set(found) == set(wanted)
    np.testing.assert_array_equal(found["tags"], wanted["tags"])
    np.testing.assert_allclose(found["intent"], wanted["intent"], atol=1e-6)
