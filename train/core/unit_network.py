"""The network of units that learn clusters or a map, and the inputs of nets that learn by rules."""

from __future__ import annotations

import nets
from nets.competitive import Decay
from train.config.data_options import Table
from train.config.net_options import Competitive, SelfOrganizingMap
from train.data.table.encoder import TableEncoder


def one_hot_inputs(encoder: TableEncoder) -> nets.Inputs:
    """Each category an input of its own, however many there are.

    A rule that moves one layer, or units, cannot learn vectors for categories.
    """
    return nets.Inputs(encoder.category_sizes, max(encoder.category_sizes, default=0))


def make_units(
    data: Table, net: Competitive | SelfOrganizingMap, encoder: TableEncoder
) -> nets.Competitive:
    """The units of a net that learns clusters."""
    inputs = one_hot_inputs(encoder)
    rate = Decay(net.rate, net.final_rate)
    if isinstance(net, Competitive):
        return nets.Competitive(
            inputs,
            net.units,
            rule=net.rule,
            start=net.start,
            restarts=net.restarts,
            rate=rate,
            reach=Decay(net.neighbours or net.units / 2, 0.01),
            conscience=net.conscience,
            scaling=data.scaling,
            missing_columns=encoder.missing_columns,
        )
    rows, columns = net.shape
    return nets.Competitive(
        inputs,
        rows * columns,
        rule="map" if net.rule == "online" else "batch_map",
        start=net.start,
        restarts=net.restarts,
        rate=rate,
        reach=Decay(net.radius or max(rows, columns) / 2, net.final_radius),
        shape=(rows, columns),
        grid=net.grid,
        kind=net.neighbourhood,
        scaling=data.scaling,
        missing_columns=encoder.missing_columns,
    )
