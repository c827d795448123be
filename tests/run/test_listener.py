"""Who hears a run's lines: who is given them, Python's logging, the terminal, or nobody."""

import logging

import pytest

from train.run.listener import SILENT, listener_of


def said_by(listener):
    listener("a note")
    listener.detail("a detail")


def test_who_asked_for_lines_gets_them_and_details_if_verbose():
    for verbose, expected in ((True, ["a note", "a detail"]), (False, ["a note"])):
        said = []
        said_by(listener_of(said.append, verbose=verbose))
        assert said == expected


def test_python_hears_by_logging_or_print_unless_it_will_not(caplog, capsys):
    said_by(listener_of(None, verbose=True))
    assert capsys.readouterr().out == "a note\na detail\n"
    with caplog.at_level(logging.INFO):
        said_by(listener_of(None, verbose=True))
    assert [(r.name, r.message) for r in caplog.records] == [
        ("denseq", "a note"),
        ("denseq", "a detail"),
    ]
    caplog.clear()
    assert listener_of(None, verbose=False) == SILENT
    said_by(SILENT)
    assert capsys.readouterr().out == "" and not caplog.records


@pytest.mark.parametrize("listener", [SILENT])
def test_nobody_sees_a_bar(listener):
    assert not listener.watches
