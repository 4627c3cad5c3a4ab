"""The register of free use: who was granted what, how much was used, and what it would have cost.

Free use for public governance and public welfare is conditional (Opinion 六, 七). Its value forgone is reckoned at the
published tariff of a named commercial reference offering, under that offering's ceiling; without one it is not known.
Use that a decision found to have been commercial is free no more: it is told with its decision and its bill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case, func, select
from sqlmodel import col

from ledger.tables import Account, Entry, Transaction
from metering.accounts import FREE
from pricing.money import format_money, format_quantity
from pricing.period import Month, Span
from pricing.rating import Segment, free_line
from pricing.segments import CeilingSpan, cut_use
from registry.grant_tables import GrantRerating, GrantReviewPlan
from registry.grants import grant_status
from registry.lookup import code_of
from registry.tables import Contract, FreeUseGrant, GrantDecision, Offering, Party
from reports.charges import per_unit, shown
from reports.frame import Frame, in_months
from settlement.price_book import Priced, price_book, vat_rate
from settlement.tables import Invoice
from store.unit import Unit

_SIGNED = case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))

UseByDay = Mapping[Month, Mapping[date, int]]
"""Free use of a grant by service month and day, in millionths."""


@dataclass(frozen=True)
class Forgone:
    """What free use would have cost: fen, the tax basis of the prices, and the use of days without a price."""

    value: int
    price_basis: str | None
    unpriced: int


def free_use(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return the grants whose term touches the period or under which something was used in it, as wire rows."""
    used = _used(unit, frame)
    grants = [grant for grant in _grants(unit, frame) if grant.id in used or _touches(grant, frame)]
    decisions = _decisions(unit, frame)
    followed = _Followed(_plans(unit, frame), _reratings(unit, frame))
    contracts = _contracts(unit, frame)
    references = {offered.offering.reference_offering_id for offered in frame.offerings.values()} - {None}
    book = price_book(unit, [reference for reference in references if reference], frame.as_of)
    return [
        {
            **_row(unit, frame, grant, decisions[grant.id], contracts.get(grant.id), used.get(grant.id, {}), book),
            **_followed(frame, grant, followed),
        }
        for grant in sorted(grants, key=lambda grant: (grant.effective_from, grant.id))
    ]


def value_forgone(reference: Priced, used: UseByDay) -> Forgone:
    """Return what use would have cost at the reference's tariff, its tiers accumulating over each month."""
    value, unpriced = 0, 0
    bases: set[str] = set()
    for month, by_day in sorted(used.items()):
        ceilings = [CeilingSpan(held.span, held.ceiling) for held in reference.ceilings]
        cut = cut_use(month.span, reference.tariffs, ceilings, by_day)
        value += _month_value(month, cut.segments)
        unpriced += cut.unpriced_micro
        bases |= {segment.tariff.price_basis.value for segment in cut.segments if segment.quantity_micro}
    return Forgone(value, ", ".join(sorted(bases)) or None, unpriced)


def _month_value(month: Month, segments: Sequence[Segment]) -> int:
    rate = vat_rate(month.first_day)
    value, before = 0, 0
    for segment in segments:
        ceiling = segment.ceiling.in_basis(segment.tariff.price_basis, rate) if segment.ceiling else None
        line = free_line(segment.start, segment.end, segment.quantity_micro, segment.tariff, ceiling, before)
        value += line.value_forgone or 0
        before += segment.quantity_micro
    return value


def _row(
    unit: Unit,
    frame: Frame,
    grant: FreeUseGrant,
    decisions: Sequence[GrantDecision],
    contract_id: str | None,
    used: UseByDay,
    book: Mapping[str, Priced],
) -> dict[str, Any]:
    offered = frame.offerings[grant.offering_id]
    quantity = sum(sum(by_day.values()) for by_day in used.values())
    reference = book.get(offered.offering.reference_offering_id or "")
    forgone = value_forgone(reference, used) if reference else None
    known = forgone is not None and (not quantity or forgone.unpriced < quantity)
    return {
        "grant": grant.id,
        "contract": contract_id,
        "offering": offered.code,
        "offering_name": offered.name,
        "buyer": code_of(unit, Party, grant.buyer_id),
        "purpose_statement": grant.purpose_statement,
        "status": _status(frame, grant, decisions),
        "effective_from": grant.effective_from.isoformat(),
        "effective_until": grant.effective_until.isoformat(),
        "quantity_limit": None if grant.quantity_limit is None else format_quantity(grant.quantity_limit),
        "quantity": format_quantity(quantity),
        "unit": offered.product.unit,
        "reference_offering": reference.named.code if reference else None,
        "price_basis": forgone.price_basis if forgone else None,
        "reference_price": shown(per_unit(forgone.value, quantity - forgone.unpriced)) if forgone else None,
        "value_forgone": format_money(forgone.value) if forgone and known else None,
        "quantity_unpriced": format_quantity(forgone.unpriced) if forgone else None,
        "decisions": [
            {
                "action": decision.action,
                "reason": decision.reason,
                "effective_at": decision.effective_at.astimezone(frame.zone).isoformat(),
            }
            for decision in decisions
        ],
        "links": {
            "grant": frame.link(f"/free-use-grants/{grant.id}"),
            **({"use": frame.link("/usage", contract=contract_id, offering=offered.code)} if contract_id else {}),
        },
    }


@dataclass(frozen=True)
class _Followed:
    """What became of grants by their ids: the review plan that holds, and the decisions that re-rated their use."""

    plans: Mapping[str, GrantReviewPlan]
    reratings: Mapping[str, Sequence[tuple[GrantRerating, int]]]


def _followed(frame: Frame, grant: FreeUseGrant, followed: _Followed) -> dict[str, Any]:
    plan, reratings = followed.plans.get(grant.id), followed.reratings.get(grant.id, ())
    due_on = plan.due_on if plan else None
    return {
        "conditions_version": grant.conditions["version"],
        "review_due_on": due_on.isoformat() if due_on else None,
        "review_overdue": due_on is not None and due_on < frame.today,
        "rerated_quantity": format_quantity(sum(rerating.quantity for rerating, _ in reratings)),
        "reratings": [
            {
                "decision_no": rerating.decision_no,
                "reason": rerating.reason,
                "from": rerating.from_date.isoformat(),
                "until": rerating.until_date.isoformat(),
                "offering": frame.offerings[rerating.offering_id].code,
                "quantity": format_quantity(rerating.quantity),
                "net": format_money(net),
                "bill": rerating.invoice_id,
                "links": {"bill": frame.link(f"/invoices/{rerating.invoice_id}")},
            }
            for rerating, net in reratings
        ],
    }


def _plans(unit: Unit, frame: Frame) -> dict[str, GrantReviewPlan]:
    """Read the newest review plan of each grant as of the frame's moment."""
    query = (
        select(GrantReviewPlan)
        .join(FreeUseGrant, col(FreeUseGrant.id) == col(GrantReviewPlan.grant_id))
        .join(Offering, col(Offering.id) == col(FreeUseGrant.offering_id))
        .where(col(Offering.operator_id) == frame.operator.id, col(GrantReviewPlan.recorded_at) <= frame.as_of)
        .order_by(col(GrantReviewPlan.id))
    )
    return {plan.grant_id: plan for plan in unit.session.execute(query).scalars()}


def _reratings(unit: Unit, frame: Frame) -> dict[str, list[tuple[GrantRerating, int]]]:
    """Read the decisions that re-rated use, each with the net of its bill."""
    query = (
        select(GrantRerating, col(Invoice.net))
        .join(Invoice, col(Invoice.id) == col(GrantRerating.invoice_id))
        .where(col(GrantRerating.offering_id).in_(list(frame.offerings)), col(GrantRerating.recorded_at) <= frame.as_of)
        .order_by(col(GrantRerating.from_date), col(GrantRerating.id))
    )
    found: dict[str, list[tuple[GrantRerating, int]]] = defaultdict(list)
    for rerating, net in unit.session.execute(query):
        found[rerating.grant_id].append((rerating, int(net)))
    return found


def _status(frame: Frame, grant: FreeUseGrant, decisions: Sequence[GrantDecision]) -> str:
    status = grant_status(decisions, frame.as_of)
    return "expired" if status == "approved" and frame.today >= grant.effective_until else status


def _touches(grant: FreeUseGrant, frame: Frame) -> bool:
    return Span(grant.effective_from, grant.effective_until).overlaps(frame.period)


def _used(unit: Unit, frame: Frame) -> dict[str, dict[Month, dict[date, int]]]:
    """Read the free use of the period from the books, by grant, month and day."""
    columns = (col(Contract.grant_id), col(Entry.service_month), col(Entry.service_on))
    query: Any = (
        select(*columns, func.sum(_SIGNED))
        .select_from(Account)
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .join(Transaction, col(Transaction.id) == col(Entry.transaction_id))
        .join(Contract, col(Contract.id) == col(Account.contract_id))
        .where(
            col(Account.book) == frame.operator.id,
            col(Account.kind) == FREE,
            col(Transaction.recorded_at) <= frame.as_of,
            in_months(col(Entry.service_month), frame.months),
            col(Contract.grant_id).is_not(None),
        )
        .group_by(*columns)
    )
    used: dict[str, dict[Month, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    for grant_id, service_month, service_on, quantity in unit.connection.execute(query):
        used[grant_id][Month.parse(service_month)][service_on] = int(quantity)
    return used


def _grants(unit: Unit, frame: Frame) -> Sequence[FreeUseGrant]:
    query = (
        select(FreeUseGrant)
        .join(Offering, col(Offering.id) == col(FreeUseGrant.offering_id))
        .where(col(Offering.operator_id) == frame.operator.id, col(FreeUseGrant.recorded_at) <= frame.as_of)
    )
    found: Sequence[FreeUseGrant] = unit.session.execute(query).scalars().all()
    return [grant for grant in found if grant.offering_id in frame.offerings]


def _decisions(unit: Unit, frame: Frame) -> dict[str, list[GrantDecision]]:
    query = (
        select(GrantDecision)
        .join(FreeUseGrant, col(FreeUseGrant.id) == col(GrantDecision.grant_id))
        .join(Offering, col(Offering.id) == col(FreeUseGrant.offering_id))
        .where(col(Offering.operator_id) == frame.operator.id, col(GrantDecision.recorded_at) <= frame.as_of)
        .order_by(col(GrantDecision.effective_at), col(GrantDecision.id))
    )
    decisions: dict[str, list[GrantDecision]] = defaultdict(list)
    for decision in unit.session.execute(query).scalars():
        decisions[decision.grant_id].append(decision)
    return decisions


def _contracts(unit: Unit, frame: Frame) -> dict[str, str]:
    query = select(col(Contract.grant_id), col(Contract.id)).where(
        col(Contract.operator_id) == frame.operator.id,
        col(Contract.kind) == "grant",
        col(Contract.recorded_at) <= frame.as_of,
    )
    return {str(grant_id): contract_id for grant_id, contract_id in unit.connection.execute(query)}
