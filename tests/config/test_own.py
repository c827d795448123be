"""A user's own code in a config: named, written, read back, refused; imported by nothing here."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from functools import partial

import flax.linen as nn
import numpy as np
import optax
import pytest

from tests import own_nets
from train import config as configs
from train.config import Config, Optim, Population, Table
from train.config.imported import Imported
from train.config.members import settings_of
from train.config.own import check_trust, paths_of
from train.errors import UserError

GATED = "tests.own_nets.Gated"


def own(**given: object) -> Config:
    """A config with values of the user's own, named."""
    return configs.named(Config(data=Table(path="a.csv", target="y"), **given))


def read_back(config: Config) -> Config:
    """The config from its JSON."""
    return configs.from_json(json.loads(json.dumps(configs.to_json(config))))


def test_a_module_is_its_import_path_and_its_fields():
    config = own(net=own_nets.Gated(hidden=3, activation=nn.silu))
    plain = configs.to_json(config)["net"]
    assert plain == {
        "kind": GATED,
        "hidden": 3,
        "activation": {"imported": "jax.nn.silu"},
        "rates": [0.1],
    }
    # A default that cannot be written is left to the module.
    found = vars(own(net=nn.Dense(3)).net)
    assert found["features"] == 3 and "kernel_init" not in found
    with pytest.raises(UserError, match=r"Dense.kernel_init: .*no name to be imported by"):
        own(net=nn.Dense(3, kernel_init=nn.initializers.normal()))
    again = read_back(config)
    assert again == config and configs.digest(again) == configs.digest(config)
    assert copy.deepcopy(config) == pickle.loads(pickle.dumps(config)) == config
    configs.validate(config)


def test_modules_within_modules_are_named_too():
    config = own(net=own_nets.Normed(own_nets.Gated(hidden=2)))
    inner = config.net.inner
    assert inner == "tests.own_nets.Gated(hidden=2, activation=jax.nn.relu, rates=(0.1, ))"
    assert read_back(config) == config
    assert Imported.parse(inner).fields["rates"] == (0.1,)
    assert paths_of(config) == ("tests.own_nets.Normed", GATED, "jax.nn.relu")


def test_losses_and_optimizers_are_named_with_their_keywords():
    config = own(loss=partial(own_nets.asymmetric, over=2.0))
    assert config.loss == "tests.own_nets.asymmetric(over=2.0)"
    config = own(optim=partial(optax.adabelief, learning_rate=1e-3), loss=own_nets.hinge)
    assert config.optim.name == "optax.adabelief(learning_rate=0.001)"
    assert config.loss == "tests.own_nets.hinge" and not config.loss.is_call
    assert read_back(config) == config
    configs.validate(config)


def test_a_command_line_names_own_code_and_sets_its_fields():
    config = configs.override(
        Config(data=Table(path="a.csv", target="y")),
        {
            "net": f"{GATED}(hidden=3, rates=(0.5,), activation=jax.nn.silu)",
            "net.hidden": "7",
            "net.rates": "0.1,0.2",
            "loss": "tests.own_nets.asymmetric(over=3)",
            "optim.name": "optax.lion(learning_rate=0.1)",
        },
    )
    assert vars(config.net) == {"hidden": 7, "rates": (0.1, 0.2), "activation": "jax.nn.silu"}
    assert config.net.path == GATED and config.optim.name.path == "optax.lion"
    assert isinstance(config.loss, Imported)
    with pytest.raises(UserError, match=r"net.hiden: no such field.*hidden"):
        configs.override(config, {"net.hiden": "3"})


def test_a_grid_varies_fields_of_a_module():
    grid = {"net.hidden": (2, 4), "optim.name": ("adam", "optax.lion(learning_rate=0.1)")}
    config = own(net=own_nets.Gated(), population=Population(grid=grid))
    configs.validate(config)
    assert isinstance(config.population.grid["optim.name"][1], Imported)
    config.population.samples = 3  # of whole numbers no range is drawn from
    assert {setting["net.hidden"] for setting in settings_of(config)} == {2, 4}
    config.population.samples = None
    assert read_back(config) == config


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"net": own_nets.Gated}, r"config.net: Gated is a class; write Gated\(...\)"),
        ({"loss": lambda outputs, target: outputs}, "config.loss: .*no name to be imported by"),
        ({"optim": optax.adam(1e-3)}, "config.optim: an optimizer that is made already"),
        ({"optim": partial(optax.adam, 1e-3)}, "config.optim: name what partial gives by keywords"),
        ({"net": own_nets.Gated(hidden=np.ones(2))}, "Gated.hidden: ndarray cannot be saved"),
        ({"net": own_nets.Gated(rates=(float("nan"),))}, "Gated.rates: nan is no finite number"),
        ({"net": object()}, "config.net: expected train.config.Dense"),
        ({"net": "nonsense."}, "config.net: expected an import path"),
        ({"loss": "mea.x y"}, "config.loss: expected one of"),
    ],
)
def test_what_cannot_be_saved_is_one_line(given, line):
    with pytest.raises(UserError, match=line) as raised:
        configs.validate(own(**given))
    assert "\n" not in str(raised.value)


def test_a_class_of_the_config_file_itself_is_refused(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import flax.linen as nn\nfrom train.config import Config\n"
        "class Net(nn.Module):\n    pass\n"
        "def get_config():\n    return Config(net=Net())\n"
    )
    with pytest.raises(UserError, match=r"config.net: Net is defined where nothing"):
        configs.load(file)


def test_a_class_of_a_script_is_refused(monkeypatch):
    script = type("Net", (nn.Module,), {"__module__": "__main__", "__qualname__": "Net"})
    monkeypatch.setattr(sys.modules["__main__"], "Net", script, raising=False)
    with pytest.raises(UserError, match=r"Net is defined where nothing .*\(__main__\)"):
        own(net=script())


def test_what_own_code_does_not_read_is_refused():
    name = Imported("optax.lion(learning_rate=0.1)")
    optim = Optim(name=name, weight_decay=0.1)
    with pytest.raises(UserError, match=r"config.optim.weight_decay: not used by config.optim"):
        configs.validate(own(optim=optim))
    with pytest.raises(UserError, match=r"config.label_smoothing: tests.own_nets.hinge knows"):
        configs.validate(own(loss=own_nets.hinge, label_smoothing=0.1))
    steps = configs.Sequences(path="a.jsonl", inputs="x", next_step=True)
    with pytest.raises(UserError, match=r"config.data.next_step: tests.own_nets.Gated may look"):
        configs.validate(configs.named(Config(data=steps, net=own_nets.Gated())))


def test_a_saved_config_imports_nothing_and_names_whom_to_trust():
    plain = configs.to_json(own(net=own_nets.Gated()))
    net = {"kind": "no_such_module.Net", "hidden": 2, "inner": {"imported": "other.f(a=1)"}}
    config = configs.from_json({**plain, "net": net})
    assert "no_such_module" not in sys.modules
    with pytest.raises(UserError, match=r"would import no_such_module.Net and other.f, code that"):
        check_trust(config, (), "runs/a")
    with pytest.raises(UserError, match=r"import other.f, .*--trust=no_such_module.Net,other.f "):
        check_trust(config, "no_such_module.Net", "runs/a")
    with pytest.raises(UserError, match=r"--from=a: .*: --config.net='no_such_.*, inner=other.f"):
        check_trust(config, (), "--from=a", by_config=True)
    check_trust(config, ("no_such_module.Net", "other.f"), "runs/a")
    check_trust(config, "no_such_module.Net, other.f", "runs/a")
    check_trust(Config(), (), "runs/a")
    with pytest.raises(UserError, match=r"a field of a.Net is called 'parameters'"):
        configs.from_json({**plain, "net": {"kind": "a.Net", "parameters": 2}})
    grid = {"net.hidden": [{"imported": "third.f"}]}
    varied = configs.from_json({**plain, "net": net, "population": {"grid": grid}})
    with pytest.raises(UserError, match=r"would import third.f, code"):
        check_trust(varied, "no_such_module.Net,other.f", "runs/a")


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"net": {"kind": "a.class"}}, "config.net: expected an import path .*, got 'a.class'"),
        ({"net": {"kind": "a.f(x=1)"}}, "config.net: expected an import path"),
        ({"net": {"kind": "a.Net", "class": 3}}, "config.net: 'class' is no field of a.Net"),
        (
            {"net": {"kind": "a.Net", "f": {"imported": "a.b(x=1)(y=2)"}}},
            r"config.net.f: expected an import path .*, got 'a.b\(x=1\)\(y=2\)'",
        ),
        ({"loss": {"imported": "a b"}}, "config.loss: expected an import path .*, got 'a b'"),
        ({"optim": {"name": {"imported": "a"}}}, "config.optim.name: expected an import path"),
    ],
)
def test_a_saved_config_of_odd_names_is_one_line(changed, line):
    plain = configs.to_json(own(net=own_nets.Gated()))
    with pytest.raises(UserError, match=line):
        configs.from_json({**plain, **changed})


@pytest.mark.parametrize(
    "text",
    ["{1: 2}", "b'a'", "{1, 2}", "1j", "...", "1e999", "jnp", "f(1)", "f.g(1)", "f.g(**{'a': 1})"],
)
def test_what_json_cannot_hold_is_no_keyword(text):
    with pytest.raises(ValueError, match=r"^a\.f") as raised:
        Imported.parse(f"a.f(x={text})")
    assert str(raised.value) == f"a.f(x={text})"
    assert Imported.parse("a.f(x={'n': (1, -2.5, None)})").fields == {"x": {"n": (1, -2.5, None)}}
