"""Malignant or benign, from thirty measurements of cell nuclei: one logistic output.

    python -m train.main --config=configs/breast_cancer.py

569 patients; about 4 s on two cores.
Three seeds: test accuracy .962 +- .005. A linear model, .991, is hard to beat here.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(
            path="builtin:breast_cancer",
            target="diagnosis",
            split="stratified",
            valid=0.15,
            test=0.2,
        ),
        net=Dense(hidden=(32,), activation="relu", dropout=0.2),
        optim=Optim(name="adam", learning_rate=1e-3, l2=1e-3),
        train=Train(epochs=200, batch_size=32, patience=30),
    )
