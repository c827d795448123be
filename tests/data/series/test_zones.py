"""Zones of stamps: in one file and in the next, in texts and in columns of times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from series_files import HORIZON, ahead, frame, read, stamps_of

from train.data.dates import has_zone
from train.data.zones import find_zones
from train.errors import UserError

HOURS = pd.date_range("2024-01-01", periods=60, freq="h")


def texts(stamps, behind: str) -> list[str]:
    return [stamp.strftime("%Y-%m-%d %H:%M:%S") + behind for stamp in stamps]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2024-01-05 10:00+01:00", "+01:00"),
        ("2024-01-05 10:00:00.5-0330", "-03:30"),
        ("2024-01-05 10:00:00+01", "+01:00"),  # as Postgres writes
        ("20240105T100000Z", "UTC"),
        ("01/05/2024 10:00 AM +0200", "+02:00"),
        ("Wed Oct 10 20:19:24 +0100 2018", "+01:00"),
        ("2024-01-05 10:00 CET", "+01:00"),
        ("2024-01-05T10:00:00+01:00[Europe/Paris]", "Europe/Paris"),
        ("2024-01-05 10:00 GMT", "UTC"),
        ("05-01-2024", None),
        ("5 Jan-2024", None),
        ("2024-01-05 10:00", None),
        ("2024-W05-1", None),
    ],
)
def test_a_zone_stands_behind_a_time_alone(text, zone):
    assert find_zones([text]).only == zone
    assert has_zone([text]) == (zone is not None)


@pytest.mark.parametrize("offset", ["+09:00", "-05:30"])
@pytest.mark.parametrize("frequency", ["MS", "B", "D"])
def test_texts_of_one_offset_go_on_by_its_clock_as_times_of_that_zone_do(
    tmp_path, offset, frequency
):
    index = pd.date_range("2019-01-01", periods=60 + HORIZON, freq=frequency, tz=offset)
    as_text = [stamp.isoformat() for stamp in index[:60]]
    for data in (
        read(tmp_path, frame(as_text)),
        read(tmp_path, frame(index[:60]), parquet=True),
    ):
        found = [pd.Timestamp(stamp) for stamp in stamps_of(ahead(data, frame(as_text)))]
        assert found == list(index[60:])
        assert {stamp.strftime("%z") for stamp in found} == {index.strftime("%z")[0]}


@pytest.mark.parametrize(
    ("trained", "later", "shift", "said"),
    [
        ("", "+01:00", -1, "times with a zone (+01:00), which those of training rows lack"),
        ("", "Z", 0, "times with a zone (UTC), which those of training rows lack"),
        ("Z", "", 0, "times without a zone, which those of training rows have; read as UTC"),
        ("+01:00", "+02:00", -1, "times of +02:00, those of training rows of +01:00"),
        ("+01:00", "+01:00", 0, ""),
        ("", "", 0, ""),
    ],
)
def test_a_file_whose_times_are_of_another_zone_says_so(tmp_path, trained, later, shift, said):
    data = read(tmp_path, frame(texts(HOURS, trained)))
    rows = ahead(data, frame(texts(HOURS, later)))
    assert len(rows.notes) == bool(said) and all(said in line for line in rows.notes)
    first = pd.Timestamp(stamps_of(rows)[0]).tz_localize(None)
    assert first == HOURS[-1] + pd.Timedelta(hours=1 + shift)


def test_times_that_lack_the_offset_by_whose_clock_steps_go_are_refused(tmp_path):
    data = read(tmp_path, frame(texts(HOURS, "+01:00")))
    with pytest.raises(UserError, match=r"times without a zone, .* \(\+01:00\); write it behind"):
        ahead(data, frame(texts(HOURS, "")))


def test_times_without_a_zone_among_others_are_counted(tmp_path):
    mixed = [text + ("Z" if i % 3 else "") for i, text in enumerate(texts(HOURS, ""))]
    data = read(tmp_path, frame(mixed))
    said = "20 of 60 times have no zone, such as '2024-01-01 00:00:00'; read as UTC"
    assert [line.partition("'ts': ")[2] for line in data.notes] == [said]


def test_later_times_with_a_zone_stand_where_the_clock_that_was_named_shows_them(tmp_path):
    local = pd.date_range("2024-03-29", periods=80, freq="h", tz="Europe/Berlin")
    data = read(tmp_path, frame(local.tz_localize(None)), zone="Europe/Berlin")
    wanted = np.array([(local[-1] + pd.Timedelta(hours=i + 1)).tz_localize(None) for i in range(3)])
    for later in (local, local.tz_convert("UTC")):
        assert stamps_of(ahead(data, frame([stamp.isoformat() for stamp in later]))) == list(wanted)
