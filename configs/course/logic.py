"""A perceptron learns AND and OR, and cannot learn XOR: no line parts its two classes.

    python -m train.main --config=configs/course/logic.py

Seconds. Accuracy 1, 1 and at most .75; the report draws the three lines. What a hidden layer does:
`xor.py`.
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
