"""Units that compete for rows, and the rules that move them: no teacher, no gradient.

Shapes: b batch, r restarts, d features, k units, e = d + 1.
"""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array, Arrays
from nets.columns import ColumnsNetwork
from nets.maps import map_distances, neighbourhood
from nets.units import (
    Start,
    exact_product,
    squared_distances,
    start_units,
    two_nearest,
    unit_means,
    winner_sums,
)

Rule = Literal["winner", "neural_gas", "map", "kmeans", "mini_batch", "batch_map"]


def ranks(distance_k: Array) -> Array:
    """0 for the nearest, 1 for the next, and so on."""
    return jnp.argsort(jnp.argsort(distance_k))


def repeated(step_k: Array, times: Array) -> Array:
    """The share of the way to a row after so many such steps, of which none leads past it."""
    return jnp.where(times == 1, step_k, 1 - (1 - step_k) ** times)


class Decay(NamedTuple):
    """From `start` at the first update to `end` at the last one, along an exponential."""

    start: float
    end: float

    def at(self, share: Array) -> Array:
        """The value at this share of the way."""
        return self.start * (self.end / self.start) ** share


COUNTS = ("error", "wins", "sums")  # the running statistics, in the order of `_Units`


class _Units(NamedTuple):
    """Units in training, and what is counted of them."""

    places_kd: Array
    error: Array
    """The squared distances of the epoch's rows to their nearest units, times their weights."""
    wins_k: Array
    """The weight of the rows that each has won in all."""
    sums_ke: Array
    """`winner_sums` of the epoch."""


def _moved_by_share(units: _Units, won_ke: Array) -> _Units:
    """Each unit moved towards a batch's rows, by their share of all that it has won so far."""
    wins_k = units.wins_k + won_ke[:, -1]
    moved_kd = won_ke[:, :-1] - won_ke[:, -1:] * units.places_kd
    places_kd = units.places_kd + moved_kd / jnp.maximum(wins_k, 1e-30)[:, None]
    return units._replace(places_kd=places_kd, wins_k=wins_k)


class Competitive(ColumnsNetwork):
    """Units among a table's scaled rows: each row is its nearest unit's.

    Of several restarts the one with the smallest error in its last epoch answers. One row after the
    other: "winner" moves the nearest unit, "neural_gas" all by their rank (Martinetz & Schulten
    1991), "map" those near the winner on a map of this `shape` (Kohonen 1982). By `conscience` a
    unit's squared distance is multiplied by that power of its share of the wins
    (frequency-sensitive: Ahalt et al. 1990); it fades, so that in the end the nearest wins. By
    means: "mini_batch" of all rows that a unit has won (Sculley 2010), "kmeans" of an epoch's
    (Lloyd 1982), "batch_map" of its neighbours' too.
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
        """Scaled columns -> how near each row is to the units; fresh units are made of rows.

        {"cluster": squared distance to the nearest unit [b], "nearest": [b, 2] the two nearest,
        "row": scaled features [b, d]}. Where rows have weights, they are drawn by these.
        """
        del train
        x_bd = self.features(columns)
        r = self.restarts
        make = partial(
            start_units,
            x_nd=x_bd,
            n_units=self.units,
            start=self.start,
            shape=self.shape,
            weight_n=weight_b,
        )
        if self.has_variable("params", "units"):
            # As they are: `param` would look at how they are made, for which rows must be counted.
            units_rkd = self.get_variable("params", "units")
        else:
            units_rkd = self.param("units", lambda key: jax.vmap(make)(jax.random.split(key, r)))
        counts = {
            "error": (r,),
            "wins": (r, self.units),
            "sums": (r, self.units, x_bd.shape[1] + 1),
        }
        for name, shape in counts.items():
            self.variable("batch_stats", name, jnp.zeros, shape)
        units_kd = units_rkd[jnp.argmin(self.get_variable("batch_stats", "error"))]
        nearest_b2, distance_b = two_nearest(x_bd, units_kd)
        return {self.head: distance_b, "nearest": nearest_b2, "row": x_bd}

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
        """The squared distances [b] of the best restart; the variables are those after the rows.

        The weights are those of rows that weigh 1 on average: a row of 3 moves units as three do.
        """
        del target
        x_bd = self.features(columns)
        is_first = step % steps_per_epoch == 0
        n_epochs = max(total_steps // steps_per_epoch, 2)
        share = jnp.clip((step // steps_per_epoch) / (n_epochs - 1), 0, 1)
        is_last = step % steps_per_epoch == steps_per_epoch - 1

        def learn_batch(units: _Units) -> tuple[_Units, Array]:
            distance_bk = squared_distances(x_bd, units.places_kd)
            nearest_b = distance_bk.min(1)
            error = jnp.where(is_first, 0, units.error) + (nearest_b * weight_b).sum()
            units = units._replace(error=error)
            if self.rule in ("winner", "neural_gas", "map"):
                moment_b = jnp.clip(
                    (step + jnp.arange(len(weight_b)) / len(weight_b)) / total_steps, 0, 1
                )
                return self._learn_rows(units, x_bd, weight_b, moment_b), nearest_b
            won_ke = winner_sums(x_bd, weight_b, jnp.argmin(distance_bk, 1), self.units)
            if self.rule == "mini_batch":
                return _moved_by_share(units, won_ke), nearest_b
            return self._moved_to_means(units, won_ke, share, is_first, is_last), nearest_b

        before = _Units(
            self.get_variable("params", "units"),
            *(self.get_variable("batch_stats", name) for name in COUNTS),
        )
        best = jnp.argmin(before.error)
        after, nearest_rb = jax.vmap(learn_batch)(before)
        self.put_variable("params", "units", after.places_kd)
        for name, value in zip(COUNTS, after[1:], strict=True):
            self.put_variable("batch_stats", name, value)
        return nearest_rb[best]

    def _moved_to_means(
        self, units: _Units, won_ke: Array, share: Array, is_first: Array, is_last: Array
    ) -> _Units:
        """The units, at an epoch's last batch each at the mean of all rows that it won.

        `won_ke` are the sums of a batch, of the epoch's first or last one as the flags say; of a
        map those of neighbours count as well, by the `share` of training that has passed.
        """
        zero = jnp.zeros((), units.sums_ke.dtype)
        sums_ke = jnp.where(is_first, zero, units.sums_ke) + won_ke
        spread_ke = sums_ke
        if self.rule == "batch_map":
            spread_ke = exact_product(self._neighbourhood(self.reach.at(share)), sums_ke)
        means_kd = unit_means(units.places_kd, spread_ke)
        places_kd = jnp.where(is_last, means_kd, units.places_kd)
        return units._replace(places_kd=places_kd, sums_ke=sums_ke)

    def _learn_rows(self, units: _Units, x_bd: Array, weight_b: Array, moment_b: Array) -> _Units:
        """The units after the rows one by one; `moment_b` is each row's share of training."""

        def learn_row(
            carry: tuple[Array, Array], row: tuple[Array, Array, Array]
        ) -> tuple[tuple[Array, Array], None]:
            (units_kd, wins_k) = carry
            (x_d, weight, moment) = row
            distance_k = jnp.square(units_kd - x_d[None]).sum(-1)
            if self.rule == "neural_gas":
                pull_k = jnp.exp(-ranks(distance_k) / self.reach.at(moment))
            elif self.rule == "map":
                pull_k = self._neighbourhood(self.reach.at(moment))[jnp.argmin(distance_k)]
            else:
                share_k = (wins_k + 1) / (wins_k + 1).sum()
                winner = jnp.argmin(distance_k * share_k ** (self.conscience * (1 - moment)))
                pull_k = jax.nn.one_hot(winner, self.units)
                wins_k = wins_k + pull_k * weight
            step_k = repeated(self.rate.at(moment) * pull_k, weight)
            return (units_kd + step_k[:, None] * (x_d[None] - units_kd), wins_k), None

        carry = (units.places_kd, units.wins_k)
        (places_kd, wins_k), _ = lax.scan(learn_row, carry, (x_bd, weight_b, moment_b))
        return units._replace(places_kd=places_kd, wins_k=wins_k)

    def _neighbourhood(self, radius: Array) -> Array:
        """The share of each winner's step that every unit takes [k, k]."""
        assert self.shape is not None, "a rule of maps needs one"
        return neighbourhood(
            jnp.asarray(map_distances(self.shape, self.grid), jnp.float32), radius, self.kind
        )

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{"cluster": int32 [b], its "distance", the scaled "row" [b, d], of a map "adjacent"}.

        "adjacent" is 1 where the second nearest unit is the nearest's neighbour on the map, else 0.
        """
        first_b, second_b = outputs["nearest"].T
        on_map = {}
        if self.shape is not None:
            # A diagonal is sqrt(2) long: the eight around a unit of a rectangular map, the six of a
            # hexagonal one.
            near_kk = jnp.asarray(
                map_distances(self.shape, self.grid) < (1.5 if self.grid == "rectangular" else 1.1)
            )
            on_map["adjacent"] = near_kk[first_b, second_b].astype(jnp.float32)
        distance_b = jnp.sqrt(outputs[self.head])
        return {
            self.head: first_b,
            "distance": distance_b,
            "row": outputs["row"],
            **on_map,
        }
