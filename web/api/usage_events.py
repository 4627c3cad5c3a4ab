"""Routes of usage events, and of those that were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import chain, islice
from typing import Any, Final

import msgspec
from sqlalchemy import Select
from sqlmodel import col

from metering.events import Event, Unreadable, Verdict
from metering.intake import count_by_status, replay_refused, take_events
from metering.listing import event_document, find_event, page_of_events
from metering.refusals import find_refused, refused_document, visible_refused
from metering.tables import RefusedEvent
from schemas.metering import (
    RefusedEventOut,
    RefusedEventsQuery,
    UsageBatchIn,
    UsageBatchOut,
    UsageEventOut,
    UsageEventQuery,
    UsageEventsQuery,
    read_batch,
    read_event,
)
from schemas.wire import page_of
from store.unit import Served, Unit
from web.door import Crowded, Door, lists, reads, writes

READERS = ("operator", "buyer", "grantor", "regulator", "auditor", "admin")
OVERSEERS = ("operator", "grantor", "regulator", "auditor", "admin")
SMALL_BATCH_EVENTS: Final = 100
"""A batch of so many events may be counted in one transaction with others; a larger one fills its own."""

door = Door("usage-events", __name__, url_prefix="/usage-events", description="Use that happened, event by event")
refused_door = Door(
    "refused-usage-events",
    __name__,
    url_prefix="/refused-usage-events",
    description="Events that were not counted, and why",
)


def _take_together(unit: Unit, batches: Sequence[Sequence[Event | Unreadable]]) -> list[Served]:
    """Take several batches of one operator as one; what is the same in two of them counts once, as it would in turn."""
    verdicts = iter(take_events(unit, unit.principal.party, list(chain.from_iterable(batches))))
    return [_served(list(islice(verdicts, len(batch)))) for batch in batches]


def _served(verdicts: Sequence[Verdict]) -> Served:
    return Served(HTTPStatus.CREATED, _document(verdicts), count_by_status(verdicts))


_CROWD: Final = Crowded(lambda events: len(events) <= SMALL_BATCH_EVENTS, _take_together)


@writes(door, "", roles=("operator",), body=UsageBatchIn, answer=UsageBatchOut, read=read_batch, crowd=_CROWD)
def send_usage_events(unit: Unit, events: Sequence[Event | Unreadable]) -> bytes:
    """Send a batch of events. Each is judged by itself; what is refused is kept, and can be judged again.

    Codes of what is not counted: `malformed_event`, `instant_without_offset`, `time_too_old`, `time_too_far_ahead`,
    `contract_unknown`, `contract_not_accepted`, `contract_not_in_force`, `offering_not_in_contract`,
    `authorisation_lapsed`, `grant_required`, `grant_not_begun`, `grant_suspended`, `grant_revoked`, `grant_expired`,
    `grant_exhausted` (of its whole term), `quantity_limit_exceeded` (of a contract's month), and `key_conflict` for an
    event whose source and id were counted with other content.

    An event with the extension attribute `reversesid` (and `reversessource`) takes a counted event back, as a whole and
    once; codes of those that do not: `reversed_event_unknown`, `reversal_mismatch` (contract, offering or quantity are
    others), `already_reversed`, `reversal_of_reversal`, `reversal_exceeds_use` (it was written off or returned).
    """
    return _document(take_events(unit, unit.principal.party, events))


@reads(door, "", roles=READERS, answer=page_of(UsageEventOut), query=UsageEventsQuery)
def list_usage_events(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the accepted events of the contracts that the caller is a party to or oversees."""
    return page_of_events(unit, query)


@reads(door, "/<path:event_id>", roles=READERS, answer=UsageEventOut, query=UsageEventQuery)
def get_usage_event(unit: Unit, query: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """Show the accepted event that has this id at its source."""
    return event_document(unit, find_event(unit, event_id, query["source"], query["operator"]))


@lists(
    refused_door,
    "",
    roles=OVERSEERS,
    item=RefusedEventOut,
    key=col(RefusedEvent.id),
    document=refused_document,
    query=RefusedEventsQuery,
)
def list_refused_events(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the refused events; those that were counted after all say so in ``outcome``."""
    return visible_refused(unit, query)


@reads(refused_door, "/<refused_id>", roles=OVERSEERS, answer=RefusedEventOut)
def get_refused_event(unit: Unit, _query: Mapping[str, Any], refused_id: str) -> dict[str, Any]:
    """Show a refused event."""
    return refused_document(unit, find_refused(unit, refused_id))


@writes(refused_door, "/<refused_id>/replay", roles=("operator",), answer=RefusedEventOut, status=200)
def replay_refused_event(unit: Unit, refused_id: str) -> dict[str, Any]:
    """Judge a refused event afresh, as of now."""
    return refused_document(unit, replay_refused(unit, refused_id, read_event))


class _Result(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of one event, as ``schemas.metering.EventResult`` describes it."""

    index: int
    status: str
    code: str | None = None
    detail: str | None = None


def _document(verdicts: Sequence[Verdict]) -> bytes:
    results = [_Result(index, *verdict) for index, verdict in enumerate(verdicts)]
    return msgspec.json.encode({**count_by_status(verdicts), "results": results})
