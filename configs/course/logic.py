"""A perceptron learns AND and OR, and cannot learn XOR: no line parts its two classes.

    python -m train.main --config=configs/course/logic.py

Seconds. The report draws the three lines. What a hidden layer does: `xor.py`.
Three seeds: train and.accuracy 1.000 +- .000, or.accuracy 1.000 +- .000, xor.accuracy .500 +- .000.
Of XOR a line gets .75 at the most.
"""

from train.config import Config, Perceptron, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(
            path="builtin:logic",
            features=("a", "b"),
            numeric=("a", "b"),
            target=("and", "or", "xor"),
            valid=0,
            test=0,
        ),
        net=Perceptron(rule="rosenblatt"),
        train=Train(epochs=30, batch_size=4),
    )
