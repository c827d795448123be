"""Anybody's table, by 32 members that share one net's weights: a draft, not yet the better choice.

    python -m train.main --config=configs/table_best.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN

Members (TabM-mini, Gorishniy et al. 2025), piecewise-linear embeddings of version B, no
label smoothing, and the weights of lowest loss. A batch is 16 rows of each member, so that a shared
weight sees 512.

One seed, test file as given, accuracy / auc / log-loss. Churn (8,000 rows): .862 / .861 / .337; one
net of these options with the periodic embedding .862 / .863 / .340, with this one .857 / .866 /
.340; members with the periodic one .858 / .864 / .333; `table.py` .844 / .801 / .415. Adult (32,561
rows): .860 / .913 / .304, best at its last update: two passes are too few there.
"""

from train.config import Config, Dense, Optim, Table, Train


def get_config() -> Config:
    return Config(
        data=Table(scaling="auto"),
        net=Dense(
            hidden="auto",
            activation="auto",
            output_init="zeros",
            dropout="auto",
            dropout_schedule="auto",
            embedding="piecewise_linear_b",
            parametrization="ntk",
            activation_slope=True,
            input_scale=True,
            clip_outputs=True,
            members=32,
        ),
        optim=Optim(
            name="adamw",
            learning_rate="auto",
            beta2=0.95,
            schedule="cosine",
            weight_decay=0.02,
            weight_decay_schedule="auto",
            # As in `table.py`: what shapes a function moves slowly, what selects moves fast.
            rates={
                "bias": 0.1,
                "slope": 0.1,
                "input_scale": 6.0,
                "embedding_kernel": 0.1,
                "embedding_bias": 0.1,
                "bins_kernel": 0.1,
            },
        ),
        train=Train(epochs="auto", batch_size=16, monitor="loss", restore="best"),
    )
