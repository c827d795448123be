"""Predictions for rows of which one column is shuffled, by what that changes in the first layer.

The first layer of a dense net adds up products of features, of which a column has a few: of a
shuffled column the sum less its old products and more its new ones is all that is new. So neither
the features nor the first layer of a wide table are computed again for each of its columns. n rows,
k columns of a call, d features, p features of a column, h units of the first layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, DataNetwork, Tree, Variables
from nets.dense import Dense
from nets.linear import Linear, scaled
from nets.table import TableNetwork
from train.data.dataset import HostArrays
from train.inference.bounded_loop import fill_places
from train.inference.shuffles import Shuffle, swapped

# Features of all rows and members that are kept at most: .25 GB.
MAX_FEATURES = 1 << 26
FIRST = ("body", "layer_0")  # the path of the first layer in a net


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """A net whose features the first of its dense layers alone reads, and which are whose.

    `places_kp` say where the features of each raw column stand, as `_places` has them; `owners` to
    which column each place of an input belongs.
    """

    network: TableNetwork
    body: Dense
    owners: Mapping[str, np.ndarray]
    heads: Sequence[str]
    places_kp: np.ndarray
    n_features: int

    def shuffle(
        self, variables: Variables, intact: Tree, order_n: Array, columns_k: Array, count: Array
    ) -> dict[str, Array]:
        """{head: [k, n, ...]} with each of the first `count` columns shuffled, zeros behind."""
        x_nd = self._apply("features", variables, self._apply("preprocess", variables, intact))
        layer = variables["params"][FIRST[0]][FIRST[1]]
        h_nh = self._scaled(x_nd @ layer["kernel"]) + layer["bias"][None]
        moved = {name: array[order_n] for name, array in intact.items()}

        def predict(place: Array) -> dict[str, Array]:
            column = columns_k[place]
            change_nh = self._change(x_nd, layer["kernel"], order_n, column)
            cells = swapped(intact, moved, self.owners, column)
            with nn.intercept_methods(_instead_of_first_layer(h_nh + change_nh)):
                answers = self._apply("predict", variables, cells)
            return {name: answers[name] for name in self.heads}

        return fill_places(predict, len(columns_k), count)

    def _change(self, x_nd: Array, kernel_dh: Array, order_n: Array, column: Array) -> Array:
        """By how much the layer's sums [n, h] change where a column is shuffled."""
        places_p = jnp.asarray(self.places_kp)[column]
        x_np = x_nd.at[:, places_p].get(mode="fill", fill_value=0.0)
        kernel_ph = kernel_dh.at[places_p].get(mode="fill", fill_value=0.0)
        return self._scaled((x_np[order_n] - x_np) @ kernel_ph)

    def _scaled(self, sums_nh: Array) -> Array:
        return scaled(sums_nh, self.n_features, self.body.parametrization)

    def _apply(self, method: str, variables: Variables, inputs: Tree) -> Tree:
        """A method of the network, by its name."""
        return self.network.apply(variables, inputs, method=method)


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
    body = _body_behind_features(network)
    if body is None:
        return None
    assert isinstance(network, TableNetwork)
    n_members = len(jax.tree.leaves(variables)[0]) if has_members else 1
    one = jax.tree.map(lambda leaf: leaf[0], variables) if has_members else variables
    preprocess = partial(network.apply, method="preprocess")
    columns = jax.eval_shape(preprocess, one, dict(inputs))
    places_kp, n_features = _places(network, columns, owners)
    total = len(next(iter(inputs.values())))
    if n_members * total * n_features > MAX_FEATURES:
        return None
    first = FirstLayer(network, body, owners, heads, places_kp, n_features)
    everywhere = (None,) * 4
    compiled = jax.jit(jax.vmap(first.shuffle, (0, *everywhere)) if has_members else first.shuffle)
    on_device = jax.device_put(dict(inputs))

    def call(
        variables: Variables, order_n: np.ndarray, columns_k: np.ndarray, count: int
    ) -> HostArrays:
        found = compiled(variables, on_device, order_n, columns_k, np.int32(count))
        asked = (slice(None), slice(count)) if has_members else (slice(count),)
        return {name: np.asarray(array)[asked] for name, array in found.items()}

    return call


def _body_behind_features(network: DataNetwork) -> Dense | None:
    """The dense layers of a net, where the first of them alone reads the features; else None."""
    if not isinstance(network, TableNetwork) or network.adapter is not None:
        return None
    body = network.body
    if not isinstance(body, Dense) or body.members is not None or body.residual:
        return None
    return body if body.hidden else None


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
