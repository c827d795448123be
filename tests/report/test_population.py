"""The sections on a population: who answers, whose learning is drawn, what the tables tell."""

from __future__ import annotations

import re

from report_pages import make_data, make_predictions, make_result

from train.report.population import best_member, population_sections, who_answers

SPREAD = {"mean": 54.0, "deviation": 2.0, "standard_error": 1.0, "low": 51.0, "high": 57.0}


def make_population(**changes):
    rates = {0: 0.1, 1: 0.1, 2: 0.01, 3: 0.01}
    members = []
    for member, value in enumerate([0.7, float("nan"), 0.5, 0.6]):
        values = {"optim.learning_rate": rates[member]}
        record = {"member": member, "seed": member % 2, "value": value, "values": values}
        members.append({**record, "metrics": {"rmse": 50.0 + member}})
    settings = [
        {"values": {"optim.learning_rate": 0.01}, "value": 0.55, "deviation": 0.07, "epochs": 5},
        {"values": {"optim.learning_rate": 0.1}, "value": 0.7, "deviation": None, "epochs": 5},
    ]
    population = {"members": 4, "per_member": members, "settings": settings, "kept": [2, 3]}
    return make_result({"rmse": 54.0}, {}, **population, spread={"rmse": SPREAD}, **changes)


def sections(result):
    predictions = make_predictions("regression", None, None)
    return list(population_sections(make_data(result, predictions)))


def test_the_best_member_has_the_lowest_finite_value():
    assert best_member(make_population()) == 2
    assert best_member(make_result({}, {})) == 0


def test_it_is_told_who_answers():
    assert who_answers(make_population()) == "the mean of 2 answers"
    assert who_answers(make_population() | {"kept": [2]}) == "the best one answers"
    again = {"refit": {"epochs": 7, "rows": 354}}
    wanted = "one of the best setting, trained again on 354 rows for 7 epochs, answers"
    assert who_answers(make_population(**again)) == wanted


def test_members_have_their_spread_and_a_picture_by_what_varies():
    members, _ = sections(make_population())
    assert "4 nets; the mean of 2 answers from now on" in members
    ends = '<span class="wrap">51.00 to 57.00</span>'
    assert f"<td>54.00</td><td>2.000</td><td>1.000</td><td>{ends}</td>" in members
    assert 'aria-label="rmse by optim.learning_rate"' in members
    assert ">0.01</text>" in members and "mathdefault" not in members
    assert "by seed" not in members


def test_nets_of_seeds_alone_have_one_picture_and_those_of_folds_no_line():
    """Neither seeds nor folds have an order."""
    result = make_population()
    for number, member in enumerate(result["per_member"]):
        member |= {"values": {}, "seed": number}
    (members,) = filter(None, sections(result | {"settings": result["settings"][:1]}))
    assert 'aria-label="Spread of rmse over the nets"' in members
    assert members.count("<svg") == 1
    for number, member in enumerate(result["per_member"]):
        member["fold"] = number
    (members,) = filter(None, sections(result | {"settings": result["settings"][:1]}))
    (picture,) = re.findall(r'<svg[^>]*aria-label="rmse by fold".*?</svg>', members, re.DOTALL)
    (dots,) = re.findall('class="p few blue" d="(.*?)"', picture)
    assert dots.count("M") == 4 and 'class="l' not in picture


def test_a_score_may_break_where_a_phone_is_narrow():
    result = make_population()
    result["spread"] = {"intent.log_loss": SPREAD}
    assert '<th scope="row">intent.<wbr>log_<wbr>loss</th>' in sections(result)[0]


def test_settings_stand_in_a_table_the_best_first():
    _, settings = sections(make_population())
    best = "learning_<wbr>rate 0.01</th><td>0.5500</td><td>0.07000</td><td>5</td>"
    assert best in settings
    assert settings.index("rate 0.01") < settings.index("rate 0.1")
    assert "n/a" in settings  # of one member that is finite there is no deviation


def test_a_setting_without_any_error_is_no_last_one():
    population = make_population()
    first, last = population["settings"]
    _, settings = sections(population | {"settings": [first | {"value": 0.0}, last]})
    widths = [part.split("%")[0] for part in settings.split('style="width:')[1:]]
    assert widths == ["0", "100"]


def test_a_single_net_has_no_such_section():
    assert sections(make_result({"rmse": 54.0}, {})) == []
