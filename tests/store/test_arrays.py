"""Whole columns arrive on PostgreSQL as they were sent, by the driver as it is; and its faults are SQLAlchemy's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from store.arrays import Array, Blobs, Days, Instants, Int16s, Int64s, Texts
from store.direct import change, rows
from store.unit import Store, Unit
from tests.conftest import LOCAL

COLUMNS: list[tuple[Array, str]] = [
    (Texts(["", 'a"b\\c{},', "价格 \U0001f4b0", None, "NULL", 'a"b\\c{},']), "text[]"),
    (Texts([None, None]), "text[]"),
    (Texts([]), "text[]"),
    (Blobs([b"", b"\x00\xff", None]), "bytea[]"),
    (Days([date(1, 1, 1), date(1999, 12, 31), date(2000, 1, 1), None, date(9999, 12, 31)]), "date[]"),
    (
        Instants([datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), datetime.fromisoformat("2025-03-01T08:00+08:00")]),
        "timestamptz[]",
    ),
    (Int64s([-(2**63), 0, 2**63 - 1]), "bigint[]"),
    (Int64s([1, None, -1]), "bigint[]"),
    (Int64s([]), "bigint[]"),
    (Int16s([-(2**15), 0, 2**15 - 1]), "smallint[]"),
    (Int16s([1, None]), "smallint[]"),
    (Texts(["", "每个都不同", 'a"b']), "text[]"),
    (Blobs([b"", b"\x00\xff"]), "bytea[]"),
]


@pytest.mark.parametrize(
    ("column", "kind"), COLUMNS, ids=[f"{kind} {number}" for number, (_, kind) in enumerate(COLUMNS)]
)
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_column_arrives_as_it_was_sent(store: Store, column: Array, kind: str) -> None:
    def seen(unit: Unit) -> list[Any]:
        query = f"SELECT value FROM unnest(%(values)b::{kind}) AS given (value)"  # noqa: S608 - a type of ours
        found = rows(unit.connection, query, {"values": column})
        return [value for (value,) in found]

    assert store.run(LOCAL, seen) == column.values


@pytest.mark.parametrize("column", [Int64s([2**63]), Int16s([2**15]), Int16s([-(2**15) - 1])])
def test_a_number_that_no_column_holds_is_refused_before_it_is_sent(column: Array) -> None:
    with pytest.raises(OverflowError):
        column.items()


HORIZON = {"sqlite": "INSERT INTO horizon (at) VALUES (?)", "postgresql": "INSERT INTO horizon (at) VALUES (%s)"}


def test_what_the_driver_refuses_is_told_as_every_other_fault(store: Store) -> None:
    def twice(unit: Unit) -> None:
        for _ in range(2):
            assert change(unit.connection, HORIZON[unit.dialect], ("2025-03-01T00:00:00.000000Z",)) == 1

    with pytest.raises(IntegrityError):
        store.run(LOCAL, twice)
    with pytest.raises(DBAPIError, match="no_such_table"):
        store.run(LOCAL, lambda unit: rows(unit.connection, "SELECT 1 FROM no_such_table"))
