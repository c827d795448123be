"""Handwritten digits of 8 x 8 pixels, ten classes by softmax.

    python -m train.main --config=configs/digits.py

About 5 s on two cores.
Three seeds: test accuracy .984 +- .009. A linear model has .975.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(path="builtin:digits", target="digit", split="stratified", valid=0.15, test=0.2),
        loss="categorical_crossentropy",
        net=Dense(hidden=(128, 128), activation="relu", dropout=0.3),
        optim=Optim(name="adam", learning_rate=1e-3, schedule="cosine"),
        train=Train(epochs=100, batch_size=32),
    )
