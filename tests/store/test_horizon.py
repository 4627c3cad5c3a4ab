from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from store.horizon import AsOfAhead, HorizonBehind, advance, settle_as_of
from store.settings import Settings
from store.unit import Store
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
