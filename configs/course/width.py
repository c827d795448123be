"""Too narrow and too wide: what a net can learn of a curve, and what it learns by heart.

    python -m train.main --config=configs/course/width.py

36 points of a noisy sine, two layers of 0 to 64 units, trained to the end without anything against
overfitting: a narrow net cannot follow the curve, a wide one follows the noise as well. The
terminal and the report rank the widths by validation loss.
Seed 0, test rmse: a line .81, two layers of one unit .74, of 2 .58, of 4 .66, of 16 .75, of 64 .72.
"""

from train.config import Config, Dense, Optim, Population, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(path="builtin:wave", target="y", valid=42, test=42),
        net=Dense(activation="tanh"),
        optim=Optim(name="adam", learning_rate=1e-2),
        train=Train(epochs=4000, batch_size=36, eval_every=200, restore="last"),
        population=Population(
            grid={"net.hidden": ((), (1, 1), (2, 2), (4, 4), (16, 16), (64, 64))}, keep="best"
        ),
    )
