"""Anybody's table, by five nets that each hold other rows out, at five times the time.

    python -m train.main --config=configs/table_best.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN

The nets of `table.py`, one for each of five folds of all rows that are not test rows; they answer
by their mean. What each holds out chooses its weights, and together all rows choose the
temperature of the probabilities.

Seed 0 (of Churn and Taxis the mean of seeds 0 and 1), test file as given, beside the mean of three
seeds of `table.py` and CatBoost's default: Churn accuracy .857 (.857, .859), Taxis rmse 4.98 (4.90,
4.93), Elevators .0858 (.0878, .0944), Pendigits accuracy .9811 (.9800, .975), Housing rmse 43,420
(44,449, 44,192), Adult accuracy .8724 (.8712, .8741), Diamonds rmse 530 (534, 535).
"""

from train.config import Config, Dense, Optim, Population, Table, Train


def get_config() -> Config:
    return Config(
        label_smoothing="auto",
        data=Table(scaling="auto"),
        net=Dense(
            hidden="auto",
            activation="auto",
            output_init="zeros",
            dropout="auto",
            dropout_schedule="auto",
            embedding="auto",
            parametrization="ntk",
            activation_slope=True,
            input_scale=True,
            linear_start="auto",
            clip_outputs=True,
        ),
        optim=Optim(
            name="adamw",
            learning_rate="auto",
            beta2=0.95,
            schedule="cosine",
            # On few or noisy rows the best weights are found while the rate is still low.
            warmup=0.3,
            weight_decay=0.02,
            weight_decay_schedule="auto",
            # Rates of RealMLP (Holzmueller et al. 2024): what shapes a function moves slowly, what
            # selects moves fast.
            rates={
                "bias": 0.1,
                "slope": 0.1,
                "input_scale": 6.0,
                "frequency": 0.1,
                "phase": 0.1,
                "embedding_kernel": 0.1,
                "embedding_bias": 0.1,
                "bins_kernel": 0.1,
            },
            ema=0.99,
        ),
        train=Train(
            epochs="auto", batch_size="auto", monitor="auto", restore="auto", temperature=True
        ),
        population=Population(folds=5),
    )
