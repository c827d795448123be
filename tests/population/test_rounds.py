"""What computes the dense layers of members that train side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import pytest

from nets.kernels import library
from train.config import Config, Dense, Population, Table, Train
from train.core.rounds import train_round
from train.data.load import load_dataset
from train.population.groups import prepare_population
from train.population.member_axis import select_both
from train.population.rounds import member_logs, train_all_round
from train.population.vmapped import init_members


@pytest.mark.skipif(not library.is_native(), reason="there is no compiled kernel")
@pytest.mark.parametrize(("batch_size", "is_by_kernel"), [(32, False), (128, True)])
def test_members_have_the_kernel_for_batches_of_many_rows(
    batch_size: int, is_by_kernel: bool, tmp_path: Path
) -> None:
    config = Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=Dense(hidden=(128, 128)),
        train=Train(epochs=1, batch_size=batch_size),
        population=Population(seeds=2),
    )
    (run,) = prepare_population(config, load_dataset(config), tmp_path)
    state = init_members(run)
    rounds = partial(train_all_round, run, shapes=member_logs(run, run.data, state))
    members = jax.jit(rounds).lower(run.data, state).as_text()
    assert ("denseq_dense_backward" in members) == is_by_kernel
    own = select_both(run.data, state, 0)
    alone = jax.jit(partial(train_round, run.program)).lower(*own).as_text()
    assert "denseq_dense_backward" in alone
