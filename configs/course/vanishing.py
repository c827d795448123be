"""A deep net of sigmoids, whose gradients vanish on the way back to the first layer.

    python -m train.main --config=configs/course/vanishing.py
    python -m train.main --config=configs/course/vanishing.py --config.net.activation=relu

Seconds. The first layer's gradient is 20,000 times smaller than the last one's, and nothing is
learned; with relu both are of one size, and test accuracy is .94. The report draws the norm of each
layer's gradient.
Three seeds: test accuracy .102 +- .002.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(path="builtin:digits", target="digit", split="stratified", test=0.2),
        net=Dense(hidden=(32,) * 8, activation="sigmoid"),
        optim=Optim(name="sgd", learning_rate=0.1),
        train=Train(epochs=10, gradient_norms=True),
    )
