"""What truncated backpropagation does not go with."""

from __future__ import annotations

from train.config import values
from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Config
from train.errors import UserError

# What of a net reads beyond a window's end: the field, what turns it off, what it reads.
LOOK_AHEAD = (
    ("bidirectional", False, "reads from a sequence's end"),
    ("crf", False, "chooses the tags of a whole sequence"),
    ("convolutions", (), "looks ahead"),
    ("fixed_filters", 0, "looks ahead"),
    ("own_scale", False, "goes by a whole sequence"),
    ("patch", 1, "takes several steps as one"),
)


def check_truncate(config: Config) -> None:
    """Raises UserError if a net, or what it reads, has no state to carry from window to window."""
    size = config.train.truncate
    if size is None:
        return
    if not isinstance(config.data, Sequences):
        kind = type(config.data).__name__
        raise UserError(
            f"config.train.truncate: is for config.data=Sequences(...), not {kind}; "
            "leave it at None"
        )
    if not isinstance(config.net, LSTM):
        raise UserError(
            "config.train.truncate: a net of yours carries no state from window to window; "
            "use an LSTM, or leave it at None"
        )
    for field, off, why in LOOK_AHEAD:
        value = getattr(config.net, field)
        if value not in (off, "auto"):
            raise UserError(
                f"config.net.{field}: {why}, but config.train.truncate={size} trains on windows "
                f"of {size} steps; set it to {values.to_text(off) or off}"
            )
