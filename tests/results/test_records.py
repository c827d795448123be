"""Records of result.json: which fields there are, and in which order."""

from __future__ import annotations

from train.config.members import Member
from train.results.ranking import rank_settings
from train.results.records import Facts, MemberResult, RefitResult


def result(number: int, setting: int, fold: int, value: float, **values) -> MemberResult:
    member = Member(number, setting, fold, 7, values)
    return MemberResult(member, value, 3, 2, False, 10, {"rmse": value})


def test_one_net_has_no_number_and_no_setting():
    facts = Facts(5, 6, 2, 3, 20, (result(0, 0, 0, 1.0),), {}).to_json()
    order = ["n_parameters", "members", "steps", "epochs", "best_step"]
    order += ["weights_step", "per_member", "spread"]
    assert list(facts) == order
    assert facts["per_member"] == [
        {"seed": 7, "value": 1.0, "best_step": 3, "weights_step": 3, "metrics": {"rmse": 1.0}}
    ]


def test_members_say_their_fold_and_values_and_settings_come_best_first():
    results = tuple(result(k, k % 2, k // 2, 4.0 - k, size=k % 2) for k in range(4))
    settings = tuple(rank_settings(results))
    assert [setting.setting for setting in settings] == [1, 0]
    assert settings[0].to_json() == {
        "setting": 1,
        "values": {"size": 1},
        "value": 2.0,
        "deviation": 2**0.5,
        "members": 2,
        "epochs": 2,
    }
    refit = RefitResult(1, 2, 6, 30)
    facts = Facts(5, 6, 2, 3, 20, results, {}, (1, 3), settings, refit=refit).to_json()
    order = ["n_parameters", "members", "kept", "steps", "epochs", "best_step"]
    order += ["weights_step", "per_member"]
    assert list(facts) == [*order, "settings", "spread", "refit"]
    assert list(facts["per_member"][0]) == [
        *("member", "seed", "setting", "fold", "values"),
        *("value", "best_step", "weights_step", "epochs", "diverged", "metrics"),
    ]
    assert facts["refit"] == {"setting": 1, "epochs": 2, "steps": 6, "rows": 30}
