"""Anybody's series, by three nets that differ by their seed, at three times the time.

    python -m train.main --config=configs/series_best.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN --config.data.time=COLUMN

The nets of `series.py`, whose options are these; they answer by their mean, and how far they lie
apart stands beside it. What the mean gains on your series `train.backtest` says, of either config.
"""

from dataclasses import replace

from train.config import Config, Population, read


def get_config() -> Config:
    return replace(read("series"), population=Population(seeds=3))
