"""Units that compete for rows, and the rules that move them: no teacher, no gradient.

Shapes: b batch, n rows, r restarts, d features, k units, e = d + 1, c candidates, g coordinates of
a unit on its map.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, Arrays
from nets.columns import ColumnsNetwork

Rule = Literal["winner", "neural_gas", "map", "kmeans", "mini_batch", "batch_map"]
Start = Literal["kmeans++", "rows", "normal", "plane"]


def squared_distances(x_bd: Array, units_kd: Array) -> Array:
    """|x - w|^2 of each row to each unit [b, k], by one product of matrices; not below 0."""
    x2_b = jnp.square(x_bd).sum(-1)
    w2_k = jnp.square(units_kd).sum(-1)
    return jnp.maximum(x2_b[:, None] - 2 * x_bd @ units_kd.T + w2_k[None], 0)


def start_units(
    key: Array, x_nd: Array, n_units: int, start: Start, shape: tuple[int, int] | None = None
) -> Array:
    """Units [k, d] before the first update.

    "kmeans++": rows far from each other; "rows": any distinct places of the file; "normal":
    anywhere about the rows' mean, twice as far spread as they; "plane": a map of this `shape` laid
    over the plane of the two main components.
    """
    if start == "kmeans++":
        return kmeans_plus_plus(key, x_nd, n_units)
    if start == "rows":
        return x_nd[
            jax.random.choice(key, x_nd.shape[0], (n_units,), replace=x_nd.shape[0] < n_units)
        ]
    mean_d = x_nd.mean(0)
    deviation_d = x_nd.std(0)
    if start == "normal" or shape is None:
        return mean_d[None] + 2 * deviation_d[None] * jax.random.normal(
            key, (n_units, x_nd.shape[1])
        )
    places = map_places(shape, "rectangular")
    place_kg = jnp.asarray((places - places.mean(0)) / np.maximum(places.std(0), 1e-6), jnp.float32)
    centred_nd = x_nd - mean_d[None]
    value_d, axis_dd = jnp.linalg.eigh(centred_nd.T @ centred_nd / x_nd.shape[0])
    n_axes = min(2, x_nd.shape[1])
    # The longer side of the map lies along the longer axis of the rows; the second, or only, one is
    # the last.
    longer = [0, 1] if shape[0] >= shape[1] else [1, 0]
    axes_gd = (axis_dd * jnp.sqrt(jnp.maximum(value_d, 0))[None]).T[::-1][:n_axes]
    return mean_d[None] + place_kg[:, jnp.array(longer[:n_axes])] @ axes_gd


def kmeans_plus_plus(key: Array, x_nd: Array, n_units: int) -> Array:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007): each unit is a row, drawn with a probability
    proportional to its squared distance from those before; of 2 + log k draws, the one that leaves
    the smallest sum (as scikit-learn).
    """
    n = x_nd.shape[0]
    n_candidates = 2 + int(math.log(n_units))
    first_key, key = jax.random.split(key)
    first_d = x_nd[jax.random.randint(first_key, (), 0, n)]

    def add(nearest_n: Array, key: Array) -> tuple[Array, Array]:
        draw_c = jax.random.uniform(key, (n_candidates,)) * nearest_n.sum()
        row_c = jnp.minimum(jnp.searchsorted(jnp.cumsum(nearest_n), draw_c, side="right"), n - 1)
        left_cn = jnp.minimum(nearest_n[None], squared_distances(x_nd[row_c], x_nd))
        best = jnp.argmin(left_cn.sum(1))
        return left_cn[best], x_nd[row_c[best]]

    nearest_n = squared_distances(x_nd, first_d[None])[:, 0]
    _, others = lax.scan(add, nearest_n, jax.random.split(key, n_units - 1))
    return jnp.concatenate([first_d[None], others])


def map_places(shape: tuple[int, ...], grid: str) -> np.ndarray:
    """Where the units of a map stand [k, 2], row by row; neighbours are 1 apart. In a hexagonal
    grid every other row is moved by half a place, and rows are sqrt(3)/2 apart.
    """
    row, column = np.indices(shape).reshape(2, -1)
    if grid == "hexagonal":
        return np.stack([row * math.sqrt(3) / 2, column + 0.5 * (row % 2)], 1)
    return np.stack([row, column], 1).astype(float)


def map_distances(shape: tuple[int, ...], grid: str) -> np.ndarray:
    """Distances between the units of a map [k, k]."""
    place_kg = map_places(shape, grid)
    return np.sqrt(((place_kg[:, None] - place_kg[None]) ** 2).sum(-1))


def neighbourhood(distance: Array, radius: float | Array, kind: str) -> Array:
    """The part of a winner's step that a unit takes at this distance on the map: exp(-d^2 / 2 r^2),
    or 1 up to r.
    """
    if kind == "bubble":
        return (distance <= radius).astype(jnp.float32)
    return jnp.exp(-jnp.square(distance) / (2 * jnp.square(radius)))


def decayed(start: float | Array, end: float | Array, share: Array) -> Array:
    """From start to end along an exponential, at this share of the way."""
    return start * (end / start) ** share


def ranks(distance_k: Array) -> Array:
    """0 for the nearest, 1 for the next, and so on."""
    return jnp.argsort(jnp.argsort(distance_k))


def gathered(x_bd: Array, weight_b: Array, winner_b: Array, n_units: int) -> Array:
    """Of each unit, the weighted sum of the rows it won and, last, their weight [k, d + 1]."""
    won_bk = jax.nn.one_hot(winner_b, n_units) * weight_b[:, None]
    one_b = jnp.ones((x_bd.shape[0], 1), x_bd.dtype)
    return won_bk.T @ jnp.concatenate([x_bd, one_b], 1)


def means(units_kd: Array, sums_ke: Array) -> Array:
    """The means of `gathered` sums; a unit that won nothing stays."""
    weight_k = sums_ke[:, -1:]
    return jnp.where(weight_k > 0, sums_ke[:, :-1] / jnp.where(weight_k > 0, weight_k, 1), units_kd)


class Decay(NamedTuple):
    """From `start` at the first update to `end` at the last one, along an exponential."""

    start: float
    end: float

    def at(self, share: Array) -> Array:
        return decayed(self.start, self.end, share)


class Competitive(ColumnsNetwork):
    """Units among a table's scaled rows: each row is its nearest unit's. Of several restarts the
    one with the smallest error in its last epoch answers.

    One row after the other: "winner" moves the nearest unit, "neural_gas" all by their rank
    (Martinetz & Schulten 1991), "map" those near the winner on a map of this `shape` (Kohonen
    1982). By `conscience` a unit's squared distance is multiplied by that power of its share of the
    wins (frequency-sensitive: Ahalt et al. 1990); it fades, so that in the end the nearest wins. By
    means: "mini_batch" of all rows that a unit has won (Sculley 2010), "kmeans" of an epoch's
    (Lloyd 1982), "batch_map" of its neighbours' too. Methods else as those of `nets.Network`.
    """

    units: int
    head: str = "cluster"
    rule: Rule = "kmeans"
    start: Start = "kmeans++"
    restarts: int = 1
    conscience: float = 0.0
    rate: Decay = Decay(0.5, 0.01)
    reach: Decay = Decay(1.0, 0.1)
    shape: tuple[int, int] | None = None
    grid: str = "rectangular"
    kind: str = "gaussian"
    starts_from_rows = True

    @property
    def learns_by_rule(self) -> bool:
        """No gradient moves units."""
        return True

    @nn.compact
    def __call__(
        self, columns: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        """Scaled columns -> {"cluster": squared distance to the nearest unit [b], "nearest": [b, 2]
        the two nearest, "row": scaled features [b, d]}. Fresh units come from the rows they are
        made with.
        """
        del weight_b, train
        x_bd = self.features(columns)
        r = self.restarts
        make = partial(
            start_units, x_nd=x_bd, n_units=self.units, start=self.start, shape=self.shape
        )
        units_rkd = self.param("units", lambda key: jax.vmap(make)(jax.random.split(key, r)))
        counts = {
            "error": (r,),
            "wins": (r, self.units),
            "sums": (r, self.units, x_bd.shape[1] + 1),
        }
        for name, shape in counts.items():
            self.variable("batch_stats", name, jnp.zeros, shape)
        units_kd = units_rkd[jnp.argmin(self.get_variable("batch_stats", "error"))]
        _, nearest_b2 = lax.top_k(-squared_distances(x_bd, units_kd), 2)
        difference_bd = x_bd - units_kd[nearest_b2[:, 0]]
        return {self.head: jnp.square(difference_bd).sum(-1), "nearest": nearest_b2, "row": x_bd}

    def learn(
        self,
        columns: Arrays,
        target: Arrays,
        weight_b: Array,
        *,
        step: Array,
        steps_per_epoch: int,
        total_steps: int,
    ) -> Array:
        """The variables after these rows; returns the squared distances [b] of the best restart
        before them.
        """
        del target
        x_bd = self.features(columns)
        first = step % steps_per_epoch == 0
        n_epochs = max(total_steps // steps_per_epoch, 2)
        share = jnp.clip((step // steps_per_epoch) / (n_epochs - 1), 0, 1)
        end = step % steps_per_epoch == steps_per_epoch - 1
        units_rkd = self.get_variable("params", "units")
        stats = [self.get_variable("batch_stats", name) for name in ("error", "wins", "sums")]

        def one(units_kd: Array, error: Array, wins_k: Array, sums_ke: Array) -> tuple[Array, ...]:
            distance_bk = squared_distances(x_bd, units_kd)
            nearest_b = distance_bk.min(1)
            error = jnp.where(first, 0, error) + (nearest_b * weight_b).sum()
            if self.rule in ("winner", "neural_gas", "map"):
                moment_b = jnp.clip(
                    (step + jnp.arange(len(weight_b)) / len(weight_b)) / total_steps, 0, 1
                )
                units_kd, wins_k = self._by_row(units_kd, wins_k, x_bd, weight_b, moment_b)
                return units_kd, error, wins_k, sums_ke, nearest_b
            won_ke = gathered(x_bd, weight_b, jnp.argmin(distance_bk, 1), self.units)
            if self.rule == "mini_batch":
                wins_k = wins_k + won_ke[:, -1]
                moved_kd = (won_ke[:, :-1] - won_ke[:, -1:] * units_kd) / jnp.maximum(
                    wins_k, 1e-30
                )[:, None]
                return units_kd + moved_kd, error, wins_k, sums_ke, nearest_b
            sums_ke = jnp.where(first, jnp.zeros((), sums_ke.dtype), sums_ke) + won_ke
            spread_ke = (
                self._pull(self.reach.at(share)) @ sums_ke if self.rule == "batch_map" else sums_ke
            )
            return (
                jnp.where(end, means(units_kd, spread_ke), units_kd),
                error,
                wins_k,
                sums_ke,
                nearest_b,
            )

        best = jnp.argmin(stats[0])
        units_rkd, error_r, wins_rk, sums_rke, nearest_rb = jax.vmap(one)(units_rkd, *stats)
        self.put_variable("params", "units", units_rkd)
        for name, value in (("error", error_r), ("wins", wins_rk), ("sums", sums_rke)):
            self.put_variable("batch_stats", name, value)
        return nearest_rb[best]

    def _by_row(
        self, units_kd: Array, wins_k: Array, x_bd: Array, weight_b: Array, moment_b: Array
    ) -> tuple[Array, Array]:
        def see(
            carry: tuple[Array, Array], row: tuple[Array, Array, Array]
        ) -> tuple[tuple[Array, Array], None]:
            (units_kd, wins_k) = carry
            (x_d, weight, moment) = row
            distance_k = jnp.square(units_kd - x_d[None]).sum(-1)
            if self.rule == "neural_gas":
                pull_k = jnp.exp(-ranks(distance_k) / self.reach.at(moment))
            elif self.rule == "map":
                pull_k = self._pull(self.reach.at(moment))[jnp.argmin(distance_k)]
            else:
                share_k = (wins_k + 1) / (wins_k + 1).sum()
                winner = jnp.argmin(distance_k * share_k ** (self.conscience * (1 - moment)))
                pull_k = jax.nn.one_hot(winner, self.units)
                wins_k = wins_k + pull_k * weight
            step_k = jnp.minimum(self.rate.at(moment) * weight, 1) * pull_k
            return (units_kd + step_k[:, None] * (x_d[None] - units_kd), wins_k), None

        return lax.scan(see, (units_kd, wins_k), (x_bd, weight_b, moment_b))[0]

    def _pull(self, radius: Array) -> Array:
        """Of each winner, how much of its step the others take [k, k]."""
        assert self.shape is not None, "a rule of maps needs one"
        return neighbourhood(
            jnp.asarray(map_distances(self.shape, self.grid), jnp.float32), radius, self.kind
        )

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """ "cluster" int32 [b] and its "distance", whether the second nearest unit is the nearest's
        neighbour on the map ("adjacent", 1 or 0; 1 without a map), and the scaled "row" [b, d].
        """
        first_b, second_b = outputs["nearest"].T
        adjacent_b = jnp.ones(len(first_b))
        if self.shape is not None:
            # A diagonal is sqrt(2) long: the eight around a unit of a rectangular map, the six of a
            # hexagonal one.
            near_kk = jnp.asarray(
                map_distances(self.shape, self.grid) < (1.5 if self.grid == "rectangular" else 1.1)
            )
            adjacent_b = near_kk[first_b, second_b].astype(jnp.float32)
        distance_b = jnp.sqrt(outputs[self.head])
        return {
            self.head: first_b,
            "distance": distance_b,
            "adjacent": adjacent_b,
            "row": outputs["row"],
        }
