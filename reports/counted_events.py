"""The check of the counted events: each recomputed from all of its columns, and the digests that postings attest.

A seal holds the head of a posting, and the head its digest; so an event that was changed, whatever column it was in,
no longer makes what was sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row, and_, select
from sqlmodel import col

from ledger.tables import Entry, Transaction, legs_of_head
from metering.events import Event, content_hash, events_digest
from metering.tables import EventKey, UsageEvent, UsageReversal
from store.unit import Unit

_ROWS_AT_ONCE: Final = 5_000

_EVENTS: Final = (
    select(
        *(col(getattr(UsageEvent, name)) for name in UsageEvent.model_fields),
        col(EventKey.content_hash),
        col(EventKey.transaction_id).label("key_transaction"),
        col(EventKey.number).label("key_number"),
        col(EventKey.recorded_month).label("key_month"),
        col(UsageReversal.reversed_source),
        col(UsageReversal.reversed_id),
        col(Transaction.event_digest),
        col(Transaction.book),
        col(Transaction.recorded_at).label("posted_at"),
        col(Transaction.recorded_month).label("posted_month"),
        col(Entry.service_on).label("posted_day"),
    )
    .join(Transaction, col(Transaction.id) == col(UsageEvent.transaction_id))
    .outerjoin(Entry, and_(legs_of_head(), col(Entry.leg) == 1))
    .outerjoin(
        EventKey,
        and_(
            col(EventKey.operator_id) == col(UsageEvent.operator_id),
            col(EventKey.source) == col(UsageEvent.source),
            col(EventKey.event_id) == col(UsageEvent.event_id),
        ),
    )
    .outerjoin(
        UsageReversal,
        and_(
            col(UsageReversal.operator_id) == col(UsageEvent.operator_id),
            col(UsageReversal.source) == col(UsageEvent.source),
            col(UsageReversal.event_id) == col(UsageEvent.event_id),
        ),
    )
    .order_by(col(UsageEvent.transaction_id))
    .execution_options(yield_per=_ROWS_AT_ONCE)
)
"""Every event with what it reverses and what its transaction says of it, transaction by transaction."""


def events_fault(unit: Unit) -> str | None:
    """Return the first event, or transaction of use, that is not what was counted; None where all are."""
    with unit.connection.execute(_EVENTS) as events:
        return next(_faults(events), None)


def _faults(events: Iterable[Any]) -> Iterator[str]:
    for (number, digest), group in groupby(events, key=lambda row: (row.transaction_id, row.event_digest)):
        contents: list[tuple[str, str, bytes]] = []
        for row in group:
            content = _content(row)
            wrong = _wrong(row, content)
            if wrong is not None:
                key = f"operator_id={row.operator_id}, source={row.source}, event_id={row.event_id}"
                yield f"{key}, transaction_id={number}: {wrong}"
            contents.append((row.source, row.event_id, content))
        if events_digest(content for *_, content in sorted(contents)) != digest:
            yield f"transaction_id={number}: its events do not make the digest that it was posted with"


def _content(row: Row[Any]) -> bytes:
    """Return the hash of what a row says."""
    reverses = None if row.reversed_source is None else (row.reversed_source, row.reversed_id)
    event = Event(row.source, row.event_id, row.type, row.happened_at, row.contract_id, "", row.quantity, {}, reverses)
    return content_hash(event, row.offering_id)


def _wrong(row: Row[Any], content: bytes) -> str | None:
    """Return which columns of an event are not what they were counted as."""
    if row.content_hash is None:
        return "its key is missing"
    if content != row.content_hash:
        return "what it says does not have its hash"
    place = (row.transaction_id, row.number, row.recorded_month)
    if (row.key_transaction, row.key_number, row.key_month) != place:
        return f"its key leads to event {row.key_number} of transaction {row.key_transaction}"
    return _misplaced(row)


def _misplaced(row: Row[Any]) -> str | None:
    """Return where an event is other than its transaction."""
    if row.recorded_month != row.posted_month:
        return "it lies in another month than its transaction"
    if row.operator_id != row.book:
        return f"its transaction is in the book of {row.book}"
    if row.service_on != row.posted_day:
        return f"it is of {row.service_on}, and its transaction of {row.posted_day}"
    if row.recorded_at != row.posted_at:
        return f"it was recorded at {row.recorded_at.isoformat()}, and its transaction at {row.posted_at.isoformat()}"
    return None
