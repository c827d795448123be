"""What the learning rate of a parameter is multiplied by, by its name."""

from __future__ import annotations

from collections.abc import Mapping

import optax
from jax.tree_util import KeyPath, tree_leaves_with_path, tree_map_with_path

from nets.base import Params
from train.config.optim_checks import parameter_family
from train.core.penalties import leaf_name


def scale_by_name(rates: Mapping[str, float]) -> optax.GradientTransformation:
    """Updates times the rate of their name; "slope" stands for slope_0, slope_1 and so on."""

    def scale_all(updates: optax.Updates, _: optax.Params | None) -> optax.Updates:
        return tree_map_with_path(lambda path, update: update * rate_of(path, rates), updates)

    return optax.stateless(scale_all)


def rate_of(path: KeyPath, rates: Mapping[str, float]) -> float:
    """What the learning rate of a parameter is multiplied by."""
    name = leaf_name(path)
    return rates.get(name, rates.get(parameter_family(name), 1.0))


def unmatched_names(rates: Mapping[str, float], params: Params) -> list[str]:
    """The names in `rates` that no parameter has."""
    names = {leaf_name(path) for path, _ in tree_leaves_with_path(params)}
    names |= {parameter_family(name) for name in names}
    return sorted(set(rates) - names)
