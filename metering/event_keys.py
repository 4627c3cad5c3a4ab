"""Event keys and events as the database holds them: keys in sorted order, each once, and looked up by the thousand.

Whole columns go to PostgreSQL as arrays and to SQLite as one prepared statement: row by row through the mapper the
same costs many times as much.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from metering.events import Event, Key
from metering.rights import Place
from store.arrays import Blobs, Days, Instants, Int64s, Texts
from store.columns import written_instant
from store.direct import change, change_each, rows
from store.months import recorded_month
from store.unit import Unit


class Claim(NamedTuple):
    """An event that there is a right to: its position in the batch, its key, where it counts, its content's hash."""

    position: int
    key: Key
    event: Event
    place: Place
    content: bytes


class Held(NamedTuple):
    """What holds a key: the hash of its content, and the transaction that counted it."""

    content_hash: bytes
    transaction_id: int


# One statement for both tables: the key decides whether there is an event. What events of one place share is sent once
# for all of them.
_INSERT_POSTGRESQL: Final = (
    "WITH given AS MATERIALIZED (SELECT event.*, place.contract_id, place.offering_id, place.service_on, "
    "place.transaction_id FROM unnest(%(source)b::text[], %(event_id)b::text[], %(content_hash)b::bytea[], "
    "%(type)b::text[], %(happened_at)b::timestamptz[], %(quantity)b::bigint[], %(place)b::bigint[]) WITH ORDINALITY "
    "AS event (source, event_id, content_hash, type, happened_at, quantity, place, number) "
    "JOIN unnest(%(contract_id)b::text[], %(offering_id)b::text[], %(service_on)b::date[], "
    "%(transaction_id)b::bigint[]) WITH ORDINALITY "
    "AS place (contract_id, offering_id, service_on, transaction_id, number) ON place.number = event.place), "
    "fresh AS (INSERT INTO event_key (operator_id, source, event_id, transaction_id, number, recorded_month, "
    "content_hash) SELECT %(operator_id)s, source, event_id, transaction_id, number, %(recorded_month)s, content_hash "
    "FROM given ORDER BY number ON CONFLICT DO NOTHING RETURNING number) "
    "INSERT INTO usage_event (transaction_id, happened_at, recorded_at, quantity, service_on, number, recorded_month, "
    "operator_id, source, event_id, type, contract_id, offering_id) "
    "SELECT transaction_id, happened_at, %(recorded_at)s, quantity, service_on, number, %(recorded_month)s, "
    "%(operator_id)s, source, event_id, type, contract_id, offering_id "
    "FROM given WHERE number IN (SELECT number FROM fresh)"
)
_KEY_SQLITE: Final = (
    "INSERT INTO event_key (operator_id, source, event_id, transaction_id, number, recorded_month, content_hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_EVENT_SQLITE: Final = (
    "INSERT INTO usage_event (transaction_id, number, happened_at, recorded_at, quantity, service_on, recorded_month, "
    "operator_id, source, event_id, type, contract_id, offering_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT: Final = "SELECT held.source, held.event_id, held.content_hash, held.transaction_id "
_SELECT_POSTGRESQL: Final = (
    _SELECT + "FROM unnest(%(source)b::text[], %(event_id)b::text[]) AS wanted (source, event_id) "
    "JOIN event_key AS held USING (source, event_id) WHERE held.operator_id = %(operator_id)s"
)
_SELECT_SQLITE: Final = (
    _SELECT + "FROM json_each(?) AS wanted CROSS JOIN event_key AS held "
    "ON held.source = wanted.value ->> 0 AND held.event_id = wanted.value ->> 1 WHERE held.operator_id = ?"
)


def insert_new(unit: Unit, operator_id: str, claims: Sequence[Claim], transactions: Mapping[Place, int]) -> int:
    """Write the claims whose keys are free, given in the order of keys; return how many that were.

    Each names the transaction of its place. A key that another transaction is about to take is waited for; nobody
    waits for a lower key while holding a higher one.
    """
    if unit.dialect == "sqlite":
        return _insert_sqlite(unit, operator_id, claims, transactions)
    events = [claim.event for claim in claims]
    numbers = {place: number for number, place in enumerate(transactions, start=1)}
    columns = {
        "operator_id": operator_id,
        "recorded_at": unit.now,
        "recorded_month": recorded_month(unit.now, unit.zone),
        "source": Texts(event.source for event in events),
        "event_id": Texts(event.id for event in events),
        "content_hash": Blobs(claim.content for claim in claims),
        "type": Texts(event.type for event in events),
        "happened_at": Instants(event.time for event in events),
        "quantity": Int64s(event.quantity for event in events),
        "place": Int64s(numbers[claim.place] for claim in claims),
        "contract_id": Texts(place.right.contract_id for place in transactions),
        "offering_id": Texts(place.right.offering_id for place in transactions),
        "service_on": Days(place.day for place in transactions),
        "transaction_id": Int64s(transactions.values()),
    }
    return change(unit.connection, _INSERT_POSTGRESQL, columns)


def held_keys(unit: Unit, operator_id: str, keys: Collection[Key]) -> dict[Key, Held]:
    """Return what holds each of the keys that are taken."""
    if not keys:
        return {}
    if unit.dialect == "sqlite":
        held = rows(unit.connection, _SELECT_SQLITE, (json.dumps(list(keys)), operator_id))
    else:
        sources, ids = zip(*keys, strict=True)
        given = {"source": Texts(sources), "event_id": Texts(ids), "operator_id": operator_id}
        held = rows(unit.connection, _SELECT_POSTGRESQL, given)
    return {(source, event_id): Held(content, number) for source, event_id, content, number in held}


def _insert_sqlite(unit: Unit, operator_id: str, claims: Sequence[Claim], transactions: Mapping[Place, int]) -> int:
    recorded_at, month = written_instant(unit.now), recorded_month(unit.now, unit.zone)
    numbered = list(enumerate(claims, start=1))
    keys = [
        (operator_id, *claim.key, transactions[claim.place], number, month, claim.content) for number, claim in numbered
    ]
    taken = change_each(unit.connection, _KEY_SQLITE, keys)
    if taken < len(claims):
        held = held_keys(unit, operator_id, [claim.key for claim in claims])
        mine = set(transactions.values())
        numbered = [each for each in numbered if held[each[1].key].transaction_id in mine]
    events = [
        (
            transactions[claim.place],
            number,
            written_instant(claim.event.time),
            recorded_at,
            claim.event.quantity,
            claim.place.day.isoformat(),
            month,
            operator_id,
            *claim.key,
            claim.event.type,
            claim.place.right.contract_id,
            claim.place.right.offering_id,
        )
        for number, claim in numbered
    ]
    if events:
        change_each(unit.connection, _EVENT_SQLITE, events)
    return taken
