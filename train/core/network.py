"""The network of a config: options and a data set's schema in, Linen module and tasks out."""

from __future__ import annotations

from functools import partial

import nets
from nets.base import DataNetwork
from nets.own import Body
from nets.perceptron import Rule
from train.config.bounded import resolved
from train.config.data_options import Data, Sequences, Series, Table
from train.config.net_options import LSTM, Competitive, Dense, Perceptron, SelfOrganizingMap
from train.config.options import LOG_LOSSES, Config
from train.config.own_net import Own
from train.core.cycles import learned_cycle
from train.core.own import body_of, steps_of
from train.core.series_places import series_scales
from train.core.tasks import Task, make_tasks
from train.core.unit_network import make_units, one_hot_inputs
from train.data.dataset import Encoder
from train.data.floors import encoded_floors
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.encoder import TableEncoder

# What stands around a user's own module that reads steps.
OWN_NET_OPTIONS = LSTM(readout="mean_max_last", window="last")


def make_network(config: Config, encoder: Encoder) -> tuple[DataNetwork, tuple[Task, ...]]:
    """The network of a resolved config, and what each of its heads is trained on."""
    tasks = tasks_of(config, encoder)
    if isinstance(config.net, Own):
        return _own_network(config.data, config.net, encoder, tasks), tasks
    match config.data, config.net, encoder:
        case Table() as data, Dense() as net, TableEncoder():
            if net.code is not None:
                return _autoencoder(data, net, encoder, tasks[0]), tasks
            return _table_network(data, net, encoder, tasks), tasks
        case Table() as data, Perceptron() as net, TableEncoder():
            return _perceptron(data, net.rule, encoder, tasks), tasks
        case Table() as data, Competitive() | SelfOrganizingMap() as net, TableEncoder():
            return make_units(data, net, encoder), tasks
        case Series() as data, LSTM() as net, SeriesEncoder():
            return _series_network(net, encoder, tasks[0], _recurrent_stack(net)), tasks
        case Sequences(), LSTM() as net, SequenceEncoder():
            return _sequence_network(net, encoder, tasks, _recurrent_stack(net)), tasks
    raise NotImplementedError(f"{type(config.net).__name__} on {type(config.data).__name__}")


def tasks_of(config: Config, encoder: Encoder) -> tuple[Task, ...]:
    """What each head of the data set is trained on."""
    net = config.net
    bounds = encoded_floors(encoder)
    shapes = tuple(
        nets.HeadShape(head.name, head.kind, head.size, floors=bounds.get(head.name, ()))
        for head in encoder.heads
    )
    if isinstance(encoder, ReconstructionEncoder):
        shapes = (shapes[0]._replace(categories=encoder.category_sizes),)
    tasks = make_tasks(
        shapes,
        config.loss,
        encoder.steps if isinstance(encoder, SequenceEncoder) else 1.0,
        crf=isinstance(net, LSTM) and net.crf,
        quantiles=config.levels(),
    )
    if isinstance(net, Perceptron):
        tasks = tuple(task._replace(loss=net.rule) for task in tasks)
    return tasks


def _has_log_link(tasks: tuple[Task, ...]) -> bool:
    """Whether outputs are logarithms of the numbers that are predicted, as of counts."""
    return any(task.loss in LOG_LOSSES for task in tasks)


def _dense_inputs(data: Table, net: Dense, encoder: TableEncoder) -> nets.Inputs:
    return nets.Inputs(
        category_sizes=encoder.category_sizes,
        one_hot=data.one_hot,
        embedding=resolved(net.embedding),
        embedding_size=net.embedding_size,
        embedding_scale=net.embedding_scale,
        input_scale=net.input_scale,
    )


def _dense_body(net: Dense) -> nets.Dense:
    return nets.Dense(
        hidden=resolved(net.hidden),
        activation=resolved(net.activation),
        kernel_init=net.kernel_init,
        dropout=resolved(net.dropout),
        norm=net.norm,
        residual=net.residual,
        parametrization=net.parametrization,
        activation_slope=net.activation_slope,
        members=net.members if net.members > 1 and net.adapters == "layers" else None,
    )


def _table_network(
    data: Table, net: Dense, encoder: TableEncoder, tasks: tuple[Task, ...]
) -> nets.TableNetwork:
    shapes = tuple(task.head for task in tasks)
    members = None
    adapter = None
    if net.members > 1:
        members = net.members
        adapter = nets.Adapter(members, "signs" if net.embedding == "none" else "normal")
    return nets.TableNetwork(
        _dense_inputs(data, net, encoder),
        _dense_body(net),
        nets.Heads(shapes, net.output_init, net.parametrization, members),
        scaling=data.scaling,
        missing_columns=encoder.missing_columns,
        clip_outputs=net.clip_outputs,
        log_link=_has_log_link(tasks),
        adapter=adapter,
        linear_start=resolved(net.linear_start),
    )


def _own_network(data: Data, net: Own, encoder: Encoder, tasks: tuple[Task, ...]) -> DataNetwork:
    """A user's own module between the scaled features and the layers of the targets."""
    if isinstance(data, Series) and isinstance(encoder, SeriesEncoder):
        return _series_network(OWN_NET_OPTIONS, encoder, tasks[0], steps_of(net))
    if isinstance(encoder, SequenceEncoder):
        return _sequence_network(OWN_NET_OPTIONS, encoder, tasks, steps_of(net))
    assert isinstance(data, Table) and isinstance(encoder, TableEncoder)
    return nets.TableNetwork(
        nets.Inputs(category_sizes=encoder.category_sizes, one_hot=data.one_hot),
        body_of(net),
        nets.Heads(tuple(task.head for task in tasks)),
        scaling=data.scaling,
        missing_columns=encoder.missing_columns,
        log_link=_has_log_link(tasks),
    )


def _autoencoder(data: Table, net: Dense, encoder: TableEncoder, task: Task) -> nets.Autoencoder:
    assert net.code is not None
    return nets.Autoencoder(
        _dense_inputs(data, net, encoder),
        _dense_body(net),
        net.code,
        task.head,
        net.output_init,
        scaling=data.scaling,
        missing_columns=encoder.missing_columns,
    )


def _perceptron(
    data: Table, rule: Rule, encoder: TableEncoder, tasks: tuple[Task, ...]
) -> nets.Perceptron:
    shapes = tuple(task.head for task in tasks)
    inputs = one_hot_inputs(encoder)
    return nets.Perceptron(
        inputs, shapes, rule, scaling=data.scaling, missing_columns=encoder.missing_columns
    )


def _recurrent_stack(net: LSTM) -> nets.RecurrentStack:
    """The layers of the cell that is asked for."""
    stack = nets.LSTM if net.cell == "lstm" else partial(nets.Recurrent, cell=net.cell)
    return stack(
        hidden=resolved(net.hidden),
        bidirectional=resolved(net.bidirectional),
        merge=net.merge,
        dropout=resolved(net.dropout),
        input_dropout=resolved(net.input_dropout),
        recurrent_dropout=net.recurrent_dropout,
    )


def _series_network(
    net: LSTM,
    encoder: SeriesEncoder,
    task: Task,
    body: Body,
) -> nets.Forecaster:
    return nets.Forecaster(
        body,
        horizon=encoder.horizon,
        n_targets=encoder.n_targets,
        quantiles=task.head.quantiles,
        deviation=task.head.deviation,
        density=task.head.density,
        floors=task.head.floors,
        patch=resolved(net.patch),
        patch_units=resolved(net.patch_units),
        decoder=resolved(net.decoder),
        tells_columns=net.tells_columns,
        window=resolved(net.window),
        columns=net.columns,
        shortcut=net.shortcut,
        shortcut_period=resolved(net.shortcut_period),
        linear_fallback=resolved(net.linear_fallback),
        cycle=learned_cycle(net, encoder),
        readout=resolved(net.readout),
        head=resolved(net.head),
        head_activation=net.head_activation,
        dropout=resolved(net.dropout),
        marked=encoder.marks_targets,
        scales=series_scales(encoder),
        groups=nets.GroupVectors(len(encoder.groups), net.group_size) if net.group_size else None,
    )


def fixed_filters(net: LSTM, encoder: SequenceEncoder) -> nets.FixedFilters | None:
    """The fixed filters of a net on sequences, if it has any."""
    n_features = resolved(net.fixed_filters)
    return nets.FixedFilters(n_features, encoder.longest) if n_features else None


def _sequence_network(
    net: LSTM,
    encoder: SequenceEncoder,
    tasks: tuple[Task, ...],
    body: Body,
) -> nets.SequenceNetwork:
    tokens = None
    if encoder.token is not None:
        words = encoder.vocabulary
        tokens = nets.Tokens(
            words.n_words, net.token_size, words.n_characters, net.character_size, net.rare
        )
    front = None
    if net.convolutions:
        front = nets.Convolutions(
            resolved(net.convolutions),
            resolved(net.widths),
            resolved(net.later_width),
            resolved(net.stride),
            resolved(net.dilation),
        )
    return nets.SequenceNetwork(
        heads=tuple(task.head for task in tasks),
        body=body,
        tokens=tokens,
        dropout=resolved(net.dropout),
        readout=resolved(net.readout),
        head=resolved(net.head),
        head_activation=net.head_activation,
        patch=resolved(net.patch),
        own_scale=resolved(net.own_scale),
        front=front,
        front_readout=resolved(net.convolution_readout),
        front_dropout=resolved(net.convolution_dropout),
        fixed=fixed_filters(net, encoder),
        pool=resolved(net.pool),
        crf=net.crf,
        log_link=_has_log_link(tasks),
    )
