"""Scores in the docstrings of configs are those that three seeds of them give."""

from __future__ import annotations

import config_scores
import pytest
from config_scores import Figure, differences, in_words, stated_figures


@pytest.mark.parametrize("name", config_scores.MEASURED)
def test_a_config_states_scores_of_three_seeds(name):
    split, figures = stated_figures(config_scores.docstring_of(name))
    assert split and figures


def test_what_is_left_out_is_there():
    assert set(config_scores.LEFT_OUT) < set(config_scores.NAMES)


def test_a_line_is_read_as_it_is_written():
    figures = {"accuracy": Figure(0.974, 0.006), "rmse": Figure(54.83, 0.21)}
    line = in_words("test", figures)
    assert line == "Three seeds: test accuracy .974 +- .006, rmse 54.8 +- .2."
    split, read = stated_figures(f"Digits. {line} A linear model has .95.")
    assert split == "test"
    assert read == {
        "accuracy": Figure(0.974, 0.006, 0.001),
        "rmse": Figure(54.8, 0.2, pytest.approx(0.1)),
    }
    assert stated_figures("Seconds. Test accuracy .9.") == ("", {})


@pytest.mark.parametrize(("mean", "is_off"), [(0.974, False), (0.9689, False), (0.965, True)])
def test_a_figure_is_off_by_more_than_its_spread(mean, is_off):
    stated = {"accuracy": Figure(0.974, 0.005, 0.001)}
    assert bool(differences(stated, {"accuracy": Figure(mean, 0.002)})) == is_off
    # What is measured may be the wider of the two.
    assert differences(stated, {"accuracy": Figure(mean, 0.01)}) == []
    assert len(differences(stated, {"rmse": Figure(mean, 0.01)})) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", config_scores.MEASURED)
def test_a_config_gives_the_scores_it_states(name):
    split, stated = stated_figures(config_scores.docstring_of(name))
    result = config_scores.measure(name, config_scores.NOTHING_BESIDE)
    assert split == config_scores.shown_split(result)
    assert differences(stated, config_scores.measured_figures(result)) == []
