"""A hidden layer learns XOR, which no neuron can learn alone (`logic.py`).

    python -m train.main --config=configs/course/xor.py

Seconds. The report draws the two lines that the hidden neurons make of it.
Three seeds: train accuracy 1.000 +- .000.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(
            path="builtin:logic",
            features=("a", "b"),
            numeric=("a", "b"),
            target="xor",
            valid=0,
            test=0,
        ),
        net=Dense(hidden=(4,), activation="tanh"),
        optim=Optim(name="adam", learning_rate=0.05),
        train=Train(epochs=300, eval_every=10, batch_size=4),
    )
