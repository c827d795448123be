"""What "auto" stands for where sequences are read: rules by the rows, their lengths and kinds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from train.config.bounded import filled
from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Augment, Config
from train.config.recipe import LSTM_LEARNING_RATE

# Steps that an LSTM reads one by one; of longer sequences it reads patches, about PATCHES of them.
MAX_STEPS = 40
PATCHES = 30
MIN_PATCH = 5

# Updates, and passes over the rows, that sequences need at the least.
TOKEN_STEPS = 4500
TOKEN_EPOCHS = 10
NUMBER_STEPS = 700
NUMBER_EPOCHS = 40
SEQUENCE_BATCH = 16

# Sequences of which none are spared to validate on: the last weights answer anyway. More of them
# ask for a larger LSTM and for less noise.
FEW_ROWS = 500
NOISE_OF_FEW = 0.3
NOISE_OF_MANY = 0.1

# Tokens that are read of a training sequence: so many times the mean, from and up to so many.
CUT_FACTOR = 8
MIN_CUT = 64
MAX_CUT = 1024

# Sequences of numbers that are told apart are mixed, and at the end are not: a net that has seen
# mixed ones alone is never sure.
MIXUP = 0.2
MIXUP_UNTIL = 0.75

# Longer sequences of numbers than MAX_STEPS that one answer each is asked for are convolved: at
# FINE_STEPS places at the most, of which the LSTM reads maxima, COARSE_STEPS at the most. Of one
# number a step, with classes to tell, they are from SHAPE_STEPS on: their shape tells, not a place.
SHAPE_STEPS = 20
FILTERS = (48, 32, 32)
WIDTHS = (9, 19, 39)
LATER_WIDTH = 5
DILATION = 2
FINE_STEPS = 600
FIXED_FILTERS = 2016
COARSE_STEPS = 64
CONVOLVED_LEARNING_RATE = 5e-3
CONVOLVED_STEPS = 1000
MAX_CONVOLVED_STEPS = 1000
CONVOLVED_EPOCHS = 75


@dataclass(frozen=True)
class Traits:
    """What the rules know of the sequences that are read."""

    longest: int
    """Steps of the longest training sequence."""
    tokens: bool
    """Whether words are read."""
    of_steps: bool
    """Whether some answer is asked for at every step."""
    classes: bool = True
    """Whether all answers are classes."""
    numbers: int = 0
    """How many numbers a step has; 0 where that is not known."""

    @property
    def is_step_by_step(self) -> bool:
        """Whether steps are read one by one: each is a word, or has an answer of its own."""
        return self.tokens or self.of_steps

    @property
    def are_numbers(self) -> bool:
        """Whether a number, not a class, is asked of whole sequences of numbers."""
        return not self.classes and not self.is_step_by_step


def resolve_sequences(config: Config, n_train: int, traits: Traits) -> Config:
    """The config with every "auto" of an LSTM on sequences replaced."""
    assert isinstance(config.net, LSTM)
    assert isinstance(config.data, Sequences)
    # What looks ahead of a window, or reads all steps at once, is for whole sequences.
    is_whole = truncated(config, traits.longest) is None
    is_convolved = is_whole and _convolves(config, traits)
    net = config.net
    if is_convolved:
        net = _with_convolutions(net, traits.longest)
    both_ways = is_whole and not config.data.next_step
    net = replace(net, bidirectional=filled(net.bidirectional, both_ways))
    if not is_whole:
        net = replace(net, readout=filled(net.readout, "last"), patch=filled(net.patch, 1))
    net = _resolve_sequence_net(net, n_train, traits)
    batch_size = filled(config.train.batch_size, SEQUENCE_BATCH)
    epochs = _epochs(math.ceil(n_train / batch_size), traits, is_convolved=is_convolved)
    train = replace(
        config.train,
        batch_size=batch_size,
        epochs=filled(config.train.epochs, epochs),
        monitor=filled(config.train.monitor, "loss"),
        restore=filled(config.train.restore, "best" if traits.are_numbers else "last"),
    )
    learning_rate = CONVOLVED_LEARNING_RATE if is_convolved else LSTM_LEARNING_RATE
    learning_rate = filled(config.optim.learning_rate, learning_rate)
    may_be_mixed = traits.classes and not traits.is_step_by_step
    is_mixed = is_whole and may_be_mixed and net.convolutions == ()
    return replace(
        config,
        net=net,
        augment=_with_mixup(config.augment, MIXUP if is_mixed else 0.0),
        train=train,
        optim=replace(config.optim, learning_rate=learning_rate),
        label_smoothing=filled(config.label_smoothing, 0.0),
    )


def truncated(config: Config, longest: int) -> int | None:
    """The steps of a window, where the longest training sequence has more; None: it is whole."""
    assert isinstance(config.data, Sequences)
    if isinstance(config.data.max_length, int):
        longest = min(longest, config.data.max_length)
    size = config.train.truncate
    return size if size is not None and size < longest else None


def _with_mixup(augment: Augment, strength: float) -> Augment:
    """The options of augmentation, where they are "auto"."""
    strength = filled(augment.mixup, strength)
    until = filled(augment.mixup_until, MIXUP_UNTIL if strength else 1.0)
    return replace(augment, mixup=strength, mixup_until=until)


def _epochs(steps_per_epoch: int, traits: Traits, *, is_convolved: bool) -> int:
    """Passes over the rows: as many as give enough updates."""
    if traits.tokens:
        return max(TOKEN_EPOCHS, math.ceil(TOKEN_STEPS / steps_per_epoch))
    if not is_convolved:
        return max(NUMBER_EPOCHS, math.ceil(NUMBER_STEPS / steps_per_epoch))
    # Few rows need many, and very many need but some.
    most = min(CONVOLVED_EPOCHS, math.ceil(MAX_CONVOLVED_STEPS / steps_per_epoch))
    return max(NUMBER_EPOCHS // 2, math.ceil(CONVOLVED_STEPS / steps_per_epoch), most)


def _convolves(config: Config, traits: Traits) -> bool:
    """Whether "auto" stands for convolutions."""
    assert isinstance(config.net, LSTM)
    # Batch norm takes a batch in one piece.
    is_whole = config.devices.exact is None
    are_shapes = traits.classes and traits.numbers == 1 and traits.longest >= SHAPE_STEPS
    is_long = traits.longest > MAX_STEPS or are_shapes
    may_be = config.net.convolutions == "auto" and not traits.is_step_by_step
    return may_be and is_long and is_whole


def _with_convolutions(net: LSTM, longest: int) -> LSTM:
    """The options of an LSTM behind convolutions, where they are "auto"."""
    stride = filled(net.stride, math.ceil(longest / FINE_STEPS))
    return replace(
        net,
        # Few units, of which little is left in training: convolutions tell more, and what an LSTM
        # remembers of a few hundred rows it would else answer by.
        hidden=filled(net.hidden, (8,)),
        dropout=filled(net.dropout, 0.8),
        convolutions=FILTERS,
        widths=filled(net.widths, WIDTHS),
        later_width=filled(net.later_width, LATER_WIDTH),
        dilation=filled(net.dilation, DILATION),
        stride=stride,
        pool=filled(net.pool, math.ceil(math.ceil(longest / stride) / COARSE_STEPS)),
        patch=filled(net.patch, 1),
        own_scale=filled(net.own_scale, True),
        fixed_filters=filled(net.fixed_filters, FIXED_FILTERS),
        readout=filled(net.readout, "mean_max_last"),
        # Noise would be what the fixed filters tell rows apart by.
        noise=filled(net.noise, 0.0),
        offset=filled(net.offset, 0.0),
        crop=filled(net.crop, 1.0),
    )


def _resolve_sequence_net(net: LSTM, n_train: int, traits: Traits) -> LSTM:
    tokens = traits.tokens
    of_steps = traits.of_steps
    is_few = n_train < FEW_ROWS
    noise = NOISE_OF_FEW if is_few else NOISE_OF_MANY
    units = 128 if tokens or not (is_few or of_steps) else 64
    return replace(
        net,
        hidden=filled(net.hidden, (units,)),
        dropout=filled(net.dropout, 0.4 if tokens else 0.5),
        input_dropout=filled(net.input_dropout, 0.4 if tokens else 0.0),
        noise=filled(net.noise, 0.0 if of_steps else noise),
        offset=filled(net.offset, 0.0 if of_steps else noise),
        crop=filled(net.crop, 1.0 if traits.is_step_by_step else 0.6),
        head=filled(net.head, ()),
        readout=filled(net.readout, "mean_max" if tokens else "mean_max_last"),
        patch=filled(net.patch, 1 if traits.is_step_by_step else auto_patch(traits.longest)),
        convolutions=filled(net.convolutions, ()),
        widths=filled(net.widths, WIDTHS),
        later_width=filled(net.later_width, LATER_WIDTH),
        dilation=filled(net.dilation, DILATION),
        stride=filled(net.stride, 1),
        pool=filled(net.pool, 1),
        convolution_readout=filled(net.convolution_readout, "mean"),
        convolution_dropout=filled(net.convolution_dropout, 0.0),
        own_scale=filled(net.own_scale, False),
        fixed_filters=filled(net.fixed_filters, 0),
    )


def auto_max_length(steps: float, *, tokens: bool) -> int | None:
    """What "auto" of `max_length` stands for, by the mean length of training rows."""
    return min(max(math.ceil(CUT_FACTOR * steps), MIN_CUT), MAX_CUT) if tokens else None


def auto_valid(n_rows: int) -> float:
    """What "auto" of `valid` stands for, by the rows there are to train and to validate."""
    return 0.0 if n_rows < FEW_ROWS else 0.15


def auto_patch(longest: int) -> int:
    """Steps that are read at once of sequences up to this long."""
    return 1 if longest <= MAX_STEPS else max(MIN_PATCH, math.ceil(longest / PATCHES))
