"""Anybody's table: name a file and a target.

    python -m train.main --config=configs/table.py \
        --config.data.path=FILE.csv --config.data.target=COLUMN

The rest follows from the number of rows and the target (`train/config/recipe.py`; what each rule
gave: `docs/table_rules.md`). `--config.data.metric=log_loss` names the score that counts. Of fewer
than 2,000 rows five nets answer by their mean, as in `table_best.py`; amounts with far tails are
learned by loss=gamma.

Mean of seeds 0, 1 and 2, test file as given: California housing (16,512 rows) rmse 44,449, Adult
(32,561 rows) accuracy .871, auc .924, log-loss .283, calibration error .009, Elevators (14,940
rows) rmse .0878, Churn (8,000 rows) accuracy .857, auc .865, log-loss .332, Pendigits (7,494 rows)
accuracy .980, Taxis (5,147 rows) rmse 4.90, Diamonds (43,152 rows) rmse 534. Two
free cores took 12 seconds for Churn and Taxis, 16 for Adult, 28 for Diamonds.
"""

from train.config import Config, Dense, Optim, Population, Table, Train


def get_config() -> Config:
    return Config(
        label_smoothing="auto",
        data=Table(scaling="auto", valid="auto"),
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
        population=Population(folds="auto"),
    )
