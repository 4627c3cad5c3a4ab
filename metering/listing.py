"""Accepted events as they are listed: in the order in which they were counted, for those who may see them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, literal, select, tuple_, union_all
from sqlmodel import col

from ledger.tables import Account, Entry, Transaction
from metering.accounts import DELIVERED
from metering.events import Key
from metering.tables import EventKey, UsageEvent, UsageReversal, event_of_key
from metering.use import REVERSAL, USAGE
from registry.contracts import visible_contracts
from registry.lookup import code_of, find, missing
from registry.relations import SEES_EVERYTHING
from registry.tables import Authorisation, Contract, Offering, Party
from store.paging import CursorInvalid, storable
from store.unit import Unit

OwnKey = tuple[str, str, str]
"""Operator, source and id of an event."""

_ACCOUNTS_AT_ONCE: Final = 100
_ORDER = (col(UsageEvent.transaction_id), col(UsageEvent.source), col(UsageEvent.event_id))


def page_of_events(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of events; ``contract`` and ``month`` (of service) narrow it. Raises CursorInvalid.

    An event has no id of its own: a page ends at (transaction, source, id). It costs what is on it, however many
    events there are: those of an operator are found by their transactions, with a month by what was delivered in it,
    those of a contract by its index.
    """
    place = None if wanted["cursor"] is None else _opened(wanted["cursor"])
    query = _narrowed(unit, wanted, place[0] if place else 0)
    if place is not None:
        query = query.where(tuple_(*_ORDER) > tuple_(*map(literal, place)))
    limit = wanted["limit"]
    rows = unit.session.execute(query.order_by(*_ORDER).limit(limit + 1)).scalars().all()
    following = _sealed(rows[limit - 1]) if len(rows) > limit else None
    reversed_by = _reversed_by(unit, rows[:limit])
    return {"items": [_document(unit, row, reversed_by) for row in rows[:limit]], "next_cursor": following}


def find_event(unit: Unit, event_id: str, source: str, operator: str | None = None) -> UsageEvent:
    """Return the event that the caller may see under an id and a source; the oldest, should operators share both."""
    query = _visible(unit).where(col(EventKey.event_id) == event_id, col(EventKey.source) == source)
    if operator is not None:
        query = query.where(col(EventKey.operator_id) == find(unit, Party, operator, "operator").id)
    else:
        # The key begins with the operator: naming all of them lets the database look each one up.
        query = query.where(col(EventKey.operator_id).in_(select(col(Authorisation.operator_id))))
    found: UsageEvent | None = unit.session.execute(query.order_by(*_ORDER).limit(1)).scalar_one_or_none()
    if found is None:
        raise missing("usage event", event_id)
    return found


def event_document(unit: Unit, row: UsageEvent) -> dict[str, Any]:
    """Return an event as the wire says it, before formatting."""
    return _document(unit, row, _reversed_by(unit, [row]))


def _document(unit: Unit, row: UsageEvent, reversed_by: Mapping[OwnKey, Key]) -> dict[str, Any]:
    taken_back = reversed_by.get((row.operator_id, row.source, row.event_id))
    return {
        **row.model_dump(include={"source", "type", "service_on", "quantity", "recorded_at"}),
        "id": row.event_id,
        "time": row.happened_at,
        "operator": code_of(unit, Party, row.operator_id),
        "contract": row.contract_id,
        "offering": code_of(unit, Offering, row.offering_id),
        "transaction": row.transaction_id,
        "reverses": {"source": taken_back[0], "id": taken_back[1]} if taken_back else None,
    }


def _reversed_by(unit: Unit, rows: Sequence[UsageEvent]) -> dict[OwnKey, Key]:
    """Return what those of the events reverse that reverse something."""
    numbers = sorted({row.transaction_id for row in rows})
    query = select(UsageReversal).where(col(UsageReversal.transaction_id).in_(numbers))
    return {
        (row.operator_id, row.source, row.event_id): (row.reversed_source, row.reversed_id)
        for row in unit.session.execute(query).scalars()
    }


def _narrowed(unit: Unit, wanted: Mapping[str, Any], first: int) -> Select[UsageEvent]:
    """Return the query of the events that a page is cut from, those counted by the transaction ``first`` or later."""
    contract, month = wanted["contract"], wanted["month"]
    if contract is None and _by_transaction(unit):
        return select(UsageEvent).where(col(UsageEvent.transaction_id).in_(_transactions(unit, wanted, first)))
    visible = visible_contracts(unit).with_only_columns(col(Contract.id))
    query = select(UsageEvent).where(col(UsageEvent.contract_id).in_(visible))
    if contract is not None:
        query = query.where(col(UsageEvent.contract_id) == contract)
    if month is not None:
        query = query.where(col(UsageEvent.service_on) >= month.span.start, col(UsageEvent.service_on) < month.span.end)
    return query


def _by_transaction(unit: Unit) -> bool:
    return unit.principal.role in SEES_EVERYTHING or unit.principal.role == "operator"


def _transactions(unit: Unit, wanted: Mapping[str, Any], first: int) -> Collection[int] | Select[Any]:
    """Return the transactions of use that a page can reach, in their order: each holds events of one day."""
    if wanted["month"] is not None:
        return _delivered(unit, str(wanted["month"]), first, wanted["limit"] + 1)
    query = select(col(Transaction.id)).where(
        col(Transaction.kind).in_((USAGE, REVERSAL)), col(Transaction.id) >= first
    )
    if unit.principal.role == "operator":
        query = query.where(col(Transaction.book) == unit.principal.party)
    return query.order_by(col(Transaction.id)).limit(wanted["limit"] + 1)


def _delivered(unit: Unit, month: str, first: int, limit: int) -> Collection[int]:
    """Return the first transactions of a service month: each has a leg on an account of what was delivered."""
    accounts = select(col(Account.id)).where(col(Account.kind) == DELIVERED).order_by(col(Account.id))
    if unit.principal.role == "operator":
        accounts = accounts.where(col(Account.book) == unit.principal.party)
    numbers = unit.connection.execute(accounts).scalars().all()
    found: set[int] = set()
    for start in range(0, len(numbers), _ACCOUNTS_AT_ONCE):
        of_each = (_of_account(number, month, first, limit) for number in numbers[start : start + _ACCOUNTS_AT_ONCE])
        found |= set(unit.connection.execute(union_all(*of_each)).scalars())
    return sorted(found)[:limit]


def _of_account(number: int | None, month: str, first: int, limit: int) -> Select[Any]:
    transaction = col(Entry.transaction_id)
    query = select(transaction).where(
        col(Entry.account_id) == number, col(Entry.service_month) == month, transaction >= first
    )
    return select(query.order_by(transaction).limit(limit).subquery())


def _visible(unit: Unit) -> Select[UsageEvent]:
    """Return the query of the events that the caller may see, each found by its key."""
    query = select(UsageEvent).join(EventKey, event_of_key())
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return query
    if role == "operator":
        return query.where(col(EventKey.operator_id) == unit.principal.party)
    contracts = visible_contracts(unit).with_only_columns(col(Contract.id))
    return query.where(col(UsageEvent.contract_id).in_(contracts))


def _sealed(row: UsageEvent) -> str:
    place = json.dumps([row.transaction_id, row.source, row.event_id], ensure_ascii=False)
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _opened(cursor: str) -> tuple[int, str, str]:
    try:
        transaction, source, event_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return storable(int(transaction)), storable(str(source)), storable(str(event_id))
    except (NotBase64, ValueError, TypeError, OverflowError, RecursionError) as fault:
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]}) from fault
