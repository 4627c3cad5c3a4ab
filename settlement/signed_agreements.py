"""The distribution agreements that both sides signed, as values, and which of them a line of a bill falls under.

A line falls under the version that has begun by the end of its service month and began last: a version counts for the
whole of the month it takes effect in, for a month is distributed as one. Bills that no run has distributed yet fall
under the version that is signed when a run takes them, so that an agreement may start in the past.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from sqlalchemy import func, select, true
from sqlmodel import col

from pricing.agreement import Agreement, CostRecovery, FixedFee, Payee, Step, agreement_from_document
from pricing.period import Month
from settlement.tables import AgreementSignature, DistributionAgreement
from store.unit import Unit

BOTH_SIDES = 2


@dataclass(frozen=True, order=True)
class PoolKey:
    """There is one pool for each agreement and offering."""

    agreement_id: str
    offering_id: str


@dataclass(frozen=True)
class Version:
    """A signed agreement: what it is called, from when and for which offerings it holds, and its arithmetic."""

    id: str
    agreement_no: str
    clause: str
    effective_from: date
    basis: str
    offerings: tuple[str, ...]
    agreement: Agreement
    signed_at: datetime

    @cached_property
    def first_month(self) -> str:
        """The first service month that it counts for."""
        return str(Month.from_date(self.effective_from))

    @property
    def pools(self) -> tuple[PoolKey, ...]:
        """Its pools, one an offering."""
        return tuple(PoolKey(self.id, offering_id) for offering_id in self.offerings)

    @cached_property
    def payees(self) -> dict[str, Payee | None]:
        """Who is paid instead of each beneficiary, by the beneficiary's code; None where it is paid itself."""
        return payees_of(self.agreement)

    @cached_property
    def without_new_dues(self) -> Agreement:
        """Its arithmetic once another version succeeded it: nothing new falls due, what was carried is still paid."""
        return replace(self.agreement, steps=tuple(_without_due(step) for step in self.agreement.steps))


class Versions:
    """The signed agreements of one operator, found by offering and month."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.by_id = {version.id: version for version in versions}
        self._by_offering: dict[str, list[Version]] = defaultdict(list)
        for version in sorted(self.by_id.values(), key=lambda version: version.effective_from):
            for offering_id in version.offerings:
                self._by_offering[offering_id].append(version)

    def of(self, offering_id: str, month: str) -> Version | None:
        """Return the version that a service month of an offering falls under, if there is one."""
        versions = self._by_offering.get(offering_id, [])
        begun = bisect_right(versions, month, key=lambda version: version.first_month)
        return versions[begun - 1] if begun else None

    def in_force(self, month: str) -> list[PoolKey]:
        """Return the pools whose agreement holds in a month, in order: those of a run whose dues fall due."""
        found = ((offering_id, self.of(offering_id, month)) for offering_id in self._by_offering)
        return sorted(PoolKey(version.id, offering_id) for offering_id, version in found if version is not None)

    def signed_by(self, as_of: datetime | None) -> Versions:
        """Return those signed by a moment; none for no moment."""
        return Versions(version for version in self.by_id.values() if as_of is not None and version.signed_at <= as_of)


def payees_of(agreement: Agreement) -> dict[str, Payee | None]:
    """Return who is paid instead of each beneficiary, by the beneficiary's code; None where it is paid itself."""
    return {part.beneficiary: part.payee for part in (*agreement.steps, *agreement.residual.shares)}


def lock_agreements(unit: Unit, operator_id: str) -> None:
    """Lock an operator's agreements, in order: runs, signatures and payouts of one operator come one after another."""
    query = (
        select(col(DistributionAgreement.id))
        .where(col(DistributionAgreement.operator_id) == operator_id)
        .order_by(col(DistributionAgreement.id))
        # Not a full lock: bills, payments and settlements that merely name a locked row need not wait.
        .with_for_update(key_share=True)
    )
    unit.session.execute(query).all()


def signed_versions(unit: Unit, operator_id: str, as_of: datetime | None = None) -> Versions:
    """Return the operator's agreements that both sides had signed by a moment, or have signed."""
    signed_at = func.max(col(AgreementSignature.recorded_at))
    in_time = true() if as_of is None else col(AgreementSignature.recorded_at) <= as_of
    signatures = (
        select(col(AgreementSignature.agreement_id).label("agreement_id"), signed_at.label("signed_at"))
        .where(in_time)
        .group_by(col(AgreementSignature.agreement_id))
        .having(func.count() == BOTH_SIDES)
        .subquery()
    )
    query = (
        select(DistributionAgreement, signatures.c.signed_at)
        .join(signatures, signatures.c.agreement_id == col(DistributionAgreement.id))
        .where(col(DistributionAgreement.operator_id) == operator_id)
        .order_by(col(DistributionAgreement.id))
    )
    return Versions(_version(row, moment) for row, moment in unit.session.execute(query))


def _version(row: DistributionAgreement, signed_at: datetime) -> Version:
    return Version(
        id=row.id,
        agreement_no=row.agreement_no,
        clause=row.clause,
        effective_from=row.effective_from,
        basis=row.basis,
        offerings=tuple(row.offerings),
        agreement=agreement_from_document(row.terms),
        signed_at=signed_at,
    )


def _without_due(step: Step) -> Step:
    match step:
        case FixedFee():
            return replace(step, amount=0)
        case CostRecovery():
            return replace(step, due=0)
        case _:
            return step
