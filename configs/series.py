"""Anybody's series: name a file, its target (or targets) and its time column, and an LSTM forecasts it.

    python -m train.main --config=configs/series.py --config.data.path=FILE.csv --config.data.target=COLUMN \
        --config.data.time=COLUMN [--config.data.lookback=96 --config.data.horizon=24]
"""

from train.config import LSTM, Config, Optim, Series, Train


def get_config() -> Config:
    return Config(
        data=Series(),
        net=LSTM(
            hidden=(64,),
            dropout=0.3,
            patch="auto",
            window="last_deviation",
            columns="independent",
            shortcut=True,
        ),
        optim=Optim(name="adam", learning_rate=3e-3, clip_norm=1.0),
        loss="mse",
        train=Train(epochs=40, batch_size="auto", patience=6),
    )
