"""Event keys as the database holds them: written in sorted order, each once, and looked up by the thousand.

Whole columns go to PostgreSQL as arrays and to SQLite as one prepared statement: row by row through the mapper the
same costs many times as much.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from metering.events import Key
from store.unit import Unit


class EventRow(NamedTuple):
    """A row of ``usage_event``, without what a batch has in common."""

    source: str
    event_id: str
    content_hash: bytes
    type: str
    contract_id: str
    offering_id: str
    happened_at: datetime
    service_on: date
    quantity: int
    transaction_id: int


class Held(NamedTuple):
    """What holds a key: the hash of its content, and the transaction that counted it."""

    content_hash: bytes
    transaction_id: int


_COLUMNS: Final = f"operator_id, recorded_at, {', '.join(EventRow._fields)}"
_INSERT_POSTGRESQL: Final = (
    f"INSERT INTO usage_event ({_COLUMNS}) "  # noqa: S608 - names of our own columns
    "SELECT %(operator_id)s, %(recorded_at)s, given.* FROM unnest("
    "%(source)b::text[], %(event_id)b::text[], %(content_hash)b::bytea[], %(type)b::text[], %(contract_id)b::text[], "
    "%(offering_id)b::text[], %(happened_at)b::timestamptz[], %(service_on)b::date[], %(quantity)b::bigint[], "
    "%(transaction_id)b::bigint[]) AS given ON CONFLICT DO NOTHING"
)
_INSERT_SQLITE: Final = (
    f"INSERT INTO usage_event ({_COLUMNS}) VALUES ({', '.join('?' * 12)}) "  # noqa: S608 - names of our own columns
    "ON CONFLICT DO NOTHING"
)
_SELECT: Final = "SELECT held.source, held.event_id, held.content_hash, held.transaction_id "
_SELECT_POSTGRESQL: Final = (
    _SELECT + "FROM unnest(%(source)b::text[], %(event_id)b::text[]) AS wanted (source, event_id) "
    "JOIN usage_event AS held USING (source, event_id) WHERE held.operator_id = %(operator_id)s"
)
_SELECT_SQLITE: Final = (
    _SELECT + "FROM json_each(?) AS wanted CROSS JOIN usage_event AS held "
    "ON held.source = wanted.value ->> 0 AND held.event_id = wanted.value ->> 1 WHERE held.operator_id = ?"
)


def insert_new(unit: Unit, operator_id: str, rows: Sequence[EventRow]) -> int:
    """Write the events whose keys are free, given in the order of keys; return how many that were.

    A key that another transaction is about to take is waited for; nobody waits for a lower key while holding a
    higher one.
    """
    if not rows:
        return 0
    if unit.dialect == "sqlite":
        recorded_at = _text(unit.now)
        given = [
            (operator_id, recorded_at, *row[:6], _text(row.happened_at), row.service_on.isoformat(), *row[8:])
            for row in rows
        ]
        return unit.connection.exec_driver_sql(_INSERT_SQLITE, given).rowcount
    columns = dict(zip(EventRow._fields, map(list, zip(*rows, strict=True)), strict=True))
    common = {"operator_id": operator_id, "recorded_at": unit.now}
    return unit.connection.exec_driver_sql(_INSERT_POSTGRESQL, {**common, **columns}).rowcount


def held_keys(unit: Unit, operator_id: str, keys: Collection[Key]) -> dict[Key, Held]:
    """Return what holds each of the keys that are taken."""
    if not keys:
        return {}
    if unit.dialect == "sqlite":
        rows = unit.connection.exec_driver_sql(_SELECT_SQLITE, (json.dumps(list(keys)), operator_id))
    else:
        sources, ids = zip(*keys, strict=True)
        given = {"source": list(sources), "event_id": list(ids), "operator_id": operator_id}
        rows = unit.connection.exec_driver_sql(_SELECT_POSTGRESQL, given)
    return {(row[0], row[1]): Held(bytes(row[2]), row[3]) for row in rows}


def _text(instant: datetime) -> str:
    """Return an instant of UTC as the column type writes it on SQLite."""
    return f"{instant.isoformat(timespec='microseconds')[:-6]}Z"
