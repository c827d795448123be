"""Features of fixed filters, computed once for all nets, are those that each net computes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeAlias

import jax
import numpy as np
import pytest

from nets.base import init_variables
from train.config import LSTM, Config, Sequences, Train
from train.data.load import load_dataset
from train.inference.blocks import pad_rows
from train.inference.ensemble import Ensemble
from train.inference.fixed_features import ROWS, shared_features
from train.run.prepare import prepare

N = 40  # rows, of which one has no step

Walks: TypeAlias = tuple[Ensemble, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Walks:
    """Two nets, which differ by their weights alone, and encoded rows."""
    folder = tmp_path_factory.mktemp("walks")
    random = np.random.default_rng(0)
    lines = []
    for row in range(N):
        length = 0 if row == 3 else int(random.integers(20, 41))
        x_tf = np.cumsum(random.standard_normal((length, 2)) + row % 2, 0)
        lines.append(json.dumps({"x": x_tf.tolist(), "label": "ab"[row % 2]}))
    (folder / "s.jsonl").write_text("\n".join(lines))
    config = Config(
        data=Sequences(path=str(folder / "s.jsonl"), inputs="x", target="label", valid=0, test=0.2),
        net=LSTM(hidden=(4,), fixed_filters=168, noise=0, offset=0, crop=1),
        train=Train(epochs=1, batch_size=16),
    )
    dataset = load_dataset(config)
    (folder / "run").mkdir()
    run = prepare(config, dataset, folder / "run")
    inputs = {
        k: np.asarray(v) for k, v in dataset.take(dataset.arrays, np.arange(N)).inputs.items()
    }
    nets = []
    as_given: Any = inputs
    for seed in (0, 1):
        nets.append(
            init_variables(run.program.network, jax.random.key(seed), as_given, run.data.statistics)
        )
    both = jax.tree.map(lambda *leaves: np.stack(leaves), *nets)
    return Ensemble(run.config, dataset.encoder, (both,)), inputs


def by_hand(ensemble: Ensemble, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The probabilities [m, n] that each net comes to of each row alone, all within the net."""
    network: Any = ensemble.network
    predict = jax.jit(lambda variables, row: network.apply(variables, row, method="predict"))
    (tree,) = ensemble.variables
    answers = []
    for k in range(2):
        own = jax.tree.map(lambda leaf, k=k: leaf[k], tree)
        rows = [{name: array[i : i + 1] for name, array in inputs.items()} for i in range(N)]
        answers.append([np.asarray(predict(own, row)["label"])[0] for row in rows])
    return np.array(answers)


def test_each_net_answers_as_it_does_by_itself(walks: Walks) -> None:
    ensemble, inputs = walks
    got = ensemble.each(inputs)["label"]
    np.testing.assert_allclose(got, by_hand(ensemble, inputs), atol=1e-6)


def test_nets_read_what_was_computed_for_all(walks: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble, inputs = walks
    assert ensemble._features is not None
    width = ensemble._features.beside(inputs)["fixed"].shape[1]

    def level(block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**block, "fixed": np.zeros((len(block["length"]), width), np.float32)}

    monkeypatch.setattr(ensemble._features, "beside", level)
    got = ensemble.each(inputs)["label"]
    np.testing.assert_allclose(got, by_hand(ensemble, level(inputs)), atol=1e-6)


def test_their_bits_are_those_that_nets_come_to_in_one_program(walks: Walks) -> None:
    ensemble, inputs = walks
    network: Any = ensemble.network
    (tree,) = ensemble.variables
    features = shared_features(network, (tree,), True, 1)
    assert features is not None

    def within(variables: Any, block: Any) -> Any:
        columns = network.apply(variables, block, method="preprocess")
        fitted = variables["statistics"]["inputs"]
        return network.fixed.features(columns["numbers"], columns["length"], fitted)

    of_nets = np.asarray(jax.jit(jax.vmap(within, (0, None)))(tree, inputs))
    np.testing.assert_array_equal(features.beside(inputs)["fixed"], of_nets[0])


def test_rows_that_fill_a_block_up_are_not_computed_and_are_as_empty_ones(
    walks: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble, inputs = walks
    features = shared_features(ensemble.network, ensemble.variables, True, 2)
    assert features is not None
    counted = []
    count = features._count
    monkeypatch.setattr(features, "_count", lambda *a: counted.append(len(a[0])) or count(*a))
    block = {name: pad_rows(array, 256) for name, array in inputs.items()}
    found = features.beside(block)["fixed"]
    # Three turns for 40 rows and an empty one, and a turn for the other device's empty ones.
    assert counted == [ROWS] * 4
    np.testing.assert_array_equal(found[N:], np.broadcast_to(found[3], found[N:].shape))
    alone = features.beside({name: array[:32] for name, array in block.items()})["fixed"]
    np.testing.assert_allclose(found[:32], alone, atol=1e-5)


def test_nets_that_have_each_fitted_their_own_compute_their_own(walks: Walks) -> None:
    ensemble, inputs = walks
    (tree,) = ensemble.variables
    fitted = tree["statistics"]["inputs"]
    mean = np.array(fitted["share_mean"])
    mean[1] += 0.3
    other = {**tree["statistics"], "inputs": {**fitted, "share_mean": mean}}
    own = ({**tree, "statistics": other},)
    assert shared_features(ensemble.network, own, True, 1) is None
    together = ensemble.each(inputs)["label"]
    ensemble.variables = own
    try:
        got = ensemble.each(inputs)["label"]
        np.testing.assert_allclose(got, by_hand(ensemble, inputs), atol=1e-6)
    finally:
        ensemble.variables = (tree,)
    np.testing.assert_array_equal(got[0], together[0])
    assert np.abs(got[1] - together[1]).max() > 1e-3


def test_one_net_has_them_too(walks: Walks) -> None:
    ensemble, inputs = walks
    (tree,) = ensemble.variables
    single = jax.tree.map(lambda leaf: leaf[0], tree)
    one = Ensemble(ensemble._config, ensemble._encoder, single)
    assert one._features is not None
    got = one.predict(inputs)["label"]
    np.testing.assert_allclose(got, by_hand(ensemble, inputs)[0], atol=1e-6)


def test_nets_without_filters_have_none(walks: Walks) -> None:
    ensemble, _ = walks
    plain = dataclasses.replace(ensemble.network, fixed=None, parent=None)
    assert shared_features(plain, ensemble.variables, True, 1) is None
