"""A closed month as Parquet says what the books say, always in the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from flask import Flask
from sqlalchemy import text

from ledger.closing import close_month
from pricing.period import Month
from registry.lookup import find
from registry.tables import Party
from reports.book_archive import Archived, MonthOpen, archive_month
from store.unit import Store
from tests.conftest import LOCAL
from tests.metering.test_reversals import BACK, EVENT
from tests.web.usage_story import Story
from tests.world import World

MARCH = Month(2025, 3)
KEPT = ({"id": "é", "quantity": "0.000007"}, {"id": "Z", "quantity": "12.5", "time": "2025-03-02T00:00:00.25+08:00"})
LATE = {"id": "late", "quantity": "3", "time": "2025-03-02T09:00:00+08:00"}
LATER = {"id": "later", "quantity": "4", "time": "2025-03-31T09:00:00+08:00"}
OF_APRIL = {"id": "april", "quantity": "99", "time": "2025-04-01T09:00:00+08:00"}


@pytest.fixture
def store(world: World, app: Flask) -> Store:
    """Books of a March with use, use taken back, a bill, and use that came in April and in May; and some use of April.

    On PostgreSQL a partition of its own was made for March and for April, and none for May.
    """
    story = Story(world)
    story.play(
        {
            "steps": [
                {"clock": "2025-03-03"},
                {"send": [EVENT, *KEPT], "become": ["accepted"] * 3},
                {"send": [BACK], "become": ["accepted"]},
                {"clock": "2025-04-02"},
                {"send": [OF_APRIL, LATE], "become": ["accepted"] * 2},
                {"clock": "2025-05-03"},
                {"send": [LATER], "become": ["accepted"]},
            ]
        }
    )
    world.invoice(story.contracts["contract"], "2025-03")
    opened: Store = app.extensions["tariffbook"]
    return opened


def operator(store: Store) -> str:
    with store.reading(LOCAL) as unit:
        return find(unit, Party, "operator").id


def archived(store: Store, folder: Path) -> list[Archived]:
    book = operator(store)
    with store.reading(LOCAL) as unit:
        return archive_month(unit, book, MARCH, folder)


def in_books(store: Store, query: str) -> list[Any]:
    with store.reading(LOCAL) as unit:
        given = {"book": operator(store)}
        return [tuple(row) for row in unit.connection.execute(text(query), given)]


SPREAD = {"2025_03", "2025_04", "default"}


def partitions_of_march(store: Store) -> dict[str, set[str]]:
    """Return the ends of the names of the partitions in which entries and events of March lie; none on SQLite."""
    if store.engine.dialect.name == "sqlite":
        return {}
    query = """
        SELECT DISTINCT part.tableoid::regclass::text FROM {table} AS part
        JOIN ledger_transaction AS head ON head.id = part.transaction_id
        WHERE head.book = :book AND head.effective_on >= '2025-03-01' AND head.effective_on < '2025-04-01'"""
    tables = ("ledger_entry", "usage_event")
    return {
        table: {name.removeprefix(f"{table}_") for (name,) in in_books(store, query.format(table=table))}
        for table in tables
    }


SUMS = """
    SELECT account.code, entry.asset, entry.side, sum(entry.amount) FROM ledger_entry AS entry
    JOIN account ON account.id = entry.account_id
    JOIN ledger_transaction AS head ON head.id = entry.transaction_id
    WHERE head.book = :book AND head.effective_on >= '2025-03-01' AND head.effective_on < '2025-04-01'
    GROUP BY account.code, entry.asset, entry.side ORDER BY account.code, entry.asset, entry.side"""


def test_a_closed_month_is_archived_as_the_books_have_it_and_again_in_the_same_bytes(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(MonthOpen, match="2025-03"):
        archived(store, tmp_path / "early")
    assert not (tmp_path / "early").exists()
    book = operator(store)
    store.run(LOCAL, lambda unit: close_month(unit, book, MARCH)[0].id)
    entries, events = archived(store, tmp_path / "one")
    table = pq.read_table(entries.path)
    read = table.to_pandas()
    read["value"] = read["amount"].fillna(0).astype("int64") + read["quantity"].fillna(0).astype("int64")
    sums = read.groupby(["account", "asset", "side"])["value"].sum().reset_index()
    assert sorted(sums.itertuples(index=False, name=None)) == sorted(in_books(store, SUMS))
    assert entries.rows == len(read) > 0
    assert not ((read["amount"].notna()) == (read["quantity"].notna())).any()
    assert table.schema.field("amount").metadata == {b"scale": b"2", b"unit": b"CNY"}
    assert table.schema.field("quantity").metadata == {b"scale": b"6", b"unit": b"of the asset"}
    told = pq.read_table(events.path).to_pylist()
    assert [(row["event_id"], row["quantity"], row["reversed_id"]) for row in told] == [
        ("a", 5_000_000, None),
        ("é", 7, None),
        ("Z", 12_500_000, None),
        ("r", 5_000_000, "a"),
        ("late", 3_000_000, None),
        ("later", 4_000_000, None),
    ]
    assert partitions_of_march(store) in ({}, {"ledger_entry": SPREAD, "usage_event": SPREAD})
    for made, again in zip((entries, events), archived(store, tmp_path / "other"), strict=True):
        assert made.path.read_bytes() == again.path.read_bytes()
        assert made.sha256 == again.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert len(list((tmp_path / "one").iterdir())) == 2
