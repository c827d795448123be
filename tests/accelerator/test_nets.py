"""Networks and their gradients on the first device, against the CPU's."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from accelerator_sides import assert_same_answer
from marks import slow

import nets
from nets.crf import log_likelihood, viterbi
from nets.dropout import dropout
from nets.recurrence import lstm

pytestmark = pytest.mark.accelerator

B = 33
T = 12
F = 5
LENGTHS = np.array([T, 0, 1, 7] + [T] * (B - 4), np.int32)
RANDOM = np.random.default_rng(3)
X_BF = RANDOM.standard_normal((B, F)).astype(np.float32)
X_BTF = RANDOM.standard_normal((B, T, F)).astype(np.float32)
WEIGHT_B = (np.arange(B) % 5 != 4).astype(np.float32)

PRECISIONS = ["highest", *slow("default")]
DENSE: dict[str, dict[str, Any]] = {
    "plain": {},
    "layer_norm": {"norm": "layer"},
    "batch_norm": {"norm": "batch"},
    "residual": {"hidden": (16, 16), "residual": True},
    "ntk": {"parametrization": "ntk"},
    "slopes": {"activation_slope": True},
}
RECURRENT: dict[str, nets.RecurrentStack] = {
    "lstm": nets.LSTM((7,)),
    "bilstm": nets.LSTM((7,), bidirectional=True),
    "sum": nets.LSTM((7,), bidirectional=True, merge="sum"),
    "average": nets.LSTM((7,), bidirectional=True, merge="average"),
    "product": nets.LSTM((7,), bidirectional=True, merge="mul"),
    "two_layers": nets.LSTM((7, 6), bidirectional=True),
    "three_layers": nets.LSTM((5, 5, 5)),
    "wide": nets.LSTM((96,), bidirectional=True),
    "gru": nets.Recurrent((7,), cell="gru"),
    "bigru": nets.Recurrent((7,), cell="gru", bidirectional=True),
    "plain": nets.Recurrent((7,), cell="plain"),
    "biplain": nets.Recurrent((7,), cell="plain", bidirectional=True, merge="sum"),
}


def drawn(net: Any, *inputs: Any, **options: Any) -> dict[str, Any]:
    """Variables drawn by numpy, the same for every device."""
    random = np.random.default_rng(5)
    shapes = jax.eval_shape(partial(net.init, **options), jax.random.key(0), *inputs)
    return jax.tree.map(
        lambda s: (0.3 * np.abs(random.standard_normal(s.shape))).astype(s.dtype), shapes
    )


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["plain", *slow(*[name for name in DENSE if name != "plain"])])
def test_dense_nets_and_their_gradients(name, precision):
    net = nets.Dense(**{"hidden": (16, 8), "activation": "tanh"} | DENSE[name])
    variables = drawn(net, X_BF, WEIGHT_B, train=False)
    others = {key: tree for key, tree in variables.items() if key != "params"}

    def loss(params: Any, x_bf: jax.Array) -> jax.Array:
        outputs = net.apply({"params": params} | others, x_bf, WEIGHT_B, train=False)
        return jnp.square(outputs).mean()

    assert_same_answer(
        precision, jax.value_and_grad(loss, argnums=(0, 1)), variables["params"], X_BF
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", sorted(nets.ACTIVATIONS))
def test_activations_and_their_slopes(name, precision):
    activation = nets.ACTIVATIONS[name]

    def answers(x_bf: jax.Array) -> tuple[jax.Array, jax.Array]:
        slopes = jax.grad(lambda x_bf: (activation(x_bf) * X_BF[::-1]).sum())(x_bf)
        return activation(x_bf), slopes

    assert_same_answer(precision, answers, X_BF)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("lengths", [*slow(None), "some"])
@pytest.mark.parametrize("name", ["bilstm", *slow(*[n for n in RECURRENT if n != "bilstm"])])
def test_recurrent_layers_and_their_gradients(name, lengths, precision):
    net = RECURRENT[name]
    lengths_b = None if lengths is None else LENGTHS
    variables = drawn(net, X_BTF, lengths_b)

    def loss(params: Any, x_btf: jax.Array) -> jax.Array:
        outputs_bth, final = net.apply({"params": params}, x_btf, lengths_b)
        return jnp.square(outputs_bth).mean() + sum(
            jnp.square(leaf).mean() for leaf in jax.tree.leaves(final)
        )

    assert_same_answer(
        precision, jax.value_and_grad(loss, argnums=(0, 1)), variables["params"], X_BTF
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("filters", [(6,), (6, 5)])
def test_convolutions_and_their_gradients(filters, stride, precision):
    net = nets.Convolutions(filters, widths=(3, 5), stride=stride)
    variables = drawn(net, X_BTF, LENGTHS, WEIGHT_B, train=False)

    def loss(params: Any, x_btf: jax.Array) -> jax.Array:
        given = variables | {"params": params}
        features_bte, _ = net.apply(given, x_btf, LENGTHS, WEIGHT_B, train=False)
        return jnp.square(features_bte).mean()

    assert_same_answer(
        precision, jax.value_and_grad(loss, argnums=(0, 1)), variables["params"], X_BTF
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("n_directions", [1, 2])
def test_the_recurrence_with_a_carry_and_dropout(n_directions, precision):
    random = np.random.default_rng(7)
    size = 6
    sizes = {
        "kernel": (n_directions, F, 4 * size),
        "recurrent": (n_directions, size, 4 * size),
        "bias": (n_directions, 4 * size),
        "h": (n_directions, B, size),
        "c": (n_directions, B, size),
    }
    weights = {k: random.standard_normal(s).astype(np.float32) / 2 for k, s in sizes.items()}
    mask = (2 * random.integers(0, 2, (n_directions, B, size))).astype(np.float32)

    def answers(weights: dict[str, jax.Array], x_btf: jax.Array) -> Any:
        layer = weights["kernel"], weights["recurrent"], weights["bias"]
        return lstm(
            x_btf,
            *layer,
            (weights["h"], weights["c"]),
            jnp.asarray(LENGTHS),
            jnp.asarray(mask),
            reverse=(False, True)[:n_directions],
        )

    assert_same_answer(precision, answers, weights, X_BTF)


def test_dropout_drops_the_same_numbers():
    def dropped(x_bf: jax.Array, key: jax.Array) -> jax.Array:
        return dropout(key, x_bf, 0.4)

    assert_same_answer("highest", dropped, X_BF, jax.random.key(4))


def test_a_crf_finds_the_same_tags():
    random = np.random.default_rng(9)
    logits_btk = random.standard_normal((B, T, 4)).astype(np.float32)
    start_k = random.standard_normal(4).astype(np.float32)
    transition_kk = random.standard_normal((4, 4)).astype(np.float32)
    tags_bt = random.integers(0, 4, (B, T)).astype(np.int32)
    tags_bt[np.arange(T)[None] >= LENGTHS[:, None]] = -1

    def answers(tags_bt: jax.Array, lengths_b: jax.Array, *scores: jax.Array) -> Any:
        likelihood = log_likelihood(scores[0], tags_bt, *scores[1:], lengths_b)
        return viterbi(*scores, lengths_b), likelihood

    scores = logits_btk, start_k, transition_kk
    assert_same_answer("highest", answers, tags_bt, LENGTHS, *scores)
