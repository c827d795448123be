"""The gates of an LSTM over time: what opens them, and how long a cell keeps what it holds.

    python -m train.main --config=configs/course/gates.py

The adding problem over 20 steps with eight units: two numbers are marked, and their sum is asked
for. `nets.lstm_gates` gives the gates at every step; `docs/course.md` shows them.
Seconds. The mean has .41.
Three seeds: test rmse .015 +- .003.
"""

from train.config import LSTM, Config, Optim, Sequences, Train


def get_config() -> Config:
    return Config(
        data=Sequences(
            path="builtin:adding_20",
            inputs="x",
            target="sum",
            valid=1000,
            test=2560,
            scaling="none",
            target_scaling="none",
        ),
        loss="mse",
        net=LSTM(hidden=(8,), readout="last"),
        optim=Optim(name="adam", learning_rate=1e-2, schedule="flat_cosine", clip_norm=1.0),
        train=Train(epochs=1, batch_size=20),
    )
