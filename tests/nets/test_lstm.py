"""The stacked module: merges, streams, padding, dropout, parameters."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import slow
from small_nets import applied, drawn, initial

from nets.lstm import LSTM
from nets.recurrence import lstm

B = 4
T = 6
F = 2
H = 3
KEY = jax.random.key(0)
X_BTF = np.random.default_rng(0).normal(size=(B, T, F)).astype(np.float32)
LENGTHS = np.array([6, 0, 1, 4], np.int32)
MERGED = {
    "concat": lambda forward, backward: np.concatenate([forward, backward], -1),
    "sum": lambda forward, backward: forward + backward,
    "average": lambda forward, backward: (forward + backward) / 2,
    "mul": lambda forward, backward: forward * backward,
}


def assert_trees_close(ours: object, other: object, atol: float = 1e-6) -> None:
    for mine, theirs in zip(jax.tree.leaves(ours), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=atol, rtol=0)


def randomised(net: LSTM) -> dict:
    """Parameters without the zeros and the orthogonality of initial ones."""
    return drawn(net, X_BTF, scale=0.7)


def layer_by_hand(weights: dict, x_btf: jax.Array, lengths_b: jax.Array | None) -> list[np.ndarray]:
    """What the core says of each direction, one at a time."""
    answers = []
    for name, direction in weights.items():
        parts = (direction[kind][None] for kind in ("kernel", "recurrent_kernel", "bias"))
        outputs_btdh, _ = lstm(x_btf, *parts, lengths_b=lengths_b, reverse=(name == "backward",))
        answers.append((name, np.asarray(outputs_btdh[:, :, 0])))
    return [answer for _, answer in sorted(answers, reverse=True)]  # forward before backward


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("sum", "average"),
        ("mul", "concat"),
        ("concat", "none"),
        *slow(("concat", "sum"), ("average", "mul")),
    ],
)
def test_each_layer_merges_its_directions_its_own_way(first: str, second: str) -> None:
    net = LSTM((H, H + 1), bidirectional=True, merge=(first, second))  # type: ignore[arg-type]
    variables = randomised(net)
    outputs, _ = applied(net, variables, X_BTF, LENGTHS)
    between = MERGED[first](*layer_by_hand(variables["params"]["layer_0"], X_BTF, LENGTHS))
    forward, backward = layer_by_hand(variables["params"]["layer_1"], between, LENGTHS)
    expected = (forward, backward) if second == "none" else MERGED[second](forward, backward)
    assert_trees_close(outputs, expected)


def test_one_merge_stands_for_all_layers_and_none_for_the_last_alone() -> None:
    for short, long in (("sum", ("sum", "sum")), ("none", ("concat", "none"))):
        net, same = (LSTM((H, H), bidirectional=True, merge=merge) for merge in (short, long))  # type: ignore[arg-type]
        variables = randomised(net)
        assert_trees_close(applied(net, variables, X_BTF), applied(same, variables, X_BTF), atol=0)


@pytest.mark.parametrize("merge", ["add", ("sum",), ("none", "sum")])
def test_an_impossible_merge_is_named(merge: str | tuple[str, ...]) -> None:
    with pytest.raises(
        ValueError, match="for 2 layers: expected one of concat, sum, average, mul, none"
    ):
        LSTM((H, H), bidirectional=True, merge=merge).init(KEY, X_BTF)  # type: ignore[arg-type]


def test_a_net_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        LSTM(()).init(KEY, X_BTF)


def test_reverse_is_forward_on_each_row_turned_round() -> None:
    backward = LSTM((H,), reverse=True)
    forward = LSTM((H,))
    weights = randomised(backward)["params"]["layer_0"]["backward"]
    variables = {"params": {"layer_0": {"backward": weights}}}
    outputs, carry = applied(backward, variables, X_BTF, LENGTHS)
    for b, length in enumerate(LENGTHS.tolist()):
        turned = X_BTF[b : b + 1, :length][:, ::-1]
        variables = {"params": {"layer_0": {"forward": weights}}}
        row, row_carry = applied(forward, variables, turned)
        assert_trees_close(outputs[b, :length], row[0, ::-1])
        assert_trees_close(carry[0].h_dbh[:, b], row_carry[0].h_dbh[:, 0])


@settings(max_examples=20)
@given(cut=st.sampled_from([0, 2, T]), lengths=st.lists(st.integers(0, T), min_size=B, max_size=B))
def test_two_halves_with_the_carry_equal_the_whole(cut: int, lengths: list[int]) -> None:
    net = LSTM((H, H))
    lengths_b = np.array(lengths, np.int32)
    variables = randomised(net)
    whole, last = applied(net, variables, X_BTF, lengths_b)
    first, carry = applied(net, variables, X_BTF[:, :cut], np.minimum(lengths_b, cut))
    rest = np.maximum(lengths_b - cut, 0)
    second, carry = applied(net, variables, X_BTF[:, cut:], rest, carry)
    assert_trees_close(np.concatenate([first, second], 1), whole)
    assert_trees_close(carry, last)


def test_a_first_carry_is_zero() -> None:
    net = LSTM((H, 1), bidirectional=True)
    variables = randomised(net)
    carry = net.initial_carry(B)
    assert_trees_close(
        applied(net, variables, X_BTF, None, carry), applied(net, variables, X_BTF), atol=0
    )


@settings(max_examples=20)
@given(
    lengths=st.lists(st.integers(0, T), min_size=B, max_size=B),
    content=st.sampled_from([0.0, -1e30, math.inf, math.nan]),
    extra=st.sampled_from([0, 2]),
)
def test_padding_of_any_content_and_width_changes_nothing(
    lengths: list[int], content: float, extra: int
) -> None:
    lengths_b = np.array(lengths, np.int32)
    mask_bt1 = (np.arange(T + extra)[None] < lengths_b[:, None])[:, :, None]
    wider_btf = np.pad(X_BTF, ((0, 0), (0, extra), (0, 0)))
    padded_btf = np.where(mask_bt1, wider_btf, np.float32(content))
    (outputs, carry), (dparams, dx) = jax.device_get(padding_case(X_BTF, lengths_b))
    (padded_outputs, padded_carry), (padded_dparams, padded_dx) = jax.device_get(
        padding_case(padded_btf, lengths_b)
    )
    assert_trees_close((padded_outputs[:, :T], padded_carry), (outputs, carry))
    assert (
        not np.where(mask_bt1, 0, padded_outputs).any()
        and not np.where(mask_bt1, 0, padded_dx).any()
    )
    assert_trees_close((padded_dparams, padded_dx[:, :T]), (dparams, dx), atol=1e-5)


@jax.jit
def padding_case(x_btf: jax.Array, lengths_b: jax.Array) -> tuple:
    """Answers of two bidirectional layers, and gradients of the sum of their squared outputs."""
    net = LSTM((H, H), bidirectional=True)

    def loss(variables: dict, x_btf: jax.Array) -> tuple[jax.Array, tuple]:
        outputs_bth, carry = net.apply(variables, x_btf, lengths_b)
        return jnp.sum(outputs_bth**2), (outputs_bth, carry)

    gradients, answers = jax.grad(loss, (0, 1), has_aux=True)(randomised(net), x_btf)
    return answers, gradients


def test_parameters_are_named_and_made_as_documented() -> None:
    params = initial(LSTM((8, H), bidirectional=True), X_BTF)["params"]
    assert {name: set(layer) for name, layer in params.items()} == {
        "layer_0": {"forward", "backward"},
        "layer_1": {"forward", "backward"},
    }
    weights = params["layer_0"]["backward"]
    assert jax.tree.map(jnp.shape, weights) == {
        "kernel": (F, 32),
        "recurrent_kernel": (8, 32),
        "bias": (32,),
    }
    np.testing.assert_array_equal(weights["bias"].reshape(4, 8)[:, 0], [0, 1, 0, 0])
    np.testing.assert_allclose(
        weights["recurrent_kernel"] @ weights["recurrent_kernel"].T, np.eye(8), atol=1e-5
    )
    limit = math.sqrt(6 / (F + 32))
    assert 0.7 * limit < np.abs(weights["kernel"]).max() <= limit
    assert not np.allclose(weights["kernel"], params["layer_0"]["forward"]["kernel"])
    assert set(drawn(LSTM((H,), reverse=True), X_BTF)["params"]["layer_0"]) == {"backward"}


def apply_with(
    variables: dict, rates: dict, seed: int = 1, train: bool = True, x_btf: jax.Array = X_BTF
) -> jax.Array:
    rngs = {"dropout": jax.random.key(seed)} if train else None
    return applied(LSTM((H, H), **rates), variables, x_btf, train=train, rngs=rngs)[0]


@pytest.mark.parametrize("place", ["dropout", "input_dropout", "recurrent_dropout"])
def test_dropout_acts_in_training_only_and_follows_a_traced_rate(place: str) -> None:
    variables = randomised(LSTM((H, H)))
    plain = apply_with(variables, {}, train=False)
    assert_trees_close(apply_with(variables, {place: 0.5}, train=False), plain, atol=0)

    def of_rate(rate: jax.Array) -> jax.Array:
        net = LSTM((H, H), **{place: rate})
        rngs = {"dropout": jax.random.key(1)}
        return net.apply(variables, X_BTF, train=True, rngs=rngs)[0]

    by_rate = np.asarray(jax.jit(jax.vmap(of_rate))(np.float32([0.0, 0.5])))
    assert_trees_close(by_rate[0], plain)
    assert_trees_close(by_rate[1], apply_with(variables, {place: 0.5}))
    assert np.abs(by_rate[1] - plain).max() > 0.01
    assert np.abs(by_rate[1] - apply_with(variables, {place: 0.5}, seed=2)).max() > 0.01


def test_recurrent_dropout_drops_the_same_units_at_every_step() -> None:
    # Input and output gate open, forget gate shut, each unit alone: h <- tanh(tanh(1/2 + h/2)),
    # constant if dropped.
    size = 64
    rate = 0.3
    n_rows = 32
    zeros = np.zeros(size)
    ones = np.ones(size)
    weights = {
        "kernel": np.zeros((F, 4 * size), np.float32),
        "recurrent_kernel": np.concatenate(
            [np.zeros((size, 2 * size)), 0.5 * np.eye(size), np.zeros((size, size))], 1
        ),
        "bias": np.concatenate([20 * ones, zeros - 20, 0.5 * ones, 20 * ones]),
    }
    params = {"layer_0": {"forward": jax.tree.map(np.float32, weights)}}
    net = LSTM((size,), recurrent_dropout=rate)
    x_btf = np.zeros((n_rows, T, F), np.float32)
    rngs = {"dropout": KEY}
    outputs_bth, _ = applied(net, {"params": params}, x_btf, train=True, rngs=rngs)
    constant_bh = np.abs(outputs_bth[:, 1] - outputs_bth[:, 0]) < 1e-6
    for t in range(2, T):
        np.testing.assert_array_equal(
            np.abs(outputs_bth[:, t] - outputs_bth[:, 0]) < 1e-6, constant_bh
        )
    h = 0.0
    expected = []
    for _ in range(T):  # what is kept is divided by 1 - rate
        h = math.tanh(math.tanh(0.5 + 0.5 * h / (1 - rate)))
        expected.append(h)
    kept = np.moveaxis(np.asarray(outputs_bth), 1, -1)[~constant_bh]
    np.testing.assert_allclose(kept, np.tile(expected, (len(kept), 1)), atol=1e-5)
    deviation = math.sqrt(size * n_rows * rate * (1 - rate))
    assert abs(constant_bh.sum() - size * n_rows * rate) < 5 * deviation
    assert (constant_bh != constant_bh[:1]).any(), "each row has its own mask"


def test_no_steps_have_no_outputs_and_gradients_of_zero() -> None:
    net = LSTM(hidden=(3,), bidirectional=True)
    variables = initial(net, np.zeros((2, 4, 2), np.float32))
    x_btf = np.zeros((2, 0, 2), np.float32)

    def total(variables: Any) -> jax.Array:
        outputs, carry = net.apply(variables, x_btf)
        assert outputs.shape == (2, 0, 6)
        return outputs.sum() + carry[0].h_dbh.sum()

    assert all((leaf == 0).all() for leaf in jax.tree.leaves(jax.grad(total)(variables)))


def test_no_inputs_and_lengths_in_a_list() -> None:
    net = LSTM(hidden=(3,))
    assert initial(net, np.zeros((2, 4, 0), np.float32))["params"]["layer_0"]["forward"][
        "kernel"
    ].shape == (0, 12)
    x_btf = np.ones((2, 4, 1), np.float32)
    variables = initial(net, x_btf)
    listed, _ = applied(net, variables, x_btf, [4, 2])
    np.testing.assert_array_equal(listed, applied(net, variables, x_btf, np.array([4, 2]))[0])
    with pytest.raises(ValueError, match=r"lengths of the shape \(3,\) for 2 rows"):
        net.apply(variables, x_btf, [4, 2, 1])
