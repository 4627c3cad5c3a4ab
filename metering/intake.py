"""Taking use in: a batch of events is judged, counted once by key, held to its limits and booked, all or nothing.

The order is that of the locks: limits first, then event keys, then the books. The key's own uniqueness decides which
of several equal events counts; what this program knows before is only used to say why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ledger.books import Posting, post, reserve
from metering.event_keys import Claim, Held, held_keys, insert_new
from metering.events import ACCEPTED, Event, Key, Status, Unreadable, Verdict, content_hash, counted_before
from metering.late_use import is_late, remember
from metering.postings import use_posting
from metering.quotas import QuotaKey, Quotas, quota_key
from metering.refusals import keep_refused
from metering.reversals import lock_contracts, reversing, take_reversals
from metering.rights import Judge, Place
from metering.tables import RefusedEvent
from metering.use import USAGE
from pricing.errors import Refusal
from pricing.period import Month
from registry.lookup import missing
from store.unit import Unit


class EventTruncated(Refusal):
    """A refused event that is not kept whole cannot be judged again."""

    code = "event_truncated"


@dataclass
class _Batch:
    """A batch on its way: what was decided of each event, and which claims take their keys."""

    unit: Unit
    operator_id: str
    events: Sequence[Event | Unreadable]
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    takers: dict[Key, Claim] = field(default_factory=dict)
    transactions: dict[Place, int] = field(default_factory=dict)


def take_events(unit: Unit, operator_id: str, events: Sequence[Event | Unreadable]) -> list[Verdict]:
    """Count the events that there is a right to, each key once, and return what became of each, in their order.

    Those that reverse others come last, so that a batch may hold both. What is not counted, but for duplicates, is
    kept with its reason.
    """
    back = reversing(events)
    if not back:
        verdicts = _take_uses(unit, operator_id, events)
    else:
        lock_contracts(unit, back.values())
        uses = _take_uses(unit, operator_id, [event for index, event in enumerate(events) if index not in back])
        taken, counted = take_reversals(unit, operator_id, back), iter(uses)
        verdicts = [taken[index] if index in back else next(counted) for index in range(len(events))]
    keep_refused(unit, operator_id, zip(events, verdicts, strict=True))
    unit.detail.update(count_by_status(verdicts))
    return verdicts


def _take_uses(unit: Unit, operator_id: str, events: Sequence[Event | Unreadable]) -> list[Verdict]:
    batch = _Batch(unit, operator_id, events)
    judge = Judge(unit, operator_id, [event for event in events if isinstance(event, Event)])
    claims = _judged(batch, judge)
    quotas = _admit(batch, claims)
    lost = _write(batch)
    _tell_apart(batch, claims, lost)
    _tell_refused(batch, judge)
    _book(batch, lost, quotas)
    return [batch.verdicts[index] for index in range(len(events))]


def replay_refused(unit: Unit, refused_id: str, read: Callable[[msgspec.Raw], Event | Unreadable]) -> RefusedEvent:
    """Judge a refused event of the caller's afresh; ``read`` opens its text.

    Counted now, it says so for good; refused again, it stays with the new reason. Raises NotFound, EventTruncated.
    """
    row = unit.session.get(RefusedEvent, refused_id, with_for_update=True)
    if row is None or row.operator_id != unit.principal.party:
        raise missing("refused usage event", refused_id)
    unit.object_id = row.id
    if row.outcome is not None:
        return row
    if row.truncated:
        raise EventTruncated(f"{refused_id} was too long to be kept whole; send the event itself again")
    [verdict] = take_events(unit, row.operator_id, [read(msgspec.Raw(row.event.encode()))])
    unit.session.refresh(row)
    if verdict.status in (Status.ACCEPTED, Status.DUPLICATE):
        row.outcome, row.judged_at = verdict.status.value, unit.now
    return row


def count_by_status(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return how many events were accepted, duplicates, conflicts and refused."""
    counts = dict.fromkeys(Status, 0)
    for verdict in verdicts:
        counts[verdict.status] += 1
    return {
        "accepted": counts[Status.ACCEPTED],
        "duplicates": counts[Status.DUPLICATE],
        "conflicts": counts[Status.CONFLICT],
        "refused": counts[Status.REFUSED],
    }


def _judged(batch: _Batch, judge: Judge) -> list[Claim]:
    claims: list[Claim] = []
    for index, event in enumerate(batch.events):
        if isinstance(event, Unreadable):
            batch.verdicts[index] = Verdict(Status.REFUSED, event.code, event.detail)
            continue
        judged = judge.judge(event)
        if isinstance(judged, Verdict):
            batch.verdicts[index] = judged
        else:
            claims.append(Claim(index, event.key, event, judged, content_hash(event, judged.right.offering_id)))
    return claims


def _admit(batch: _Batch, claims: Sequence[Claim]) -> Quotas:
    """Let the first claim to each key try to take it; limited ones only while they fit, in the order of the batch.

    A limited claim to a key that is taken already counts against nothing. One whose key another transaction takes at
    this moment leaves its room unused, until what was refused for it is judged afresh.
    """
    limited = {claim.position: quota_key(claim.place) for claim in claims if claim.place.right.limit is not None}
    quotas = Quotas(batch.unit, set(limited.values()))
    held = held_keys(batch.unit, batch.operator_id, {claim.key for claim in claims if claim.position in limited})
    for claim in claims:
        if claim.key in batch.takers:
            continue
        if claim.position in limited and claim.key not in held:
            refusal = quotas.refusal(claim.event, claim.place.right, limited[claim.position])
            if refusal is not None:
                batch.verdicts[claim.position] = refusal
                continue
        batch.takers[claim.key] = claim
    return quotas


def _write(batch: _Batch) -> dict[Key, Held]:
    """Write the claims that take their keys; return what held the keys of those that came too late."""
    claims = [batch.takers[key] for key in sorted(batch.takers)]
    if not claims:
        return {}
    places = sorted({claim.place for claim in claims}, key=lambda place: place.order)
    batch.transactions = dict(zip(places, reserve(batch.unit, len(places)), strict=True))
    if insert_new(batch.unit, batch.operator_id, claims, batch.transactions) == len(claims):
        return {}
    mine = frozenset(batch.transactions.values())
    held = held_keys(batch.unit, batch.operator_id, batch.takers)
    return {key: holder for key, holder in held.items() if holder.transaction_id not in mine}


def _tell_apart(batch: _Batch, claims: Sequence[Claim], lost: Mapping[Key, Held]) -> None:
    """Say of each claim whether it was counted, or was counted before, or stands against other content."""
    for claim in claims:
        if claim.position in batch.verdicts:
            continue
        holder = lost.get(claim.key)
        if holder is None and batch.takers[claim.key] is claim:
            batch.verdicts[claim.position] = ACCEPTED
            continue
        content = holder.content_hash if holder else batch.takers[claim.key].content
        batch.verdicts[claim.position] = counted_before(same=content == claim.content)


def _tell_refused(batch: _Batch, judge: Judge) -> None:
    """What was refused may have been counted before, when there was a right to it; then it is a duplicate of that."""
    refused = {
        index: event
        for index, event in enumerate(batch.events)
        if isinstance(event, Event) and batch.verdicts[index].status is Status.REFUSED
    }
    held = held_keys(batch.unit, batch.operator_id, {event.key for event in refused.values()})
    mine = frozenset(batch.transactions.values())
    for index, event in refused.items():
        holder = held.get(event.key)
        if holder is None or (holder.transaction_id in mine and batch.takers[event.key].position > index):
            continue
        right = judge.right(event)
        same = right is not None and content_hash(event, right.offering_id) == holder.content_hash
        batch.verdicts[index] = counted_before(same=same)


def _book(batch: _Batch, lost: Mapping[Key, Held], quotas: Quotas) -> None:
    """Post one transaction for each contract, offering and business day, and count against the limits."""
    accepted: dict[Place, list[Claim]] = defaultdict(list)
    for key in sorted(batch.takers):
        if key not in lost:
            accepted[batch.takers[key].place].append(batch.takers[key])
    counted: dict[QuotaKey, int] = defaultdict(int)
    postings: list[Posting] = []
    for place, transaction_id in batch.transactions.items():
        if claims := accepted.get(place):
            quantity = sum(claim.event.quantity for claim in claims)
            postings.append(use_posting(USAGE, batch.operator_id, place, claims, transaction_id))
            if place.right.limit is not None:
                counted[quota_key(place)] += quantity
    quotas.count(counted)
    post(batch.unit, postings)
    remember(batch.unit, _late(batch, accepted))


def _late(batch: _Batch, accepted: Collection[Place]) -> Iterator[tuple[str, str, int]]:
    """Yield what bills of earlier months may have missed: (contract, month, transaction)."""
    for place, transaction_id in batch.transactions.items():
        if place in accepted and not place.right.free and is_late(batch.unit, place.day):
            yield place.right.contract_id, str(Month.from_date(place.day)), transaction_id
