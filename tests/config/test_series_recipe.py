"""What "auto" becomes where series are read, on both sides of every boundary."""

from __future__ import annotations

import pytest

from train import config as configs
from train.config import to_json
from train.config.data_options import Series
from train.config.net_options import LSTM
from train.config.options import Config, Train
from train.config.series_recipe import resolve_series
from train.errors import UserError


def resolved(
    lookback: int,
    season: int | None,
    n_series: int = 1,
    known: tuple[str, ...] = (),
    **options,
) -> LSTM:
    net = LSTM(
        hidden="auto",
        bidirectional="auto",
        readout="auto",
        head="auto",
        dropout="auto",
        input_dropout="auto",
        patch="auto",
        patch_units="auto",
        decoder="auto",
        window="auto",
        shortcut=True,
        shortcut_period="auto",
        linear_fallback="auto",
    )
    for field, value in options.items():
        setattr(net, field, value)
    data = Series(path="x.csv", target="y", lookback=lookback, known=known)
    config = Config(data=data, net=net)
    config = resolve_series(config, season, n_series)
    # As a run's folder holds it, from which a run that goes on is checked again.
    configs.validate(configs.from_json(to_json(config)))
    assert isinstance(config.net, LSTM)
    return config.net


@pytest.mark.parametrize(
    ("lookback", "season", "patch"),
    [(96, 24, 24), (48, 24, 24), (40, 24, 5), (96, None, 12), (4, None, 1)],
)
def test_an_lstm_reads_a_season_at_once_or_an_eighth_of_the_lookback(lookback, season, patch):
    net = resolved(lookback, season)
    assert net.patch == patch and net.dropout == 0.3 and net.readout == "last"
    assert net.input_dropout == 0 and net.bidirectional is False


def test_a_lookback_of_many_seasons_is_read_and_forecast_season_by_season():
    for lookback, season, is_long in ((336, 24, True), (335, 24, False), (720, None, False)):
        net = resolved(lookback, season)
        assert (net.decoder == "segments") is is_long
        assert (net.shortcut_period == season) is is_long
        assert net.window == ("mean_deviation" if is_long else "last")
        assert net.hidden == ((16,) if is_long else (64,))
        assert net.patch_units == (16 if is_long else 0)


def test_of_many_series_the_deviation_of_a_window_is_taken_out():
    assert resolved(96, 24, 2).window == "last_deviation"
    assert resolved(720, 24, 2).window == "mean_deviation"


@pytest.mark.parametrize(
    ("loss", "restore", "shortcut", "may_be"),
    [
        ("auto", "auto", True, True),
        ("mae", "best", True, True),
        ("auto", "best", False, False),
        ("auto", "last", True, False),
        ("quantile", "best", True, False),
        ("gaussian", "best", True, False),
    ],
)
def test_the_linear_map_may_answer_alone_where_validation_rows_judge_one_number(
    loss, restore, shortcut, may_be
):
    data = Series(path="x.csv", target="y")
    net = LSTM(shortcut=shortcut, linear_fallback="auto")
    config = Config(data=data, net=net, loss=loss, train=Train(restore=restore))
    assert resolve_series(config, 24, 1).net.linear_fallback is may_be


def test_what_is_set_stays():
    net = resolved(720, 24, hidden=(8,), decoder="direct", window="none", patch=12)
    assert (net.hidden, net.decoder, net.window, net.patch) == ((8,), "direct", "none", 12)
    assert resolved(720, 24, shortcut=False).shortcut_period == 1


def test_what_is_known_ahead_is_read_by_a_layer_with_an_activation():
    assert resolved(96, 24).head == ()
    assert resolved(96, 24, known=("load",)).head == (128,)
    assert resolved(96, 24, known=("load",), head=(8,)).head == (8,)
    assert resolved(336, 24, known=("load",)).head == ()  # segments are told it anyway


@pytest.mark.parametrize(
    ("loss", "tail_ratio", "wanted"),
    [
        ("auto", 2.5, "auto"),
        ("auto", 2.6, "mae"),
        ("mse", 9.0, "mse"),
        ("quantile", 9.0, "quantile"),
    ],
)
def test_the_loss_of_series_with_far_outliers_is_absolute_unless_one_is_set(
    loss, tail_ratio, wanted
):
    config = Config(data=Series(path="x.csv", target="y"), net=LSTM(), loss=loss)
    assert resolve_series(config, 24, 1, tail_ratio).loss == wanted


def test_more_steps_than_are_compiled_one_by_one_are_refused():
    data = Series(path="x.csv", target="y", horizon=256)
    config = Config(data=data, net=LSTM(decoder="steps", patch=2))
    configs.validate(config)
    data.horizon = 257
    said = (
        "config.net.decoder: a horizon of 257 rows in steps of 2 is 129 steps one after the other"
    )
    with pytest.raises(UserError, match=said):
        configs.validate(config)
