"""What gates are shown to do is what the layer does."""

import jax
import numpy as np

import nets
from nets.gates import lstm_gates


def test_the_states_shown_are_those_of_the_layer():
    net = nets.LSTM(hidden=(3,))
    x_btf = jax.random.normal(jax.random.key(1), (1, 5, 2))
    variables = net.init(jax.random.key(0), x_btf)
    outputs_bth, _ = net.apply(variables, x_btf, train=False)
    weights = variables["params"]["layer_0"]["forward"]
    gates = lstm_gates(weights["kernel"], weights["recurrent_kernel"], weights["bias"], x_btf[0])
    np.testing.assert_allclose(gates.hidden, outputs_bth[0], atol=1e-6)
    for gate in (gates.input, gates.forget, gates.output):
        assert gate.shape == (5, 3) and (gate > 0).all() and (gate < 1).all()
