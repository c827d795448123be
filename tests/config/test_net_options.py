"""What may be asked about the options of any network."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from train.config import LSTM, Config, Dense, to_json
from train.config.net_checks import check_members
from train.config.net_options import Net
from train.errors import UserError


@pytest.mark.parametrize("kind", get_args(Net))
def test_what_may_be_asked_is_no_option(kind):
    net = kind()
    assert net.reads_steps is (kind is LSTM)
    assert not net.has_dropout() and not any(net.strengths().values())
    assert net.undisturbed() == net
    names = {field.name for field in dataclasses.fields(net)}
    assert to_json(Config(net=net))["net"].keys() == names | {"kind"}


def test_dropout_is_that_of_hidden_layers():
    assert Dense(dropout=0.1).has_dropout()
    assert not Dense(dropout=0.1, hidden=()).has_dropout()
    assert LSTM(recurrent_dropout=0.1).has_dropout()


def test_an_lstm_varies_rows_by_its_own_options():
    net = LSTM(noise=0.1, offset="auto", crop=0.75, rare=0.5, dropout=0.2)
    assert net.strengths() == {"noise": 0.1, "offset": "auto", "crop": 0.25}
    assert net.undisturbed() == LSTM(dropout=0.2)


def test_members_take_rows_in_as_many_orders_unless_they_share_them():
    assert Dense().n_orders == LSTM().n_orders == 1
    assert Dense(members=4).n_orders == 4
    assert Dense(members=4, member_rows="shared").n_orders == 1


@pytest.mark.parametrize(("field", "value"), [("norm", "batch"), ("code", 2)])
def test_what_members_cannot_have_is_refused(field: str, value: object):
    net = dataclasses.replace(Dense(members=2), **{field: value})
    with pytest.raises(UserError, match=r"config\.net\."):
        check_members(net)
    check_members(dataclasses.replace(net, members=1))
