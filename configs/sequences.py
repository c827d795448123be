"""Anybody's sequences: name a file, the columns read at every step, and the target.

    python -m train.main --config=configs/sequences.py \
        --config.data.path=FILE.jsonl --config.data.inputs=x --config.data.target=label

The rest follows from the data (`train/config/recipe.py`).

On two busy cores: JapaneseVowels accuracy .979, mean of seeds 0, 1, 2, 20 to 36 s each; SNIPS
(target=tags,intent, with its validation and test files) entity f1 .936 and intent accuracy .979,
mean of seeds 0, 1, 2, two minutes each.
"""

from train.config import LSTM, Config, Optim, Sequences, Train


def get_config() -> Config:
    return Config(
        data=Sequences(characters=True),
        net=LSTM(
            hidden="auto",
            bidirectional="auto",
            dropout="auto",
            input_dropout="auto",
            readout="auto",
            patch="auto",
            token_size=100,
            rare=0.5,
            noise="auto",
            offset="auto",
            crop="auto",
        ),
        optim=Optim(name="adam", learning_rate="auto", schedule="cosine", clip_norm=1.0),
        train=Train(epochs="auto", batch_size="auto", monitor="error", restore="auto"),
    )
