"""Three optimizers go down the same loss: rmsprop, adam and sgd, side by side.

    python -m train.main --config=configs/course/optimizers.py

One command trains a net with each at three learning rates; the terminal and the report rank them.
On the loss of two weights (`docs/course.md`) one sees their ways.
Thirty epochs, seed 0, validation loss: at a rate of .001 rmsprop .480, adam .483, sgd .542, which
needs a larger one: at .01 .489. Each at its best comes to about the same.
"""

from train.config import Config, Dense, Optim, Population, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(32,)),
        optim=Optim(),
        train=Train(epochs=30),
        population=Population(
            grid={
                "optim.name": ("sgd", "rmsprop", "adam"),
                "optim.learning_rate": (1e-3, 1e-2, 1e-1),
            },
            keep="best",
        ),
    )
