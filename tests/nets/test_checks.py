"""What a net is refused for as it is made, and as it is called."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_nets import applied, drawn

import nets

KEY = jax.random.key(0)
X_BTF = np.zeros((4, 4, 2), np.float32)
HEADS = nets.Heads((nets.HeadShape("y", "regression", 1),))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: nets.Dense(64), r"hidden=64: .* each layer, such as \(64,\)"),
        (lambda: nets.Dense((8,), activation="swish"), "activation='swish': .* linear, relu,"),
        (lambda: nets.Dense((8,), kernel_init="he"), "kernel_init='he': .* glorot_uniform,"),
        (lambda: nets.Dense((8,), norm="rms"), "norm='rms': expected one of none, layer, batch"),
        (lambda: nets.Dense((8,), parametrization="mup"), "='mup': expected one of standard, ntk"),
        (lambda: nets.Dense((8,), dropout=1.0), "dropout=1.0: .* at least 0 and below 1"),
        (lambda: nets.LSTM(64), r"hidden=64: .* each layer, such as \(64,\)"),
        (lambda: nets.LSTM((8,), dropout=-0.1), "^dropout=-0.1: expected a share"),
        (lambda: nets.LSTM((8,), input_dropout=1), "^input_dropout=1: expected a share"),
        (lambda: nets.LSTM((8,), recurrent_dropout=2), "^recurrent_dropout=2: expected a share"),
        (lambda: nets.Recurrent((8,), cell="lstm"), "cell='lstm': expected one of plain, gru"),
        (lambda: nets.Inputs(embedding="bins"), "embedding='bins': expected one of none, piece"),
        (lambda: nets.Heads((nets.HeadShape("y", "classes", 2),)), "head 'y': kind='classes': "),
        (
            lambda: nets.TableNetwork(nets.Inputs(), nets.Dense(), HEADS, scaling="minmax"),
            "scaling='minmax': expected one of standard, robust, quantile, none",
        ),
    ],
)
def test_an_option_that_there_is_not_is_refused_as_a_net_is_made(
    make: Callable[[], object], line: str
) -> None:
    with pytest.raises(ValueError, match=line):
        make()


def test_a_rate_that_is_traced_is_let_pass() -> None:
    def rate_of(rate: jax.Array) -> object:
        return nets.Dense((8,), dropout=rate).dropout

    assert jax.jit(rate_of)(2.0) == 2.0


def test_steps_without_a_batch_and_the_carry_of_another_net_are_refused() -> None:
    net = nets.LSTM((3, 3))
    with pytest.raises(ValueError, match=r"x has the shape \(4, 2\): expected \[batch, time, f"):
        net.init(KEY, X_BTF[0])
    variables = drawn(net, X_BTF)
    _, carry = applied(net, variables, X_BTF)
    with pytest.raises(ValueError, match="a carry of 1 layers for a net of 2"):
        applied(net, variables, X_BTF, None, carry[:1])


def test_batch_norm_of_steps_is_refused() -> None:
    # As many rows as steps: its weights would else stand along the wrong axis without a word.
    with pytest.raises(ValueError, match=r"over rows \[b, f\], not \(4, 4, 3\)"):
        nets.Dense((3,), norm="batch").init(KEY, X_BTF, train=True)


def test_gates_are_of_one_sequence() -> None:
    kernel, recurrent, bias = jnp.ones((2, 4)), jnp.ones((1, 4)), jnp.ones(4)
    with pytest.raises(ValueError, match=r"\(4, 4, 2\): expected one sequence \[time, features\]"):
        nets.lstm_gates(kernel, recurrent, bias, X_BTF)
    gates = jax.vmap(lambda x_tf: nets.lstm_gates(kernel, recurrent, bias, x_tf))(X_BTF)
    assert gates.hidden.shape == (4, 4, 1)
