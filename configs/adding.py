"""The adding problem (Hochreiter & Schmidhuber 1997): two numbers, up to 100 steps back, are to be added.

    python -m train.main --config=configs/adding.py

Shorter or longer: --config.data.path=builtin:adding_20 or builtin:adding_500. With 20 steps the test rmse is .003 after
20 s. With 100 these settings do not solve it yet: rmse .20 after 150,000 sequences and 80 s, half of the mean's.
"""

from train.config import LSTM, Config, Optim, Sequences, Train


def get_config() -> Config:
    return Config(
        data=Sequences(path="builtin:adding", inputs="x", target="sum", valid=2560, test=2560),
        loss="mse",
        net=LSTM(hidden=(64,), readout="last"),
        optim=Optim(name="adam", learning_rate=6e-3, schedule="flat_cosine", clip_norm=1.0),
        train=Train(epochs=3, batch_size=20),
    )
