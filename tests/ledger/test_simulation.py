"""The kernel under random interleavings, crashes and retries; and the same with faults planted, each of them found."""

from __future__ import annotations

import random
from typing import Final

import pytest

from store.unit import Store
from tests.ledger.faulty import ANYWHERE, WITH_WORK_OPEN
from tests.ledger.simulation import SEED, STEPS, Deviation, simulate, told

STEPS_DUE: Final = {"sqlite": 150, "postgresql": 100}
STEPS_TO_FIND: Final = 400


@pytest.mark.parametrize("seed", [1, random.SystemRandom().randrange(10**9)], ids=["a known seed", "a fresh seed"])
def test_the_books_say_what_the_model_says(store: Store, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = told(STEPS, STEPS_DUE[store.engine.dialect.name])
    model = simulate(store, monkeypatch, told(SEED, seed), steps)
    assert len(model.booked) > steps // 10


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ANYWHERE)
def test_a_fault_of_the_kernel_is_found(store: Store, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ANYWHERE[fault](monkeypatch)
    with pytest.raises(Deviation):
        simulate(store, monkeypatch, 1, STEPS_TO_FIND)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
@pytest.mark.parametrize("fault", WITH_WORK_OPEN)
def test_a_fault_between_pieces_of_work_that_are_open_is_found(
    store: Store, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    WITH_WORK_OPEN[fault](monkeypatch)
    with pytest.raises(Deviation):
        simulate(store, monkeypatch, 1, STEPS_TO_FIND)
