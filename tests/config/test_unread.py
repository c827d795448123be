"""Options that nothing would read are refused, alone and in the settings of a population."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess
import sys
from typing import get_args, get_type_hints

import pytest

from train import config as configs
from train.config import (
    LSTM,
    Competitive,
    Config,
    Dense,
    Optim,
    Population,
    SelfOrganizingMap,
    Sequences,
    Series,
    Table,
    fields,
    unread,
    values,
)
from train.config.files import read
from train.config.members import with_values
from train.config.unread import IDLE, Idle, check_read, unread_notes, without_unread
from train.errors import UserError

GOOD = Config(data=Table(path="rows.csv", target="y"))
SERIES = Config(data=Series("hours.csv", target="y", time="t"), net=LSTM())
STEPS = Config(data=Sequences("rows.jsonl", inputs="x", target="y"), net=LSTM())
UNITS = Config(data=Table(path="rows.csv"), net=Competitive())

# (a config, what is set in vain, the end of the message)
REFUSED = [
    (GOOD, {"optim.name": "adam", "optim.decay": 0.95}, "name=adam; leave it at 0.9"),
    (GOOD, {"optim.name": "sgd", "optim.beta2": 0.95}, "name=sgd; leave it at auto"),
    (GOOD, {"optim.beta1": 0.8}, "name=rmsprop; leave it at 0.9"),
    (GOOD, {"optim.name": "lion", "optim.epsilon": 1e-5}, "name=lion; leave it at 1e-07"),
    (GOOD, {"optim.final": 0.1}, "schedule=constant; leave it at 0.0"),
    (GOOD, {"optim.schedule": "one_cycle", "optim.final": 0.1}, "one_cycle; leave it at 0.0"),
    (GOOD, {"optim.plateau_factor": 0.5}, "schedule=constant; leave it at 0.1"),
    (GOOD, {"optim.schedule": "cosine", "optim.plateau_patience": 3}, "cosine; leave it at 10"),
    (GOOD, {"net.embedding_size": 8}, "embedding=none; leave it at 16"),
    (
        GOOD,
        {"net.embedding": "piecewise_linear", "net.embedding_scale": 1.0},
        "embedding=piecewise_linear; leave it at 0.1",
    ),
    (
        GOOD,
        {"net.embedding": "periodic", "net.embedding_bins": 8},
        "embedding=periodic; leave it at 48",
    ),
    (GOOD, {"net.member_rows": "shared"}, "members=1; leave it at own"),
    (GOOD, {"net.parametrization": "ntk", "net.kernel_init": "he_normal"}, "=ntk; leave .*"),
    (GOOD, {"data.split": "time", "data.split_seed": 3}, "split=time; leave it at 0"),
    (SERIES, {"net.merge": "sum"}, "bidirectional=false; leave it at concat"),
    (SERIES, {"net.head_activation": "tanh"}, r"head=\(\); leave it at relu"),
    (STEPS, {"augment.mixup_until": 0.5}, "mixup=0.0; leave it at 1.0"),
    (STEPS, {"net.character_size": 32}, "characters=false; leave it at 64"),
    (UNITS, {"net.rate": 0.3}, "rule=kmeans; leave it at 0.5"),
    (UNITS, {"net.rule": "winner", "net.neighbours": 2.0}, "rule=winner; leave it at None"),
]


@pytest.mark.parametrize(("config", "chosen", "end"), REFUSED)
def test_what_nothing_reads_is_refused(config: Config, chosen: dict, end: str) -> None:
    path = list(chosen)[-1]
    with pytest.raises(UserError, match=rf"^config\.{path}: not used by config\..*{end}$"):
        configs.validate(with_values(config, chosen))
    default = getattr(type(getattr(config, path.split(".")[0]))(), path.split(".")[1])
    configs.validate(with_values(config, chosen | {path: default}))


BY_NAME = ("adam", "adamw", "nadam")
ONE_BY_ONE = ("winner", "neural_gas")
MAP = Config(data=Table(path="rows.csv"), net=SelfOrganizingMap())

# (a config, what decides, what of it reads the options, these with another value than their own)
READERS = [
    (GOOD, "optim.name", ("rmsprop",), {"optim.decay": 0.5}),
    (GOOD, "optim.name", (*BY_NAME, "lion"), {"optim.beta1": 0.5, "optim.beta2": 0.5}),
    (GOOD, "optim.name", (*BY_NAME, "rmsprop"), {"optim.epsilon": 0.5}),
    (GOOD, "optim.schedule", ("cosine", "exponential"), {"optim.final": 0.5}),
    (
        GOOD,
        "optim.schedule",
        ("plateau",),
        {"optim.plateau_factor": 0.5, "optim.plateau_patience": 3},
    ),
    (UNITS, "net.rule", ONE_BY_ONE, {"net.rate": 0.3, "net.final_rate": 0.02}),
    (UNITS, "net.rule", ("winner",), {"net.conscience": 1.0}),
    (UNITS, "net.rule", ("neural_gas",), {"net.neighbours": 2.0}),
    (MAP, "net.rule", ("online",), {"net.rate": 0.3, "net.final_rate": 0.02}),
    (
        GOOD,
        "net.embedding",
        ("piecewise_linear", "piecewise_linear_b", "periodic", "densely_periodic"),
        {"net.embedding_size": 8},
    ),
    (GOOD, "net.embedding", ("periodic", "densely_periodic"), {"net.embedding_scale": 1.0}),
    (SERIES, "net.bidirectional", (True,), {"net.merge": "sum"}),
    (GOOD, "data.split", ("random", "stratified", "group"), {"data.split_seed": 3}),
]


@pytest.mark.parametrize(("config", "decider", "readers", "options"), READERS)
def test_an_option_is_for_those_that_read_it(
    config: Config, decider: str, readers: tuple, options: dict
) -> None:
    group, name = decider.split(".")
    hint = get_type_hints(type(getattr(config, group)))[name]
    choices = values.choices(hint) if bool not in (hint, *get_args(hint)) else (True, False)
    assert set(readers) < set(choices)
    for choice in set(choices) - {"auto"}:  # of which rows decide what it stands for
        for path, value in options.items():
            chosen = with_values(config, {decider: choice, path: value})
            if choice in readers:
                check_read(chosen)
                assert without_unread(chosen, {}) == chosen
            else:
                with pytest.raises(
                    UserError, match=rf"config\.{path}: not used by config\.{decider}="
                ):
                    check_read(chosen)


def test_weights_of_the_ntk_form_start_as_zeros_or_by_its_own_rule() -> None:
    ntk = with_values(GOOD, {"net.parametrization": "ntk"})
    for path in ("net.kernel_init", "net.output_init"):
        zeros = with_values(ntk, {path: "zeros"})
        check_read(zeros)
        assert without_unread(zeros, {}) == zeros
        with pytest.raises(UserError, match=rf"config\.{path}: not used by"):
            check_read(with_values(ntk, {path: "he_normal"}))


def test_rows_name_fields_that_there_are() -> None:
    kinds = fields.KINDS
    known = {"optim": [kinds["Optim"]], "data": [kinds["Table"], kinds["Sequences"]]}
    known["augment"] = [kinds["Augment"]]
    known["net"] = [kinds[name] for name in ("Dense", "LSTM", "Competitive", "SelfOrganizingMap")]
    known |= {"train": [kinds["Train"]], "loss": [Config]}
    for row in IDLE:
        for path in (row.decider, *row.fields):
            group, _, name = path.partition(".")
            assert any((name or group) in kind.__dataclass_fields__ for kind in known[group]), path


def test_tokens_options_are_not_for_series() -> None:
    with pytest.raises(UserError, match=r"config\.net\.rare: is for tokens .* leave it at 0\.0"):
        configs.validate(with_values(SERIES, {"net.rare": 0.5}))


# (a config, what "auto" stands for in it, a value beside that)
RESOLVED = [
    *((GOOD, {"optim.name": name, "optim.beta2": 0.999}, 0.99) for name in ("rmsprop", "sgd")),
    (UNITS, {"optim.beta2": 0.999}, 0.99),
]


@pytest.mark.parametrize(("config", "resolved", "beside"), RESOLVED)
def test_a_resolved_config_is_let_pass(config: Config, resolved: dict, beside: float) -> None:
    """What "auto" stands for is in the config of a saved run, whether or not it is read."""
    saved = with_values(config, resolved)
    configs.validate(saved)
    assert without_unread(saved, {}) == saved
    with pytest.raises(UserError, match=r"^config\.optim\.beta2: .*; leave it at auto$"):
        configs.validate(with_values(saved, {"optim.beta2": beside}))


@pytest.mark.parametrize(("name", "own"), [("adam", 0.999), ("nadam", 0.999), ("lion", 0.99)])
def test_auto_stands_for_what_an_optimizer_has(name: str, own: float) -> None:
    for beta2 in ("auto", own, 0.9):
        config = with_values(GOOD, {"optim.name": name, "optim.beta2": beta2})
        configs.validate(config)
        optim = config.optim
        assert (optim.own_beta2(), optim.has_own_beta2()) == (
            (own, True) if beta2 in ("auto", own) else (0.9, False)
        )


def grid(optim: Optim, **choices: tuple) -> Config:
    chosen = {f"optim.{name}": values for name, values in choices.items()}
    return dataclasses.replace(GOOD, optim=optim, population=Population(grid=chosen))


def test_a_population_needs_each_option_read_by_one_of_its_settings() -> None:
    configs.validate(grid(Optim(), decay=(0.8, 0.95)))
    configs.validate(grid(Optim(decay=0.95), name=("rmsprop", "adam")))
    configs.validate(grid(Optim(beta2=0.95), name=("rmsprop", "adam")))
    configs.validate(grid(Optim(final=0.1), schedule=("constant", "cosine")))
    with pytest.raises(UserError, match=r"^config\.optim\.decay: not used by .*name=adam"):
        configs.validate(grid(Optim(decay=0.95), name=("nadam", "adam")))
    with pytest.raises(UserError, match=r"the setting optim\.name=sgd, .*optim\.beta1: not used"):
        configs.validate(grid(Optim(), name=("adam", "sgd"), beta1=(0.9, 0.8)))


def test_keeping_is_for_several_nets() -> None:
    with pytest.raises(UserError, match=r"config\.population\.keep: best is for several nets"):
        configs.validate(dataclasses.replace(GOOD, population=Population(keep="best")))
    configs.validate(dataclasses.replace(GOOD, population=Population(keep="best", seeds=2)))


def test_a_trial_leaves_out_what_only_other_trials_read() -> None:
    config = with_values(GOOD, {"optim.decay": 0.95, "optim.name": "adam", "optim.beta1": 0.8})
    own = without_unread(config, {"optim.name": "adam"})
    assert (own.optim.decay, own.optim.beta1) == (0.9, 0.8)
    configs.validate(own)
    assert without_unread(config, {"optim.decay": 0.95}).optim.decay == 0.95


def test_parts_of_a_recipe_are_said_where_they_are_left_out() -> None:
    assert unread_notes(GOOD) == []
    linear = dataclasses.replace(GOOD, net=Dense((), dropout="auto", norm="layer"))
    [note] = unread_notes(linear)
    assert note == "not used, for config.net.hidden=() has no layer: config.net.norm"
    words = Config(data=Sequences("a.jsonl", inputs="x", target="y", test_path="t.jsonl", test=0.3))
    [note] = unread_notes(dataclasses.replace(words, net=LSTM()))
    assert note == "config.data.test: not used, for config.data.test_path is t.jsonl"


def test_the_command_answers_before_jax_is_there() -> None:
    code = (
        "import sys; from train import flags, main\n"
        "try: flags.parse_train(sys.argv[1:], 'doc')\n"
        "except Exception as error: print(type(error).__name__, error.exit_code, error)\n"
        "print('jax' in sys.modules)"
    )
    arguments = ["--config=configs/digits.py", "--config.optim.decay=0.5"]
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    message = "config.optim.decay: not used by config.optim.name=adam; leave it at 0.9"
    assert found.stdout == f"UserError 2 {message}\nFalse\n"


def test_a_time_that_splits_nothing_is_said() -> None:
    [note] = unread_notes(with_values(GOOD, {"data.time": "when"}))
    assert note.startswith("config.data.time: 'when' is left out of the inputs, and config.data.")
    assert unread_notes(with_values(GOOD, {"data.time": "when", "data.split": "time"})) == []
    assert unread_notes(SERIES) == []


def test_an_interval_of_checkpoints_that_evaluations_miss_is_said() -> None:
    chosen = {"train.checkpoint_every": 6, "train.eval_every": 4}
    (line,) = unread_notes(with_values(GOOD, chosen))
    assert line.startswith("config.train.checkpoint_every: ") and "every 12 epochs" in line
    assert not unread_notes(with_values(GOOD, chosen | {"train.checkpoint_every": 8}))
    assert not unread_notes(with_values(GOOD, chosen | {"data.stream": True}))


def test_a_monitor_without_validation_rows_is_said() -> None:
    chosen = {"train.monitor": "error", "data.valid": 0}
    (line,) = unread_notes(with_values(GOOD, chosen))
    assert line == "config.train.monitor: not used, for there are no validation rows"
    assert not unread_notes(with_values(GOOD, chosen | {"population.folds": 2}))


def test_validation_rows_beside_folds_are_said_to_be_idle() -> None:
    folded = {"population.folds": 5}
    (line,) = unread_notes(with_values(GOOD, folded | {"data.valid": 0.2}))
    assert line.startswith("config.data.valid: not used, for of config.population.folds=5 each ")
    for valid in (0, 0.15, "auto"):
        assert not unread_notes(with_values(GOOD, folded | {"data.valid": valid}))
    assert not unread_notes(with_values(GOOD, {"data.valid": 0.2}))


def test_momentum_is_told_of_beta1_where_the_optimizer_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = with_values(GOOD, {"optim.name": "adam", "optim.momentum": 0.9})
    with pytest.raises(UserError, match=r"rmsprop have it; adam has config\.optim\.beta1 instead$"):
        configs.validate(asked)
    monkeypatch.setattr(unread, "IDLE", (Idle("optim.name", ("adam",), ("optim.beta1",)), *IDLE))
    with pytest.raises(UserError, match=r"rmsprop have it; leave it at 0\.0$"):
        configs.validate(asked)


def test_all_that_nothing_reads_stands_in_one_line_with_the_flags_that_mend_it():
    asked = {"data.path": "rows.csv", "data.target": "y", "net": "Perceptron"}
    with pytest.raises(UserError) as refused:
        configs.load("table", asked)
    wrong, _, flags = str(refused.value).partition(": config.net.rule=rosenblatt takes no gradient")
    given = vars(read("table").optim)
    names = [name for name, value in given.items() if value != getattr(Optim(), name)]
    assert wrong.split(", ") == [f"config.optim.{name}" for name in names] and len(names) == 9
    assert flags.startswith("; leave them at --config.optim.name=rmsprop --config.optim.")
    mended = [flag.removeprefix("--config.") for flag in shlex.split(flags)[4:]]
    assert len(mended) == 9
    config = configs.load("table", asked | dict(flag.split("=", 1) for flag in mended))
    assert config.optim == Optim()


def test_options_unread_for_several_reasons_are_named_with_each():
    chosen = {"optim.final": 0.1, "optim.decay": 0.5, "optim.name": "adam", "net.members": 1}
    with pytest.raises(UserError) as refused:
        configs.validate(with_values(GOOD, chosen | {"net.adapters": "layers"}))
    assert str(refused.value) == (
        "config.optim.decay: not used by config.optim.name=adam; config.optim.final: not used by "
        "config.optim.schedule=constant; config.net.adapters: not used by config.net.members=1; "
        "leave them at --config.optim.decay=0.9 --config.optim.final=0.0 "
        "--config.net.adapters=input"
    )
