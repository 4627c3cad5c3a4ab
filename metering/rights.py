"""The right to a use: whether an event's contract, offering, day and grant allow it, and how it is booked.

What a contract says never changes once its buyer has accepted it, so that it is kept in memory between batches;
decisions on grants do change, and are read afresh for each batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import col

from metering.events import Event, Verdict, refused
from pricing.period import format_instant
from registry.grant_reratings import RERATING, covers, reratings_of
from registry.grant_tables import GrantRerating
from registry.grants import grant_refusal
from registry.tables import (
    Authorisation,
    Contract,
    ContractOffering,
    FreeUseGrant,
    GrantDecision,
    Offering,
    Product,
)
from store.unit import Unit

_CACHE: Final = "metering.contracts"
_CACHED_MAX: Final = 50_000
_CHUNK: Final = 500

_GRANT_STATES: Final[Mapping[str, str]] = {
    "grant_pending": "is not approved yet",
    "grant_suspended": "is suspended",
    "grant_revoked": "is revoked",
    "grant_not_begun": "has not begun",
    "grant_expired": "has expired",
}


@dataclass(frozen=True, slots=True)
class Right:
    """What a contract allows of one offering.

    ``free`` use is booked as such, under a grant; ``limit`` is in millionths of the unit, of a grant as a whole or of
    a contract a month; ``authorised`` is the term of the authorisation behind the product, half-open.
    """

    contract_id: str
    offering_id: str
    asset: str
    free: bool
    limit: int | None
    needs_grant: bool
    agreement_no: str
    authorised: tuple[date, date]


@dataclass(frozen=True, slots=True)
class Terms:
    """A contract as events are held against it; ``offerings`` are found by id and by code."""

    operator_id: str
    kind: str
    accepted: bool
    effective_from: date
    effective_until: date | None
    grant_id: str | None
    offerings: dict[str, Right]

    def covers(self, day: date) -> bool:
        """Say whether a business day lies in the term of the contract."""
        return self.effective_from <= day and (self.effective_until is None or day < self.effective_until)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where use counts: an offering under a contract on a business day. A batch has one of each, known by identity."""

    right: Right
    day: date

    @property
    def order(self) -> tuple[str, str, date]:
        """The order in which places are booked."""
        return self.right.contract_id, self.right.offering_id, self.day


class Judge:
    """Holds the events of one batch against what was recorded when the batch began."""

    def __init__(self, unit: Unit, operator_id: str, events: Iterable[Event]) -> None:
        self._operator_id = operator_id
        self._zone = unit.zone
        self._earliest = unit.now - timedelta(days=unit.settings.late_event_days_max)
        self._latest = unit.now + timedelta(minutes=unit.settings.future_event_minutes_max)
        self._terms = _terms_of(unit, {event.subject for event in events})
        grants = {terms.grant_id for terms in self._terms.values() if terms.grant_id}
        self._grants = _grants_of(unit, grants)
        self._reratings = _reratings_of(unit, grants)
        self._judged: dict[tuple[str, str, date], Place | Verdict] = {}
        self._places: dict[tuple[str, str, date], Place] = {}

    def judge(self, event: Event) -> Place | Verdict:
        """Return where an event's use counts, or the refusal; limits of quantity are not looked at here."""
        if not self._earliest <= event.time <= self._latest:
            return self._too_old_or_ahead(event)
        day = event.time.astimezone(self._zone).date()
        named = (event.subject, event.offering, day)
        judged = self._judged.get(named)
        if judged is None:
            judged = self._judged[named] = self._judge_day(*named)
        if isinstance(judged, Place) and judged.right.free:
            return self._judge_grant(event) or judged
        return judged

    def out_of_bounds(self, event: Event) -> Verdict | None:
        """Return the refusal of an event whose time is too old or too far ahead."""
        return None if self._earliest <= event.time <= self._latest else self._too_old_or_ahead(event)

    def right(self, event: Event) -> Right | None:
        """Return what the contract says of the offering that an event names, if anything."""
        terms = self._terms.get(event.subject)
        return terms.offerings.get(event.offering) if terms else None

    def _too_old_or_ahead(self, event: Event) -> Verdict:
        time = format_instant(event.time, self._zone)
        if event.time < self._earliest:
            earliest = format_instant(self._earliest, self._zone)
            return refused("time_too_old", f"{time} is before {earliest}, the earliest that is taken now")
        latest = format_instant(self._latest, self._zone)
        return refused("time_too_far_ahead", f"{time} is after {latest}, the latest that is taken now")

    def _judge_day(self, subject: str, offering: str, day: date) -> Place | Verdict:
        terms = self._terms.get(subject)
        if terms is None or terms.operator_id != self._operator_id:
            return refused("contract_unknown", f"there is no contract {subject!r} of this operator")
        if terms.kind == RERATING:
            return refused("contract_takes_no_use", f"contract {subject} holds re-rated use only, and takes no events")
        if not terms.accepted:
            return refused("contract_not_accepted", f"the buyer has not accepted contract {subject} yet")
        right = terms.offerings.get(offering)
        if right is None:
            return refused("offering_not_in_contract", f"contract {subject} does not hold the offering {offering!r}")
        refusal = _refusal_on(day, terms, right, offering)
        if refusal is not None:
            return refusal
        place = Place(right, day)
        return self._places.setdefault(place.order, place)

    def _judge_grant(self, event: Event) -> Verdict | None:
        grant_id = self._terms[event.subject].grant_id
        grant, decisions = self._grants[grant_id or ""]
        code = grant_refusal(grant, decisions, event.time, self._zone)
        if code is None:
            return self._judge_rerated(grant_id or "", event.time.astimezone(self._zone).date())
        return refused(code, f"grant {grant_id} {_GRANT_STATES[code]} at {format_instant(event.time, self._zone)}")

    def _judge_rerated(self, grant_id: str, day: date) -> Verdict | None:
        """Refuse use of days that a decision found to be commercial: it is not free, and its bill is made."""
        found = next((each for each in self._reratings[grant_id] if covers(each, day)), None)
        if found is None:
            return None
        said = f"use from {found.from_date} until {found.until_date} was re-rated by decision {found.decision_no}"
        return refused("grant_rerated", f"{said}, so that none of {day} is free: name a contract that is billed")


def _refusal_on(day: date, terms: Terms, right: Right, offering: str) -> Verdict | None:
    if right.needs_grant:
        return refused(
            "grant_required",
            f"{offering} is of public interest: its use needs an approved grant, whose own contract is to be named",
        )
    if not terms.covers(day) and not right.free:
        term = f"from {terms.effective_from} {f'until {terms.effective_until}' if terms.effective_until else 'on'}"
        return refused("contract_not_in_force", f"contract {right.contract_id} is in force {term}, not on {day}")
    first, until = right.authorised
    if not first <= day < until:
        term = f"from {first} until {until}"
        return refused("authorisation_lapsed", f"agreement {right.agreement_no} is in force {term}, not on {day}")
    return None


def _terms_of(unit: Unit, contract_ids: set[str]) -> dict[str, Terms]:
    """Return the terms of those of the contracts that exist."""
    cache: dict[str, Terms] = unit.cache.setdefault(_CACHE, {})
    # Asked once each: another thread may empty the cache in between.
    known = {contract_id: terms for contract_id in contract_ids if (terms := cache.get(contract_id)) is not None}
    wanted = sorted(contract_ids - known.keys())
    if not wanted:
        return known
    read: dict[str, Terms] = {}
    for start in range(0, len(wanted), _CHUNK):
        read |= _read_terms(unit, wanted[start : start + _CHUNK])
    if len(cache) + len(read) > _CACHED_MAX:
        cache.clear()
    cache.update({contract_id: terms for contract_id, terms in read.items() if terms.accepted})
    return known | read


def _read_terms(unit: Unit, contract_ids: list[str]) -> dict[str, Terms]:
    query = (
        select(
            col(Contract.id),
            col(Contract.operator_id),
            col(Contract.kind),
            col(Contract.accepted_at),
            col(Contract.effective_from),
            col(Contract.effective_until),
            col(Contract.grant_id),
            col(ContractOffering.offering_id),
            col(ContractOffering.category),
            col(ContractOffering.quantity_limit),
            col(Offering.code),
            col(Product.asset),
            col(Authorisation.agreement_no),
            col(Authorisation.effective_from).label("authorised_from"),
            col(Authorisation.effective_until).label("authorised_until"),
        )
        .join(ContractOffering, col(ContractOffering.contract_id) == col(Contract.id))
        .join(Offering, col(Offering.id) == col(ContractOffering.offering_id))
        .join(Product, col(Product.id) == col(Offering.product_id))
        .join(Authorisation, col(Authorisation.id) == col(Product.authorisation_id))
        .where(col(Contract.id).in_(contract_ids))
    )
    read: dict[str, Terms] = {}
    for row in unit.connection.execute(query):
        terms = read.get(row.id)
        if terms is None:
            terms = read[row.id] = Terms(
                row.operator_id,
                row.kind,
                row.accepted_at is not None,
                row.effective_from,
                row.effective_until,
                row.grant_id,
                {},
            )
        free = row.grant_id is not None
        terms.offerings[row.offering_id] = terms.offerings[row.code] = Right(
            contract_id=row.id,
            offering_id=row.offering_id,
            asset=row.asset,
            free=free,
            limit=row.quantity_limit,
            needs_grant=not free and row.category == "public_interest",
            agreement_no=row.agreement_no,
            authorised=(row.authorised_from, row.authorised_until),
        )
    return read


def _grants_of(unit: Unit, grant_ids: set[str]) -> dict[str, tuple[FreeUseGrant, list[GrantDecision]]]:
    """Return grants with their decisions in the order in which they take effect."""
    wanted = sorted(grant_ids)
    grants: dict[str, FreeUseGrant] = {}
    decisions: dict[str, list[GrantDecision]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        for grant in unit.session.execute(select(FreeUseGrant).where(col(FreeUseGrant.id).in_(chunk))).scalars():
            grants[grant.id] = grant
        query = select(GrantDecision).where(col(GrantDecision.grant_id).in_(chunk))
        order = (col(GrantDecision.effective_at), col(GrantDecision.id))
        for decision in unit.session.execute(query.order_by(*order)).scalars():
            decisions[decision.grant_id].append(decision)
    return {grant_id: (grant, decisions[grant_id]) for grant_id, grant in grants.items()}


def _reratings_of(unit: Unit, grant_ids: set[str]) -> dict[str, list[GrantRerating]]:
    """Return the decisions that found use under grants to be commercial."""
    wanted = sorted(grant_ids)
    found: dict[str, list[GrantRerating]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK):
        for rerating in reratings_of(unit, wanted[start : start + _CHUNK]):
            found[rerating.grant_id].append(rerating)
    return found
