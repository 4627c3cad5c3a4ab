from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event

import pytest

from store.sandbox import ClockBackwards, move_clock
from store.unit import Store, Unit
from tests.conftest import LOCAL, SANDBOX_START

SUMMER = datetime.fromisoformat("2025-07-01T00:00:00+08:00")
AUTUMN = datetime.fromisoformat("2025-10-01T00:00:00+08:00")


def present(store: Store) -> datetime:
    """Return what the clock says now."""
    with store.reading(LOCAL) as unit:
        return unit.now


def test_the_clock_runs_on_from_where_it_was_moved_to(store: Store) -> None:
    assert store.run(LOCAL, lambda unit: move_clock(unit, SUMMER)) == SUMMER
    assert SUMMER < present(store) < SUMMER + timedelta(minutes=1)


def test_the_clock_moves_forward_only(store: Store) -> None:
    with pytest.raises(ClockBackwards, match="forward only"):
        store.run(LOCAL, lambda unit: move_clock(unit, SANDBOX_START))


def test_who_waited_for_another_move_is_held_against_the_clock_as_that_move_left_it(store: Store) -> None:
    """The later caller has read its own clock before it waits for the lock (PostgreSQL), or after (SQLite)."""
    moved, waiting = Event(), Event()

    def to_autumn(unit: Unit) -> None:
        move_clock(unit, AUTUMN)
        moved.set()
        if unit.dialect == "postgresql":
            waiting.wait(5)

    def to_summer(unit: Unit) -> None:
        waiting.set()
        move_clock(unit, SUMMER)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(store.run, LOCAL, to_autumn)
        moved.wait(5)
        second = threads.submit(store.run, LOCAL, to_summer)
        first.result()
        with pytest.raises(ClockBackwards):
            second.result()
    assert AUTUMN < present(store) < AUTUMN + timedelta(minutes=1)
