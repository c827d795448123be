"""Predictions for rows of which one column is shuffled, by what that changes in the first layer.

The first layer of a dense net adds up products of features, of which a column has a few: of a
shuffled column the sum less its old products and more its new ones is all that is new. So neither
the features nor the first layer of a wide table are computed again for each of its columns. n rows,
k columns of a call, d features, p features of a column, h units of the first layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, DataNetwork, Tree, Variables
from nets.dense import Dense
from nets.linear import Linear, scaled
from nets.table import TableNetwork
from train.data.dataset import HostArrays
from train.inference.shuffles import Shuffle, swapped

# Features of all rows and members that are kept at most: .25 GB.
MAX_FEATURES = 1 << 26
FIRST = ("body", "layer_0")  # the path of the first layer in a net


def make_shuffles_by_first_layer(
    network: DataNetwork,
    variables: Variables,
    inputs: Mapping[str, np.ndarray],
    owners: Mapping[str, np.ndarray],
    heads: Sequence[str],
    has_members: bool,
) -> Shuffle | None:
    """What `make_shuffles` makes, for a net whose features only a linear layer reads.

    None for other nets, and where the features of all rows and members are too large to be kept.
    """
    if not isinstance(network, TableNetwork) or network.adapter is not None:
        return None
    body = network.body
    if not isinstance(body, Dense) or body.members is not None or body.residual or not body.hidden:
        return None
    apply = _applied(network)
    n_members = len(jax.tree.leaves(variables)[0]) if has_members else 1
    first = jax.tree.map(lambda leaf: leaf[0], variables) if has_members else variables
    columns = jax.eval_shape(partial(apply, "preprocess"), first, dict(inputs))
    places_kp, n_features = _places(network, columns, owners)
    total = len(next(iter(inputs.values())))
    if n_members * total * n_features > MAX_FEATURES:
        return None
    form = body.parametrization

    def shuffle(
        variables: Variables, intact: Tree, order_n: Array, columns_k: Array, count: Array
    ) -> dict[str, Array]:
        x_nd = apply("features", variables, apply("preprocess", variables, intact))
        layer = variables["params"][FIRST[0]][FIRST[1]]
        kernel_dh = layer["kernel"]
        h_nh = scaled(x_nd @ kernel_dh, n_features, form) + layer["bias"][None]
        moved = {name: array[order_n] for name, array in intact.items()}

        def predict(column: Array) -> dict[str, Array]:
            places_p = jnp.asarray(places_kp)[column]
            x_np = x_nd.at[:, places_p].get(mode="fill", fill_value=0.0)
            kernel_ph = kernel_dh.at[places_p].get(mode="fill", fill_value=0.0)
            change_nh = scaled((x_np[order_n] - x_np) @ kernel_ph, n_features, form)
            cells = swapped(intact, moved, owners, column)
            with nn.intercept_methods(_instead_of_first_layer(h_nh + change_nh)):
                answers = apply("predict", variables, cells)
            return {name: answers[name] for name in heads}

        def one_more(place: Array, found: dict[str, Array]) -> dict[str, Array]:
            answers = predict(columns_k[place])
            return {name: found[name].at[place].set(answers[name]) for name in found}

        empty = {}
        for name, shape in jax.eval_shape(predict, jnp.int32(0)).items():
            empty[name] = jnp.zeros((len(columns_k), *shape.shape), shape.dtype)
        return lax.fori_loop(0, count, one_more, empty)

    everywhere = (None,) * 4
    compiled = jax.jit(jax.vmap(shuffle, (0, *everywhere)) if has_members else shuffle)
    on_device = jax.device_put(dict(inputs))

    def call(
        variables: Variables, order_n: np.ndarray, columns_k: np.ndarray, count: int
    ) -> HostArrays:
        found = compiled(variables, on_device, order_n, columns_k, np.int32(count))
        asked = (slice(None), slice(count)) if has_members else (slice(count),)
        return {name: np.asarray(array)[asked] for name, array in found.items()}

    return call


def _applied(network: DataNetwork) -> Callable[[str, Variables, Tree], Tree]:
    """A method of a network, by its name, with variables and inputs."""

    def apply(method: str, variables: Variables, inputs: Tree) -> Tree:
        return network.apply(variables, inputs, method=method)

    return apply


def _instead_of_first_layer(h_nh: Array) -> Callable[..., Tree]:
    """What flax calls in place of every method: of the first layer these are the outputs."""

    def instead(
        method: Callable[..., Tree],
        arguments: Tree,
        options: Mapping[str, Tree],
        context: nn.module.InterceptorContext,
    ) -> Tree:
        if isinstance(context.module, Linear) and context.module.path == FIRST:
            return h_nh
        return method(*arguments, **options)

    return instead


def _places(
    network: TableNetwork, columns: Mapping[str, Array], owners: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, int]:
    """Where the features of each raw column stand [columns + 1, p], and how many there are in all.

    Rows are filled up with a place that there is none of; the last is that of no column.
    """
    owner_of = []
    for name in ("numbers", "missing", "codes"):  # the order of features
        if name == "missing" and name in columns:
            owner_of.append(owners["numbers"][list(network.missing_columns)])
        elif name in columns:
            owner_of.append(owners[name])
    owner_d = np.repeat(np.concatenate(owner_of), network.inputs.widths(columns))
    n_columns = int(owner_d.max()) + 1
    most = int(np.bincount(owner_d[owner_d >= 0], minlength=1).max())
    places_kp = np.full((n_columns + 1, most), len(owner_d), np.int32)
    by_owner = np.argsort(owner_d, kind="stable")
    own = by_owner[owner_d[by_owner] >= 0]
    owner_of_own = owner_d[own]
    places_kp[owner_of_own, np.arange(len(own)) - np.searchsorted(owner_of_own, owner_of_own)] = own
    return places_kp, len(owner_d)
