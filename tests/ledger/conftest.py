"""Books with two parties in them and nothing else."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from store.unit import Store
from tests.conftest import LOCAL

PARTIES = ("pty_operator", "pty_buyer", "pty_other")


@pytest.fixture
def books(store: Store) -> Store:
    """A store whose books belong to ``pty_operator`` and ``pty_other``."""
    insert = text("INSERT INTO party (id, code, name, kinds, recorded_at) VALUES (:id, :id, :id, '[]', :at)")
    with store.engine.begin() as connection:
        for party in PARTIES:
            connection.execute(insert, {"id": party, "at": "2025-01-01T00:00:00.000000Z"})
    with store.reading(LOCAL) as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM party")).scalar_one() == len(PARTIES)
    return store
