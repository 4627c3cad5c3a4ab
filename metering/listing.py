"""Accepted events as they are listed: in the order in which they were counted, for those who may see them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, literal, select, tuple_
from sqlmodel import col

from metering.tables import UsageEvent
from registry.contracts import visible_contracts
from registry.lookup import code_of, find, missing
from registry.relations import SEES_EVERYTHING
from registry.tables import Authorisation, Contract, Offering, Party
from store.paging import CursorInvalid
from store.unit import Unit

_ORDER = (col(UsageEvent.transaction_id), col(UsageEvent.source), col(UsageEvent.event_id))


def page_of_events(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of events; ``contract`` and ``month`` (of service) narrow it. Raises CursorInvalid.

    An event has no id of its own: a page ends at (transaction, source, id).
    """
    query = _visible(unit)
    if wanted["contract"] is not None:
        query = query.where(col(UsageEvent.contract_id) == wanted["contract"])
    if wanted["month"] is not None:
        span = wanted["month"].span
        query = query.where(col(UsageEvent.service_on) >= span.start, col(UsageEvent.service_on) < span.end)
    if wanted["cursor"] is not None:
        query = query.where(tuple_(*_ORDER) > tuple_(*map(literal, _opened(wanted["cursor"]))))
    limit = wanted["limit"]
    rows = unit.session.execute(query.order_by(*_ORDER).limit(limit + 1)).scalars().all()
    following = _sealed(rows[limit - 1]) if len(rows) > limit else None
    return {"items": [event_document(unit, row) for row in rows[:limit]], "next_cursor": following}


def find_event(unit: Unit, event_id: str, source: str, operator: str | None = None) -> UsageEvent:
    """Return the event that the caller may see under an id and a source; the oldest, should operators share both."""
    query = _visible(unit).where(col(UsageEvent.event_id) == event_id, col(UsageEvent.source) == source)
    if operator is not None:
        query = query.where(col(UsageEvent.operator_id) == find(unit, Party, operator, "operator").id)
    else:
        # The key begins with the operator: naming all of them lets the database look each one up.
        query = query.where(col(UsageEvent.operator_id).in_(select(col(Authorisation.operator_id))))
    found: UsageEvent | None = unit.session.execute(query.order_by(*_ORDER).limit(1)).scalar_one_or_none()
    if found is None:
        raise missing("usage event", event_id)
    return found


def event_document(unit: Unit, row: UsageEvent) -> dict[str, Any]:
    """Return an event as the wire says it, before formatting."""
    return {
        **row.model_dump(include={"source", "type", "service_on", "quantity", "recorded_at"}),
        "id": row.event_id,
        "time": row.happened_at,
        "operator": code_of(unit, Party, row.operator_id),
        "contract": row.contract_id,
        "offering": code_of(unit, Offering, row.offering_id),
        "transaction": row.transaction_id,
    }


def _visible(unit: Unit) -> Select[UsageEvent]:
    query = select(UsageEvent)
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return query
    if role == "operator":
        return query.where(col(UsageEvent.operator_id) == unit.principal.party)
    contracts = visible_contracts(unit).with_only_columns(col(Contract.id))
    return query.where(col(UsageEvent.contract_id).in_(contracts))


def _sealed(row: UsageEvent) -> str:
    place = json.dumps([row.transaction_id, row.source, row.event_id], ensure_ascii=False)
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _opened(cursor: str) -> tuple[int, str, str]:
    try:
        transaction, source, event_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return int(transaction), str(source), str(event_id)
    except (NotBase64, UnicodeDecodeError, ValueError, TypeError) as fault:
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]}) from fault
