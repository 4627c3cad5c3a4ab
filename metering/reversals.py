"""Reversals: an event that takes a counted event back, as a whole and once, with the opposite legs.

An event names another by the extension attributes ``reversesid`` and ``reversessource`` (its own source, if not given)
and repeats its contract, offering and quantity. It needs no right to the use, for that was counted; what was written
off or returned since is not there to be taken back. The order is that of the locks: the contracts are locked before
any event of the batch is judged, as bills and write-offs do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import insert, select, tuple_
from sqlmodel import col

from ledger.books import post, reserve
from metering.event_keys import Claim, held_keys, insert_new
from metering.events import ACCEPTED, Event, Key, Unreadable, Verdict, content_hash, counted_before, refused
from metering.late_use import is_late, remember
from metering.postings import use_posting
from metering.quotas import QuotaKey, give_back, quota_key
from metering.rights import Judge, Place
from metering.tables import EventKey, UsageEvent, UsageReversal, event_of_key
from metering.use import REVERSAL, chargeable_use, free_use_by_day, use_of
from pricing.money import format_quantity
from pricing.period import Month
from registry.lookup import code_of
from registry.tables import Contract, Offering
from store.unit import Unit

_CHUNK: Final = 500


class Counted(NamedTuple):
    """An event that was counted: where, how much, and what became of it since."""

    contract_id: str
    offering_id: str
    service_on: date
    quantity: int
    is_reversal: bool
    is_reversed: bool


@dataclass
class _Batch:
    """Reversals on their way: what was counted before, and what those of this batch take from it."""

    unit: Unit
    operator_id: str
    judge: Judge
    counted: Mapping[Key, Counted]
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    takers: dict[Key, tuple[Claim, Key]] = field(default_factory=dict)
    places: dict[tuple[str, str, date], Place] = field(default_factory=dict)
    taken: dict[tuple[str, str, date], int] = field(default_factory=lambda: defaultdict(int))


def reversing(events: Sequence[Event | Unreadable]) -> dict[int, Event]:
    """Return the events of a batch that reverse others, by their places in it."""
    return {
        index: event for index, event in enumerate(events) if isinstance(event, Event) and event.reverses is not None
    }


def lock_contracts(unit: Unit, events: Iterable[Event]) -> None:
    """Lock the contracts that reversals name, so that no bill and no write-off takes the use meanwhile."""
    named = sorted({event.subject for event in events})
    if named:
        query = select(col(Contract.id)).where(col(Contract.id).in_(named)).order_by(col(Contract.id))
        unit.connection.execute(query.with_for_update()).all()


def take_reversals(unit: Unit, operator_id: str, events: Mapping[int, Event]) -> dict[int, Verdict]:
    """Take back what the events name, each once, and return what became of each; lock their contracts first."""
    judge = Judge(unit, operator_id, events.values())
    counted = _counted(unit, operator_id, {event.reverses for event in events.values() if event.reverses})
    batch = _Batch(unit, operator_id, judge, counted)
    held = held_keys(unit, operator_id, {event.key for event in events.values()})
    for index, event in sorted(events.items()):
        earlier = held[event.key].content_hash if event.key in held else None
        if earlier is None and event.key in batch.takers:
            earlier = batch.takers[event.key][0].content
        batch.verdicts[index] = _judged(batch, index, event) if earlier is None else _told_apart(batch, event, earlier)
    _write(batch)
    return batch.verdicts


def _told_apart(batch: _Batch, event: Event, earlier: bytes) -> Verdict:
    right = batch.judge.right(event)
    return counted_before(same=right is not None and content_hash(event, right.offering_id) == earlier)


def _judged(batch: _Batch, index: int, event: Event) -> Verdict:
    reversed_key = event.reverses or event.key
    refusal = batch.judge.out_of_bounds(event) or _mismatch(batch, event, reversed_key)
    right = batch.judge.right(event)
    if refusal is not None or right is None:
        return refusal or refused("reversal_mismatch", f"contract {event.subject} does not hold {event.offering!r}")
    found = batch.counted[reversed_key]
    named = (found.contract_id, found.offering_id, found.service_on)
    place = batch.places.setdefault(named, Place(right, found.service_on))
    if not (_is_free(batch, place, event.quantity) if right.free else _is_there(batch, place, event.quantity)):
        settled = "re-rated as commercial" if right.free else "written off or returned"
        return refused(
            "reversal_exceeds_use",
            f"of {found.service_on} less than the {format_quantity(event.quantity)} is left: the rest was {settled}, "
            "which settled it already",
        )
    batch.taken[named] += event.quantity
    claim = Claim(index, event.key, event, place, content_hash(event, right.offering_id))
    batch.takers[event.key] = (claim, reversed_key)
    return ACCEPTED


def _mismatch(batch: _Batch, event: Event, reversed_key: Key) -> Verdict | None:
    """Return why an event does not reverse just what it names, if it does not."""
    found = batch.counted.get(reversed_key)
    source, event_id = reversed_key
    name = f"event {event_id!r} of {source!r}"
    if found is None:
        return refused("reversed_event_unknown", f"there is no counted {name} of this operator")
    if found.is_reversal:
        return refused("reversal_of_reversal", f"{name} is a reversal itself; send the use again under a new id")
    offering = code_of(batch.unit, Offering, found.offering_id)
    if event.subject != found.contract_id or event.offering not in (offering, found.offering_id):
        return refused("reversal_mismatch", f"{name} was counted for {offering} under contract {found.contract_id}")
    if event.quantity != found.quantity:
        return refused(
            "reversal_mismatch",
            f"{name} counted {format_quantity(found.quantity)} and is reversed as a whole, not by "
            f"{format_quantity(event.quantity)}: reverse it, and send what should have been",
        )
    if found.is_reversed or any(taken == reversed_key for _, taken in batch.takers.values()):
        return refused("already_reversed", f"{name} was reversed before")
    return None


def _is_free(batch: _Batch, place: Place, quantity: int) -> bool:
    """Say whether the free use of a day is still there to be taken back: none of it was re-rated."""
    right, month = place.right, Month.from_date(place.day)
    free = free_use_by_day(batch.unit, right.contract_id, right.offering_id, month.span, str(month))
    on_day = batch.taken.get((right.contract_id, right.offering_id, place.day), 0)
    return quantity <= free.get(place.day, 0) - on_day


def _is_there(batch: _Batch, place: Place, quantity: int) -> bool:
    """Say whether the use of a day is still there to be taken back: neither written off nor returned."""
    right, month = place.right, str(Month.from_date(place.day))
    of_month = use_of(batch.unit, right.contract_id, right.offering_id, month)
    use = chargeable_use(batch.unit, right.contract_id, [month]).get((right.offering_id, month))
    in_month = sum(
        taken
        for (contract_id, offering_id, day), taken in batch.taken.items()
        if (contract_id, offering_id, str(Month.from_date(day))) == (right.contract_id, right.offering_id, month)
    )
    on_day = batch.taken.get((right.contract_id, right.offering_id, place.day), 0)
    left_of_day = (use.by_day.get(place.day, 0) if use else 0) - on_day
    return quantity <= left_of_day and quantity <= of_month.unbilled + of_month.billed - in_month


def _write(batch: _Batch) -> None:
    """Write keys, reversals and postings; a reversal that another transaction takes first makes the work begin anew."""
    unit = batch.unit
    claims = [claim for claim, _ in (batch.takers[key] for key in sorted(batch.takers))]
    if not claims:
        return
    places = sorted({claim.place for claim in claims}, key=lambda place: place.order)
    transactions = dict(zip(places, reserve(unit, len(places)), strict=True))
    if insert_new(unit, batch.operator_id, claims, transactions) != len(claims):
        claims = _without_lost(batch, claims, frozenset(transactions.values()))
    if not claims:
        return
    unit.connection.execute(insert(UsageReversal), [_row(batch, claim, transactions[claim.place]) for claim in claims])
    by_place: dict[Place, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_place[claim.place].append(claim)
    counts: dict[QuotaKey, int] = defaultdict(int)
    for place, taken in by_place.items():
        if place.right.limit is not None:
            counts[quota_key(place)] += sum(claim.event.quantity for claim in taken)
    give_back(unit, counts)
    post(
        unit,
        [
            use_posting(REVERSAL, batch.operator_id, place, taken, transactions[place])
            for place, taken in by_place.items()
        ],
    )
    remember(
        unit,
        [
            (place.right.contract_id, str(Month.from_date(place.day)), transactions[place])
            for place in by_place
            if not place.right.free and is_late(unit, place.day)
        ],
    )


def _without_lost(batch: _Batch, claims: Sequence[Claim], mine: frozenset[int]) -> list[Claim]:
    """Return the claims that took their keys; the others came too late, and are told apart."""
    held = held_keys(batch.unit, batch.operator_id, {claim.key for claim in claims})
    kept: list[Claim] = []
    for claim in claims:
        if held[claim.key].transaction_id in mine:
            kept.append(claim)
        else:
            batch.verdicts[claim.position] = _told_apart(batch, claim.event, held[claim.key].content_hash)
    return kept


def _row(batch: _Batch, claim: Claim, transaction_id: int) -> dict[str, object]:
    source, event_id = batch.takers[claim.key][1]
    return {
        "operator_id": batch.operator_id,
        "reversed_source": source,
        "reversed_id": event_id,
        "source": claim.event.source,
        "event_id": claim.event.id,
        "transaction_id": transaction_id,
        "recorded_at": batch.unit.now,
    }


def _counted(unit: Unit, operator_id: str, keys: set[Key]) -> dict[Key, Counted]:
    """Return the counted events under some keys."""
    wanted, counted = sorted(keys), dict[Key, Counted]()
    for start in range(0, len(wanted), _CHUNK):
        counted |= _counted_of(unit, operator_id, wanted[start : start + _CHUNK])
    return counted


def _counted_of(unit: Unit, operator_id: str, keys: list[Key]) -> dict[Key, Counted]:
    own = (col(UsageReversal.source), col(UsageReversal.event_id))
    others = (col(UsageReversal.reversed_source), col(UsageReversal.reversed_id))
    mine = col(UsageReversal.operator_id) == operator_id
    reversals = {tuple(row) for row in unit.connection.execute(select(*own).where(mine, tuple_(*own).in_(keys)))}
    taken = {tuple(row) for row in unit.connection.execute(select(*others).where(mine, tuple_(*others).in_(keys)))}
    events = (
        select(
            col(UsageEvent.source),
            col(UsageEvent.event_id),
            col(UsageEvent.contract_id),
            col(UsageEvent.offering_id),
            col(UsageEvent.service_on),
            col(UsageEvent.quantity),
        )
        .join(EventKey, event_of_key())
        .where(col(EventKey.operator_id) == operator_id, tuple_(col(EventKey.source), col(EventKey.event_id)).in_(keys))
    )
    found: dict[Key, Counted] = {}
    for row in unit.connection.execute(events):
        key = (row.source, row.event_id)
        found[key] = Counted(
            row.contract_id, row.offering_id, row.service_on, row.quantity, key in reversals, key in taken
        )
    return found
