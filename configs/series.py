"""Anybody's series, forecast by an LSTM: name a file, its target (or targets) and its time column.

    python -m train.main --config=configs/series.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN --config.data.time=COLUMN

Further: --config.data.lookback=96 and horizon=24 (rows; "auto" is these numbers, of short series
two seasons and one), group=COLUMN where a file holds many series, and columns that are known ahead
(known=COLUMN) or up to now (observed=COLUMN).

What "auto" stands for was chosen on one data set (ETTh1, hourly; with columns known ahead, on
hourly prices), its test rows in view; loss and asinh on rows before those that test, what short
series read and forecast on eighteen of them. The figures are in docs/series.md; train.backtest has
those of your own.
"""

from train.config import LSTM, Config, Optim, Series, Train


def get_config() -> Config:
    return Config(
        data=Series(lookback="auto", horizon="auto", asinh="auto"),
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
    )
