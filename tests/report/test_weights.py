"""Pictures of weights and gradients: what is counted, and in which order layers stand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from train.core.penalties import kernel_weights
from train.report.result import read_evaluation
from train.report.weights import by_depth, gradient_pictures, weight_pictures


def test_weights_are_those_of_kernels():
    params = {
        "body": {"kernel": jnp.array([[1.0, 0.0]]), "bias": jnp.zeros(3)},
        "out": {"kernel": jnp.array([2.0])},
    }
    weights = kernel_weights(params)
    np.testing.assert_array_equal(weights, [1, 0, 2])
    (picture,) = weight_pictures(weights)
    assert "1 of 3 are exactly 0" in picture
    assert list(weight_pictures(None)) == list(weight_pictures(np.array([np.nan]))) == []


def test_layers_stand_from_the_inputs_to_the_outputs():
    names = [f"gradient_norm.body.layer_{i}" for i in range(11)]
    last = "gradient_norm.output.head_0_y"
    assert by_depth(sorted([last, *names])) == [*names, last]


def test_norms_are_drawn_where_they_were_logged():
    lines = [{"step": 4, "epoch": e, "split": "train", "loss": 1.0} for e in (1, 2)]
    assert list(gradient_pictures([read_evaluation(line) for line in lines])) == []
    logged = [
        line | {"gradient_norm.body.layer_0": 0.0, "gradient_norm.output.head_0_y": 1.5}
        for line in lines
    ]
    logged.append({"step": 4, "epoch": 2, "split": "valid"})
    (picture,) = gradient_pictures([read_evaluation(line) for line in logged])
    assert "body.layer_0 to output.head_0_y" in picture and "epoch 2" in picture
    assert "mathdefault" not in picture
