"""Anybody's series, by three nets that differ by their seed, at three times the time.

    python -m train.main --config=configs/series_best.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN --config.data.time=COLUMN

The nets of `series.py`, whose options are these; they answer by their mean, and how far they lie
apart stands beside it. What the mean gains on your series `train.backtest` says, of either config.
"""

from train.config import LSTM, Config, Optim, Population, Series, Train


def get_config() -> Config:
    return Config(
        data=Series(asinh="auto"),
        net=LSTM(
            hidden="auto",
            head="auto",
            dropout=0.3,
            recurrent_dropout=0.3,
            patch="auto",
            patch_units="auto",
            decoder="auto",
            window="auto",
            columns="independent",
            shortcut=True,
            shortcut_period="auto",
            linear_fallback="auto",
        ),
        optim=Optim(name="adam", learning_rate=3e-3, clip_norm=1.0, ema=0.99),
        loss="auto",
        train=Train(epochs=60, batch_size="auto", patience=6),
        population=Population(seeds=3),
    )
