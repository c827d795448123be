"""Networks for sequences: padding changes nothing, answers of each kind, where training begins."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from marks import slow
from small_nets import applied, drawn, initial

from nets import tokens
from nets.convolution import Convolutions, patches
from nets.fixed import FixedFilters
from nets.heads import HeadShape
from nets.lstm import LSTM
from nets.recurrent import Recurrent
from nets.sequence import SequenceNetwork
from nets.tokens import Characters, Tokens, highest_of_all

B = 5
T = 9
F = 3
LENGTH = np.array([9, 4, 1, 7, 2], np.int32)
LABEL = HeadShape("y", "multiclass", 4)
TAGS = HeadShape("tags", "tags", 3)
STATISTICS: dict[str, Any] = {
    "inputs": {
        "center": np.array([1.0, 0.0, 2.0], np.float32),
        "scale": np.array([2.0, 1.0, 0.5], np.float32),
        "count": np.array([0, 0, 3, 1, 1, 1, 1, 1], np.float32),
    },
    "targets": {
        "y": {"rate": np.array([0.1, 0.2, 0.3, 0.4], np.float32)},
        "tags": {
            "rate": np.array([0.2, 0.3, 0.5], np.float32),
            "start": np.array([0, -1e9, 0], np.float32),  # B-a, I-a, O
            "transition": np.array([[0, 0, 0], [0, 0, 0], [0, -1e9, 0]], np.float32),
        },
        "next": {
            "center": np.array([1.0, 0.0, 2.0], np.float32),
            "scale": np.array([2.0, 1.0, 0.5], np.float32),
            "rate": np.array([0.25, 0.5, 0.75], np.float32),
        },
        "value": {name: np.ones(1, np.float32) for name in ("center", "scale", "low", "high")},
    },
}


def inputs(tokens: bool = True) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    made = {"length": LENGTH, "numbers": random.standard_normal((B, T, F)).astype(np.float32)}
    if tokens:
        made["tokens"] = random.integers(1, 8, (B, T)).astype(np.int32)
        made["characters"] = random.integers(1, 6, (B, T, 4)).astype(np.uint8)
    beyond = np.arange(T)[None] >= LENGTH[:, None]
    for name in made:
        if name != "length":
            made[name][beyond] = 0
    return made


def make(
    heads: tuple[HeadShape, ...] = (LABEL, TAGS),
    tokens: bool = True,
    bidirectional: bool = True,
    **fields: Any,
) -> SequenceNetwork:
    words = Tokens(8, 6, 6, 5) if tokens else None
    body = LSTM((7,), bidirectional=bidirectional)
    return SequenceNetwork(heads, body, words, **{"readout": "mean_max", **fields})


def start(network: SequenceNetwork, columns: dict[str, Any]) -> dict[str, Any]:
    given = {"statistics": STATISTICS}
    prepared = applied(network, given, columns, method="preprocess")
    return drawn(network, prepared, given=given, train=False)


@pytest.mark.slow
def test_padding_changes_no_answer():
    of_numbers = (
        make(tokens=False, crf=True),
        make((LABEL,), tokens=False, patch=2, readout="attention"),
        make(
            (LABEL,),
            tokens=False,
            own_scale=True,
            front=Convolutions((4, 5), (2, 3), stride=2),
            front_readout="mean_max",
            pool=2,
            readout="mean_max_last",
        ),
    )
    for network in (make(), *of_numbers):
        columns = inputs(tokens=network.tokens is not None)
        variables = start(network, columns)
        predict = jax.jit(partial(network.apply, method="predict"))
        answers = predict(variables, columns)
        beyond = np.arange(T)[None] >= LENGTH[:, None]
        spoiled = {name: array.copy() for name, array in columns.items()}
        spoiled["numbers"][beyond] = np.nan
        if network.tokens is not None:
            spoiled["tokens"][beyond] = 3
        got = predict(variables, spoiled)
        for name in answers:
            np.testing.assert_allclose(got[name], answers[name], atol=1e-6)
        for row in (1,):
            n = LENGTH[row]
            alone = {name: a[row : row + 1] for name, a in columns.items()}
            alone = {name: a if name == "length" else a[:, :n] for name, a in alone.items()}
            got = predict(variables, alone)
            np.testing.assert_allclose(got["y"][0], answers["y"][row], atol=1e-6)
            if "tags" in answers:
                np.testing.assert_array_equal(got["tags"][0], answers["tags"][row, :n])


def test_a_new_net_guesses_at_the_rates():
    network = make((LABEL, HeadShape("b", "binary", 1)), tokens=False)
    statistics = {
        **STATISTICS,
        "targets": {**STATISTICS["targets"], "b": {"rate": np.array([0.9, 0.1], np.float32)}},
    }
    columns = inputs(tokens=False)
    made = initial(network, columns, given={"statistics": statistics}, train=False)
    biases = {
        name: layer["bias"] for name, layer in made["params"].items() if name.startswith("head")
    }
    np.testing.assert_allclose(
        jax.nn.softmax(biases["head_0_y"]), STATISTICS["targets"]["y"]["rate"], rtol=1e-5
    )
    np.testing.assert_allclose(jax.nn.sigmoid(biases["head_1_b"]), [0.1], rtol=1e-5)


def test_next_steps_are_answered_in_their_units():
    network = make((HeadShape("next", "next_numbers", F),), tokens=False, bidirectional=False)
    columns = inputs(tokens=False)
    variables = start(network, columns)
    prepared = applied(network, variables, columns, method="preprocess")
    outputs = applied(network, variables, prepared, train=False)["next"]
    answers = applied(network, variables, columns, method="predict")["next"]
    np.testing.assert_allclose(answers[1, 3], outputs[1, 3] * [2, 1, 0.5] + [1, 0, 2], rtol=1e-6)
    assert np.isnan(answers[1, 4:]).all() and not np.isnan(answers[1, :4]).any()
    packed = {"next": columns["numbers"]}
    target = applied(network, variables, packed, method="preprocess_target")
    np.testing.assert_allclose(
        target["next"], (columns["numbers"] - [1, 0, 2]) / [2, 1, 0.5], rtol=1e-5
    )


@pytest.mark.parametrize("body", [LSTM((7, 4)), *slow(Recurrent((7, 4), cell="gru"))])
def test_steps_one_by_one_are_answered_as_all_at_once(body):
    head = HeadShape("next", "next_numbers", F)
    network = SequenceNetwork((head,), body)
    columns = inputs(tokens=False)
    columns["length"] = np.full(B, T, np.int32)
    variables = start(network, columns)
    whole = applied(network, variables, columns, method="predict")["next"]
    carry = jax.tree.map(np.asarray, body.initial_carry(B))
    for t in range(T):
        now = {"length": np.ones(B, np.int32), "numbers": columns["numbers"][:, t : t + 1]}
        answers, carry = applied(network, variables, now, carry, method="step")
        np.testing.assert_allclose(answers["next"][:, 0], whole[:, t], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {"own_scale": True},
        {"front": Convolutions((3,), (3,))},
        {"bidirectional": True},
        {"fixed": FixedFilters(84, T)},
        {"patch": 2},
        {"heads": (TAGS,)},
        {"readout": "mean_max"},
    ],
)
def test_what_looks_ahead_does_not_step(fields):
    alone = {"heads": (LABEL,), "bidirectional": False, "readout": "last"}
    network = make(tokens=False, **{**alone, **fields})
    columns = inputs(tokens=False)
    with pytest.raises(ValueError, match="ahead"):
        network.apply({"statistics": STATISTICS}, columns, None, method="step")


def test_a_next_step_knows_nothing_of_itself():
    network = make((HeadShape("next", "next_binary", F),), tokens=False, bidirectional=False)
    columns = inputs(tokens=False)
    variables = start(network, columns)
    changed = {**columns, "numbers": columns["numbers"].copy()}
    changed["numbers"][0, 5] += 1
    first, second = (
        applied(network, variables, c, method="predict")["next"][0] for c in (columns, changed)
    )
    np.testing.assert_array_equal(first[:5], second[:5])
    assert (first[5:] != second[5:]).any(-1).all()


def test_numbers_beyond_a_rows_end_are_zero_once_they_are_scaled():
    network = make((LABEL,), tokens=False)
    columns = inputs(tokens=False)
    given = {"statistics": STATISTICS}
    scaled = applied(network, given, columns, method="preprocess")["numbers"]
    fitted = STATISTICS["inputs"]
    wanted = (columns["numbers"] - fitted["center"]) / fitted["scale"]
    wanted[np.arange(T)[None] >= LENGTH[:, None]] = 0
    np.testing.assert_allclose(scaled, wanted, rtol=1e-6)


def test_a_missing_number_is_the_mean():
    network = make((LABEL,), tokens=False)
    columns = inputs(tokens=False)
    variables = start(network, columns)
    gap, mean = ({**columns, "numbers": columns["numbers"].copy()} for _ in range(2))
    gap["numbers"][0, 2, 0] = np.nan
    mean["numbers"][0, 2, 0] = 1.0
    first, second = (applied(network, variables, c, method="predict")["y"] for c in (gap, mean))
    np.testing.assert_array_equal(first, second)


def test_rare_words_become_unknown_at_their_rate_in_training_alone():
    tokens = Tokens(8, 4, rare=0.5)
    codes = np.tile(np.array([[2, 3, 0]]), (4000, 1))
    count = STATISTICS["inputs"]["count"]
    variables = initial(tokens, codes[:1], None, count, train=False)
    rngs = {"dropout": jax.random.key(1)}
    words = applied(tokens, variables, codes, None, count, train=True, rngs=rngs)
    unknown = (words == 0).all(-1)
    assert unknown[:, 0].mean() == pytest.approx(0.5 / 3.5, abs=0.02)
    assert unknown[:, 1].mean() == pytest.approx(0.5 / 1.5, abs=0.03)
    calm = applied(tokens, variables, codes, None, count, train=False)
    assert not (calm[:, :2] == 0).all(-1).any()


@pytest.mark.parametrize("train", [False, True])
def test_character_features_are_a_convolution_and_a_maximum(train: bool):
    module = Characters(6, 5)
    codes = np.zeros((2, 11, 4), np.uint8)
    codes[0, 0] = [2, 3, 4, 5]
    codes[0, 1, :2] = [2, 3]
    codes[1, 10, :3] = [5, 5, 1]
    variables = initial(module, codes)
    got = applied(module, variables, codes, train=train)
    table, kernel = (
        np.asarray(variables["params"][name], np.float64) for name in ("embedding", "kernel")
    )
    for row, step in ((0, 0), (0, 1), (1, 10)):
        word = codes[row, step][codes[row, step] > 0]
        x = np.concatenate([np.zeros((1, 32)), table[word], np.zeros((1, 32))])
        windows = np.stack([x[i : i + 3].ravel() for i in range(len(word))])
        np.testing.assert_allclose(got[row, step], np.tanh((windows @ kernel).max(0)), atol=1e-5)
    assert (got[1, :10] == 0).all()


@pytest.mark.parametrize("n_words", [0, 3, 9, *slow(20, 40, 64)])
def test_characters_without_padding_have_the_same_gradient(n_words: int):
    """Of a word whose maximum stands at several places too; each size of a batch is one program."""
    random = np.random.default_rng(n_words)
    codes = np.zeros((4, 16, 5), np.uint8)
    for i in random.permutation(64)[:n_words]:
        n_characters = random.integers(1, 6)
        codes[i // 16, i % 16, :n_characters] = random.integers(1, 9, n_characters)
    if n_words:
        codes[2, 3] = 4
    module = Characters(9, 16)
    params = initial(module, codes)
    weights = random.standard_normal((4, 16, 16)).astype(np.float32)

    def value_and_grad(train: bool):
        def loss(params):
            return (module.apply(params, codes, train=train) * weights).sum()

        return jax.jit(jax.value_and_grad(loss))(params)

    assert_close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(assert_close, value_and_grad(True), value_and_grad(False))


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("n_words", [3, 20])
def test_characters_of_several_nets_side_by_side_are_those_of_each(train: bool, n_words: int):
    """One branch of the switch is computed for all of them, not every branch for each."""
    random = np.random.default_rng(n_words)
    codes = np.zeros((3, 4, 16, 5), np.uint8)
    codes[0, 1, 2, :4] = 3
    codes[1, :2, : n_words // 2] = random.integers(1, 9, (2, n_words // 2, 5))
    module = Characters(9, 16)
    params = [module.init(jax.random.key(seed), codes[0]) for seed in range(3)]

    def value_and_grad(params, codes):
        def loss(params):
            return (module.apply(params, codes, train=train) ** 2).sum()

        return jax.value_and_grad(loss)(params)

    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *params)
    side_by_side = jax.vmap(value_and_grad)
    together = jax.jit(side_by_side)(stacked, codes)
    alone = [jax.jit(value_and_grad)(*each) for each in zip(params, codes, strict=True)]
    truth = jax.tree.map(lambda *leaves: np.stack(leaves), *alone)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), together, truth)
    assert "cond[" in str(jax.make_jaxpr(side_by_side)(stacked, codes))


def test_rows_of_nets_side_by_side_take_one_branch_too():
    def chosen(n, x):
        return jax.lax.switch(highest_of_all(n), [lambda x: x, lambda x: 2 * x, lambda x: 3 * x], x)

    side_by_side = jax.vmap(jax.vmap(chosen, (0, None)))
    counts, x = np.array([[0, 1], [2, 0]]), np.array([1.0, 5.0], np.float32)
    np.testing.assert_array_equal(side_by_side(counts, x), [[3, 3], [15, 15]])
    assert "cond[" in str(jax.make_jaxpr(side_by_side)(counts, x))


def test_patches_leave_no_step_out():
    x = np.arange(2 * 5 * 1, dtype=np.float32).reshape(2, 5, 1)
    length, patched = jax.jit(patches, static_argnums=2)(x, np.array([5, 2]), 3)
    assert length.tolist() == [2, 1]
    assert patched.tolist() == [[[0, 1, 2], [3, 4, 0]], [[5, 6, 0], [0, 0, 0]]]


@pytest.mark.slow
def test_a_row_without_steps_is_harmless():
    network = make()
    columns = inputs()
    columns["length"] = np.zeros(B, np.int32)
    variables = start(network, columns)
    answers = jax.jit(partial(network.apply, method="predict"))(variables, columns)
    assert (np.asarray(answers["tags"]) == -1).all()
    np.testing.assert_array_equal(answers["y"], [STATISTICS["targets"]["y"]["rate"]] * B)

    def loss(params: Any) -> jax.Array:
        outputs = network.apply({**variables, "params": params}, columns, train=False)
        return outputs["y"].sum() + outputs["tags"].sum()

    assert all(
        np.isfinite(leaf).all()
        for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(variables["params"]))
    )


@pytest.mark.slow
def test_characters_of_many_steps_are_those_of_a_few_at_a_time(monkeypatch):
    codes = np.random.default_rng(0).integers(1, 6, (2, 11, 4)).astype(np.uint8)
    codes[:, 7:] = 0
    module = Characters(6, 5)
    params = module.init(jax.random.key(0), codes)

    def value_and_grad():
        def loss(params):
            return (module.apply(params, codes) ** 2).sum()

        return jax.jit(jax.value_and_grad(loss))(params)

    whole = value_and_grad()
    monkeypatch.setattr(tokens, "MAX_ONE_HOT", 2)
    monkeypatch.setattr(tokens, "PIECE_BYTES", 4 * 200 * 4 * 2 * 3)
    assert tokens.steps_at_once(codes.shape, 6, 5) < 11
    assert_close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(assert_close, value_and_grad(), whole)
