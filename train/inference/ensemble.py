"""One network, or several that answer by their mean, on encoded rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TypeAlias

import jax
import numpy as np

from nets.base import Tree, Variables
from train.config.data_options import Table
from train.config.options import Config
from train.core.network import make_network
from train.core.precision import in_single_precision
from train.core.tasks import HEAD_KINDS
from train.data.blocks import join_arrays
from train.data.dataset import Arrays, Encoder, HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.errors import UserError
from train.evaluation.importance import Shuffled
from train.inference.blocks import AnswerBlocks, S, SequenceBlocks, in_blocks
from train.inference.first_layer import make_shuffles_by_first_layer
from train.inference.fixed_features import FixedFeatures, shared_features
from train.inference.mc_dropout import Sampler, make_sampler
from train.inference.native import NativeNets, native_nets
from train.inference.shuffles import (
    Shuffle,
    is_worth_compiling,
    make_shuffles,
    shuffled_in_turns,
)
from train.inference.together import answers_of_trees, as_one, has_paths
from train.inference.turns import in_turns, marked
from train.parallel.devices import on_every_device

# What a net for sequences carries from step to step, of each tree of variables.
Carries: TypeAlias = tuple[Tree, ...]
# Rows of one compiled call; fewer are padded, so that one program serves any number of rows.
BLOCK = 256


class Ensemble:
    """A network with its weights, compiled for blocks of rows of one fixed size.

    So a row's prediction does not depend on the rows beside it, nor on how many devices predict
    blocks at once. Where the kernel for rows of a table answers there are no blocks. `variables`
    are those of one net, or a tuple of those of several, each leaf with an axis of members first.
    Of all methods `inputs` are encoded rows {name: [n, ...]}, and results {head: predictions
    [n, ...]}.
    """

    @in_single_precision()
    def __init__(
        self, config: Config, encoder: Encoder, variables: Variables | tuple[Variables, ...]
    ):
        self._config = config
        self._encoder = encoder
        self._process = os.getpid()
        self.has_members = isinstance(variables, tuple)
        self.network, _ = make_network(config, encoder)
        network = self.network

        def predict(variables: Variables, inputs: HostArrays) -> Tree:
            return network.apply(variables, inputs, method="predict")

        def step(variables: Variables, inputs: HostArrays, carry: Tree) -> Tree:
            return network.apply(variables, inputs, carry, method="step")

        self._step = jax.jit(jax.vmap(step, in_axes=(0, None, 0)) if self.has_members else step)
        axis = 1 if self.has_members else 0
        # Rows of a table on a CPU; an accelerator takes no longer for a whole block.
        self._by_turns = isinstance(config.data, Table) and jax.default_backend() == "cpu"
        predict_all = jax.vmap(predict, in_axes=(0, None)) if self.has_members else predict
        self.apply, self._variables, n_blocks = on_every_device(
            in_turns(predict_all, axis) if self._by_turns else predict_all,
            variables if isinstance(variables, tuple) else (variables,),
            axis,
        )
        self._together = None
        if self.has_members and has_paths(encoder):
            all_nets = partial(answers_of_trees, network)
            self._together = on_every_device(all_nets, self._variables, axis).predict
        self._rows = BLOCK * n_blocks  # of a call
        self._sequences = None
        if isinstance(encoder, SequenceEncoder):
            of_steps = [head.name for head in encoder.heads if HEAD_KINDS[head.kind].every_step]
            self._sequences = SequenceBlocks(encoder.usual_width, tuple(of_steps), n_blocks)

    @in_single_precision()
    def predict(self, inputs: Mapping[str, np.ndarray]) -> HostArrays:
        """By the one net, or the mean of all members, whose deviation stands beside it."""

        self._check_process()

        def fetch(sent: Sequence[Arrays]) -> HostArrays:
            return self._mean(jax.device_get(sent))

        if self._native is not None:
            return self._mean(self._native(inputs))
        own = marked(inputs) if self._by_turns else inputs
        send = self._by_variables if self._together is None else self._by_all
        return self._in_blocks(AnswerBlocks(send, fetch), own)

    @in_single_precision()
    def each(self, inputs: Mapping[str, np.ndarray]) -> HostArrays:
        """By every member [members, n, ...]."""

        self._check_process()

        def fetch(sent: Sequence[Arrays]) -> HostArrays:
            return join_arrays(jax.device_get(sent))

        if self._native is not None:
            return join_arrays(self._native(inputs))
        own = marked(inputs) if self._by_turns else inputs
        return self._in_blocks(AnswerBlocks(self._by_variables, fetch), own, axis=1)

    @in_single_precision()
    def sampled(self, inputs: Mapping[str, np.ndarray], n_samples: int, seed: int) -> HostArrays:
        """Predictions as means over nets thinned by dropout, with their deviations beside them.

        See `make_sampler`. Raises UserError.
        """
        self._check_process()
        if n_samples < 2:
            raise UserError(f"--dropout_samples: expected an integer, at least 2, got {n_samples}")
        if self.has_members:
            raise UserError(
                "--dropout_samples: is for one net; here several answer, with their deviation"
            )
        keys = jax.random.split(jax.random.key(seed), n_samples)

        def send(block: HostArrays) -> Arrays:
            return self._sampler(self.variables[0], block, keys)

        return self._in_blocks(AnswerBlocks(send, jax.device_get), inputs)

    def shuffled(
        self, inputs: Mapping[str, np.ndarray], owners: Mapping[str, np.ndarray]
    ) -> Shuffled:
        """What predicts these rows with one column shuffled, for many columns in a call.

        `owners` say which column each place of an input belongs to.
        """
        if not is_worth_compiling(owners):
            return shuffled_in_turns(self.predict, inputs, owners)
        shuffle = self._shuffle(inputs, owners)

        @in_single_precision()
        def predict(order_n: np.ndarray, columns_k: np.ndarray, count: int) -> HostArrays:
            answers = [
                shuffle(variables, order_n, columns_k, count) for variables in self.variables
            ]
            return self._mean(answers)

        return predict

    def _shuffle(
        self, inputs: Mapping[str, np.ndarray], owners: Mapping[str, np.ndarray]
    ) -> Shuffle:
        """A program that shuffles: of a dense net one that knows what the first layer does."""
        heads = [head.name for head in self._encoder.heads]
        n_devices = self._rows // BLOCK
        if n_devices == 1 and (
            shuffle := make_shuffles_by_first_layer(
                self.network, self.variables[0], inputs, owners, heads, self.has_members
            )
        ):
            return shuffle
        total = len(next(iter(inputs.values())))
        n_rows = min(self._rows, -(-total // n_devices) * n_devices)
        return make_shuffles(self.apply, inputs, owners, heads, n_rows, self.has_members)

    @in_single_precision()
    def step(
        self, inputs: Mapping[str, np.ndarray], carries: Carries | None
    ) -> tuple[HostArrays, Carries]:
        """After further steps, and the carries to go on from; None begins."""
        self._check_process()
        before = (None,) * len(self.variables) if carries is None else carries
        predictions = []
        after = []
        for variables, carry in zip(self.variables, before, strict=True):
            stepped, goes_on = self._step(variables, inputs, carry)
            predictions.append(jax.device_get(stepped))
            after.append(goes_on)
        return self._mean(predictions), tuple(after)

    @property
    def variables(self) -> tuple[Variables, ...]:
        """What it answers by: trees of one net each, or of several."""
        return self._variables

    @variables.setter
    def variables(self, trees: tuple[Variables, ...]) -> None:
        if any(new is not old for new, old in zip(trees, self._variables, strict=True)):
            self.__dict__.pop("_native", None)
            self.__dict__.pop("_features", None)
        self._variables = trees

    @cached_property
    def _native(self) -> NativeNets | None:
        return native_nets(self.network, self._variables, self.has_members)

    @cached_property
    def _features(self) -> FixedFeatures | None:
        return shared_features(self.network, self._variables, self.has_members, self._rows // BLOCK)

    @cached_property
    def _sampler(self) -> Sampler:
        return make_sampler(self._config, self._encoder)

    def _check_process(self) -> None:
        """Raises UserError in a process forked from the one that loaded it.

        The threads of jax are not there, and a call would wait for them for ever.
        """
        if os.getpid() != self._process:
            raise UserError(
                "this net was loaded before the process forked, where jax cannot go on: load it in "
                "the child of a process that has not used jax, or start children by "
                "multiprocessing.get_context('spawn') or 'forkserver'"
            )

    def _in_blocks(
        self,
        answer: AnswerBlocks[S],
        inputs: Mapping[str, np.ndarray],
        axis: int = 0,
    ) -> HostArrays:
        """The predictions for all rows, block after block."""
        if self._sequences is None:
            return in_blocks(answer, inputs, self._rows, axis)
        return self._sequences.predict(answer, inputs, BLOCK, axis)

    def _by_variables(self, block: HostArrays) -> list[Arrays]:
        """A block's predictions by each tree of variables, which need not be there yet."""
        own = self._with_features(block)
        return [self.apply(variables, own) for variables in self.variables]

    def _by_all(self, block: HostArrays) -> list[Arrays]:
        """A block's predictions by all nets at once."""
        assert self._together is not None
        return [self._together(self._variables, self._with_features(block))]

    def _with_features(self, block: HostArrays) -> HostArrays:
        """A block, with what fixed filters give for it where that is the same for all nets."""
        return block if self._features is None else self._features.beside(block)

    def _mean(self, predictions: Sequence[HostArrays]) -> HostArrays:
        """The mean of all members' predictions, with their deviation; one net's own."""
        if not self.has_members:
            return predictions[0]
        return jax.device_get(as_one(join_arrays(predictions), self._encoder))
