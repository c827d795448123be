"""A neuron and its decision line: logistic regression, drawn over the two columns it reads.

    python -m train.main --config=configs/course/neuron.py

Seconds. Test accuracy .90 against .63 for the most frequent class; the report draws the line.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(
            path="builtin:breast_cancer",
            target="diagnosis",
            features=("mean_radius", "mean_texture"),
            split="stratified",
            test=0.3,
        ),
        net=Dense(hidden=()),
        optim=Optim(name="adam", learning_rate=3e-2),
        train=Train(epochs=60),
    )
