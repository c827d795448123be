"""What the gates of an LSTM are for: two numbers up to 80 steps back are to be added.

    python -m train.main --config=configs/course/memory.py
    python -m train.main --config=configs/course/memory.py --config.net.cell=plain

The adding problem (Hochreiter & Schmidhuber 1997). 15 and 24 s on two busy cores. Test rmse .011
for the LSTM; the plain recurrent net has .40, no better than the mean. The report draws predicted
against true.
"""

from train.config import LSTM, Config, Optim, Sequences, Train


def get_config() -> Config:
    return Config(
        data=Sequences(path="builtin:adding_80", inputs="x", target="sum", valid=1000, test=2560),
        loss="mse",
        net=LSTM(hidden=(32,), readout="last"),
        optim=Optim(name="adam", learning_rate=1e-2, schedule="flat_cosine", clip_norm=1.0),
        train=Train(epochs=1, batch_size=20),
    )
