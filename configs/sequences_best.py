"""Anybody's sequences, by four nets that differ by their seed, whatever they cost.

    python -m train.main --config=configs/sequences_best.py \
        --config.data.path=FILE.jsonl --config.data.inputs=x --config.data.target=label

The nets of `sequences.py`, whose options are these, and which has as many where they train in a few
minutes; they answer by their mean, tags by one path that goes by their mean probabilities. A stream
of files, and a net to go on from, take `sequences.py`: they are of one net.

What several nets give stands in `sequences.py`. It trains four on all the sets there but SNIPS,
whose four would take some five minutes of two free cores and were not measured.
"""

from dataclasses import replace

from train.config import Config, Population, read


def get_config() -> Config:
    return replace(read("sequences"), population=Population(seeds=4))
