"""Which nets can go on from step to step: those whose answer to a step needs no later one."""

from __future__ import annotations

from train.config.bounded import resolved
from train.config.net_options import LSTM
from train.config.options import Config
from train.data.dataset import Encoder
from train.data.sequences.encoder import SequenceEncoder
from train.errors import UserError


def check_can_step(config: Config, encoder: Encoder) -> None:
    """Raises UserError for a net whose answer to a step needs later ones, or that reads none."""
    net = config.net
    if not isinstance(encoder, SequenceEncoder) or not isinstance(net, LSTM):
        raise UserError("step: only a net for sequences answers step by step")
    kinds = {head.kind for head in encoder.heads}
    answers_rows = not kinds <= {"step_numbers", "next_numbers", "next_binary"}
    reason = None
    if resolved(net.bidirectional):
        reason = "reads both directions: the backward one begins at the end"
    elif resolved(net.convolutions):
        reason = "has convolutions, which look ahead"
    elif resolved(net.fixed_filters):
        reason = "has fixed filters, which read a sequence as a whole"
    elif resolved(net.own_scale):
        reason = "scales a sequence by all of its steps"
    elif "tags" in kinds:
        reason = "decodes tags along the whole sequence"
    elif resolved(net.patch) > 1:
        reason = f"reads {net.patch} steps at once"
    elif resolved(net.readout) != "last" and answers_rows:
        reason = f"has the readout {net.readout!r}; only 'last' can be carried on"
    if reason is not None:
        raise UserError(f"step: this net {reason}; train one that does not to answer step by step")
