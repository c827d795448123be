"""Anybody's table, by five nets that each hold other rows out: better than `table.py`, slower.

    python -m train.main --config=configs/table_best.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN

The nets of `table.py`, one for each of five folds of all rows that are not test rows; they answer
by their mean. What each holds out chooses its weights, and together all rows choose the
temperature of the probabilities.
"""

import runpy
from pathlib import Path

from train.config import Config, Population


def get_config() -> Config:
    config = runpy.run_path(str(Path(__file__).parent / "table.py"))["get_config"]()
    config.population = Population(folds=5)
    return config
