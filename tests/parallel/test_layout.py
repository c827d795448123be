"""How many devices a run takes, and how its members and batches share them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from core_runs import make_run

from train.config.options import Config, Devices, Train
from train.core.batch_parts import Parts
from train.core.program import Program
from train.errors import UserError
from train.parallel import layout


def mesh_of(devices: np.ndarray, *_: Any, **__: Any) -> SimpleNamespace:
    """What stands for a mesh of devices that are not there."""
    return SimpleNamespace(devices=devices, size=devices.size)


def divided(
    monkeypatch: pytest.MonkeyPatch,
    n_present: int,
    devices: Devices,
    batch_size: int = 256,
    n_members: int = 1,
) -> tuple[tuple[int, ...], Parts]:
    """Devices along members and batches, and the parts of a batch, where so many are present."""
    monkeypatch.setattr(jax, "devices", lambda: list(range(n_present)))
    monkeypatch.setattr(layout, "Mesh", mesh_of)
    config = Config(train=Train(epochs=1, batch_size=batch_size), devices=devices)
    program: Program = make_run(config)[0]
    found, program = layout.make_layout(config, program, n_members)
    assert found is not None
    return found.mesh.devices.shape, program.parts


@pytest.mark.parametrize(
    ("batch_size", "n_members", "shape"),
    [
        (63, 1, (1, 1)),
        (256, 1, (1, 4)),
        (640, 1, (1, 8)),
        (63, 6, (6, 1)),
        (63, 9, (3, 1)),
        (128, 2, (2, 2)),
    ],
)
def test_as_many_devices_are_taken_as_have_enough_to_do(
    batch_size: int, n_members: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, parts = divided(monkeypatch, 8, Devices(), batch_size, n_members)
    assert found == shape
    assert parts == Parts(shape[1], shape[1])


def test_members_are_shared_by_as_many_devices_as_divide_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, parts = divided(monkeypatch, 8, Devices(count=4), n_members=6)
    assert found == (2, 2) and parts == Parts(2, 2)
    found, _ = divided(monkeypatch, 8, Devices(count=4, members=1), n_members=6)
    assert found == (1, 4)
    with pytest.raises(UserError, match="4 does not divide the 6 members"):
        divided(monkeypatch, 8, Devices(count=4, members=4), n_members=6)


@pytest.mark.parametrize("n_devices", [1, 2, 4])
def test_a_device_has_two_parts_at_least_where_bits_are_to_be_exact(
    n_devices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, parts = divided(monkeypatch, 4, Devices(count=n_devices, exact=4))
    assert parts == Parts(8, n_devices, exact=True)


def test_what_is_not_there_or_does_not_divide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"config\.devices\.exact: 8 parts cannot be shared"):
        divided(monkeypatch, 4, Devices(count=3, exact=8))
