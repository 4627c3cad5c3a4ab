from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from pricing.errors import Unavailable
from store.horizon import AsOfAhead, HorizonBehind, advance, settle_as_of
from store.settings import Settings
from store.unit import Store, Unit
from tests.conftest import LOCAL


@pytest.fixture
def replicated(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """A store that reads from a replica which lags: a copy that is refreshed by hand."""
    for name in ("main.db", "replica.db"):
        shutil.copy(sqlite_template, tmp_path / name)
    settings = Settings(f"sqlite:///{tmp_path / 'main.db'}", f"sqlite:///{tmp_path / 'replica.db'}", wait_seconds_max=1)
    store = Store(settings)
    yield store
    store.close()


def test_the_horizon_never_goes_back(store: Store) -> None:
    first, second = advance(store), advance(store)
    assert first <= second
    assert settle_as_of(store, first) == first


def test_the_horizon_waits_for_the_newest_work_under_way_though_nothing_has_ended_since_it_began(
    settings: Settings,
) -> None:
    store = Store(replace(settings, wait_seconds_max=1))
    began: list[datetime] = []
    under_way, may_end = Event(), Event()

    def work(unit: Unit) -> None:
        began.append(unit.now)
        under_way.set()
        may_end.wait(30)

    worker = Thread(target=store.run, args=(LOCAL, work))
    worker.start()
    assert under_way.wait(30)
    with pytest.raises(Unavailable):
        advance(store)
    may_end.set()
    worker.join()
    assert advance(store) >= began[0]
    store.close()


def test_a_report_is_not_as_of_a_moment_to_come(store: Store) -> None:
    with store.reading(LOCAL) as unit:
        tomorrow = unit.now + timedelta(days=1)
    with pytest.raises(AsOfAhead):
        settle_as_of(store, tomorrow)


def test_a_report_is_not_read_from_a_replica_that_does_not_have_its_moment(replicated: Store) -> None:
    with pytest.raises(HorizonBehind, match="replica"):
        settle_as_of(replicated, None)


def test_a_replica_that_has_the_moment_is_read_from(replicated: Store) -> None:
    moment = advance(replicated)
    ahead = Store(replace(replicated.settings, database_url=str(replicated.settings.read_database_url)))
    reached = advance(ahead)
    ahead.close()
    assert reached > moment
    assert settle_as_of(replicated, moment) == moment
