"""How many nets for sequences `population.seeds="auto"` stands for: by what their training costs.

A net's seconds are those of one core, told by the passes over the rows, their steps, and the
weights that each step is multiplied by. Of nets of `configs/sequences.py`, one of several that were
trained together, the whole command shared out among them:

                                    rows  steps  epochs  weights  seconds  by the rule
    JapaneseVowels                   270     26      42   39,000        4            2
    pendigits, eight points        6,370      8      40  133,000       29           28
    Car, behind convolutions          60    577     250   15,000       30           37
    OSULeaf, behind convolutions     200    427      77   15,000       36           28
    SNIPS, words                  13,084     35      10  299,000      147          123

A step has seconds of its own, for those of few weights cost more than these say.
"""

from __future__ import annotations

from train.config.bounded import LAST_SEED, resolved
from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Config, Population
from train.config.sequence_recipe import FEW_ROWS, Traits

MAX_SEEDS = 4
# Nets of few sequences that a number is asked of: each is validated on rows of its own.
NUMBER_FOLDS = 4
MIN_FOLDED_ROWS = 16
# Two cores that do nothing else then take two and a half minutes: less than three with what comes
# before and after training.
SECONDS = 300.0
SECONDS_OF_A_STEP = 3e-6
SECONDS_OF_A_WEIGHT = 8e-11  # at a step
GATES = {"lstm": 4, "gru": 3, "plain": 1}


def may_have_seeds(config: Config) -> bool:
    """Whether population.seeds="auto" may be more than one.

    What answers step by step (the next step, one direction, windows) is one net: its carry is that
    of one, and its step is exported as a graph.
    """
    data, net = config.data, config.net
    if not isinstance(data, Sequences) or not isinstance(net, LSTM) or data.stream:
        return False
    is_stepwise = data.next_step or net.bidirectional is False or config.train.truncate is not None
    if is_stepwise or config.seed + MAX_SEEDS - 1 > LAST_SEED:
        return False
    return config.population == Population(seeds="auto")


def seeds_of(config: Config, n_train: int, *, longest: int, numbers: int, tokens: bool) -> int:
    """How many nets "auto" stands for: MAX_SEEDS, halved until all train within SECONDS.

    So 1, 2 or 4, which cores share evenly: members stand on as many of them as divide both. The
    config has no "auto" left. `longest`: the longest training row; `numbers`: those of a step;
    `tokens`: whether words are read.
    """
    assert isinstance(config.net, LSTM)
    assert isinstance(config.data, Sequences)
    net = config.net
    n_inputs = numbers * (1 + bool(resolved(net.own_scale)))
    if tokens:
        n_inputs += net.token_size + config.data.characters * net.character_size
    n_steps = resolved(config.train.epochs) * n_train * longest
    of_a_step = SECONDS_OF_A_STEP + SECONDS_OF_A_WEIGHT * _weights_of_a_step(net, n_inputs)
    seeds = MAX_SEEDS
    while seeds > 1 and seeds * n_steps * of_a_step > SECONDS:
        seeds //= 2
    return seeds


def number_folds(config: Config, n_rows: int, traits: Traits) -> int:
    """How many nets, each validated on a part of the rows, "auto" of seeds stands for; 1: no parts.

    What a net learns of few rows may tell less of others than their mean, so rows that it has not
    seen say when to stop. `n_rows` train or validate.
    """
    data = config.data
    assert isinstance(data, Sequences)
    is_own = data.valid_path is not None or data.valid != "auto" or data.split != "random"
    is_few = MIN_FOLDED_ROWS <= n_rows < FEW_ROWS
    return NUMBER_FOLDS if traits.are_numbers and is_few and not is_own else 1


def _weights_of_a_step(net: LSTM, n_inputs: int) -> float:
    """What a step is multiplied by, on average: convolutions skip steps, LSTMs read several."""
    convolved = 0.0
    width = sum(resolved(net.widths)) / max(len(resolved(net.widths)), 1)
    for filters in resolved(net.convolutions):
        convolved += n_inputs * width * filters
        width = resolved(net.later_width)
        n_inputs = filters
    recurrent = 0
    directions = 1 + bool(resolved(net.bidirectional))
    for units in resolved(net.hidden):
        recurrent += directions * GATES[net.cell] * units * (n_inputs + units)
        n_inputs = directions * units
    read = resolved(net.pool) * resolved(net.patch)
    return (convolved + recurrent / read) / resolved(net.stride)
