"""Breaches in the compliance report: every month that was billed above its ceilings, and the records of what followed.

What bills say and what was recorded are two sources: a month above its ceilings that nobody has recorded is told too,
and a record is told until the price authority closes it, and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from pricing.money import format_money, format_quantity
from pricing.period import format_instant
from registry.lookup import code_of
from registry.tables import Party
from reports.charges import Charge, decision_of, shown
from reports.excess import Excess
from reports.frame import Frame
from settlement.breach_tables import BreachMonth, BreachRecord, BreachRefund, BreachStep
from settlement.breaches import breach_status
from settlement.tables import CreditNote
from store.unit import Unit

_MonthKey = tuple[str, str, str]


@dataclass(frozen=True)
class Records:
    """The breaches that were recorded by a report's moment, with their months, steps and refunds."""

    rows: Sequence[BreachRecord]
    months: Mapping[str, Sequence[BreachMonth]]
    steps: Mapping[str, Sequence[BreachStep]]
    refunds: Mapping[str, Sequence[CreditNote]]

    def of_month(self, key: _MonthKey) -> list[BreachRecord]:
        """Return the records that a month of a contract and offering is in."""
        contract_id, offering_id, month = key
        return [
            row
            for row in self.rows
            if row.offering_id == offering_id
            and any((each.contract_id, each.service_month) == (contract_id, month) for each in self.months[row.id])
        ]

    def is_closed(self, row: BreachRecord) -> bool:
        """Say whether the price authority has closed a breach."""
        return breach_status(self.steps[row.id]) == "closed"


def read_records(unit: Unit, frame: Frame) -> Records:
    """Read the breaches recorded of the frame's offerings by its moment."""
    query = select(BreachRecord).where(
        col(BreachRecord.offering_id).in_(list(frame.offerings)), col(BreachRecord.recorded_at) <= frame.as_of
    )
    rows = unit.session.execute(query.order_by(col(BreachRecord.id))).scalars().all()
    ids = [row.id for row in rows]
    months, steps = defaultdict[str, list[BreachMonth]](list), defaultdict[str, list[BreachStep]](list)
    for month in unit.session.execute(select(BreachMonth).where(col(BreachMonth.breach_id).in_(ids))).scalars():
        months[month.breach_id].append(month)
    of_steps = select(BreachStep).where(col(BreachStep.breach_id).in_(ids), col(BreachStep.recorded_at) <= frame.as_of)
    for step in unit.session.execute(of_steps.order_by(col(BreachStep.id))).scalars():
        steps[step.breach_id].append(step)
    return Records(rows, months, steps, _refunds(unit, frame, ids))


def breaches(frame: Frame, found: Iterable[Excess], records: Records) -> list[dict[str, Any]]:
    """Return every month that was billed above its ceilings, what was given back of it, and the records that say so."""
    return [_breach(frame, excess, records) for excess in found]


def breach_records(unit: Unit, frame: Frame, records: Records) -> list[dict[str, Any]]:
    """Return the records with their orders, answers and closes, those that are open at the head."""
    ordered = sorted(records.rows, key=lambda row: (records.is_closed(row), row.id))
    return [_record(unit, frame, row, records) for row in ordered]


def _breach(frame: Frame, excess: Excess, records: Records) -> dict[str, Any]:
    month = excess.standing
    charge = month.worst
    price = max((price for _, price in month.nets), default=None)
    bills = {member.invoice_id: member.number for member in month.charges}
    recorded = records.of_month(month.key)
    is_closed = bool(recorded) and all(records.is_closed(row) for row in recorded)
    return {
        "offering": frame.offerings[charge.offering_id].code,
        "buyer": charge.buyer,
        "contract": charge.contract_id,
        "service_month": charge.service_month,
        "bills": sorted(bills.values()),
        "billed_on": min(member.issued_on for member in month.charges).isoformat(),
        "unit_price": shown(price),
        "ceiling": shown(_limit(charge)),
        "decision_no": decision_of(charge),
        "price_basis": charge.price_basis,
        "quantity": format_quantity(month.quantity),
        "value": format_money(excess.value),
        "refunded": format_money(excess.value - excess.owed),
        "status": "closed" if is_closed else "open" if excess.owed else "refunded",
        "records": [row.id for row in recorded],
        "links": {
            **{f"bill_{number}": frame.link(f"/invoices/{bill}") for bill, number in sorted(bills.items())},
            **{f"record_{row.id}": frame.link(f"/breaches/{row.id}") for row in recorded},
        },
    }


def _record(unit: Unit, frame: Frame, row: BreachRecord, records: Records) -> dict[str, Any]:
    steps, notes = records.steps[row.id], records.refunds[row.id]
    last = {step.action: step for step in steps}
    order = last["order"].details if "order" in last else {}
    return {
        "record": row.id,
        "offering": frame.offerings[row.offering_id].code,
        "offering_name": frame.offerings[row.offering_id].name,
        "cause": row.cause,
        "found_on": row.found_on.isoformat(),
        "found_by": row.found_by,
        "from": row.period_from.isoformat(),
        "until": row.period_until.isoformat(),
        "buyers": sorted({code_of(unit, Party, month.buyer_id) for month in records.months[row.id]}),
        "months": len(records.months[row.id]),
        "value": format_money(sum(month.owed for month in records.months[row.id])),
        "refunded_net": format_money(sum(note.net for note in notes)),
        "refunded_gross": format_money(sum(note.gross for note in notes)),
        "decision_no": order.get("decision_no"),
        "measures": order.get("measures", []),
        "due_on": order.get("due_on"),
        "answer": last["answer"].details["text"] if "answer" in last else None,
        "close_reason": last["close"].details["reason"] if "close" in last else None,
        "closed_at": format_instant(last["close"].recorded_at, frame.zone) if "close" in last else None,
        "status": breach_status(steps),
        "links": {"record": frame.link(f"/breaches/{row.id}")},
    }


def _refunds(unit: Unit, frame: Frame, ids: Sequence[str]) -> dict[str, list[CreditNote]]:
    query = (
        select(col(BreachRefund.breach_id), CreditNote)
        .join(CreditNote, col(CreditNote.id) == col(BreachRefund.credit_note_id))
        .where(col(BreachRefund.breach_id).in_(ids), col(CreditNote.recorded_at) <= frame.as_of)
        .order_by(col(CreditNote.id))
    )
    found: dict[str, list[CreditNote]] = defaultdict(list)
    for breach_id, note in unit.session.execute(query):
        found[breach_id].append(note)
    return found


def _limit(charge: Charge) -> Decimal | Fraction | None:
    """Return the ceiling that a charge stands against, in yuan: for the period of its fixed part, or for a unit."""
    if charge.fixed_ceiling is not None:
        return charge.fixed_ceiling.stated
    return charge.ceiling.per_unit if charge.ceiling else None
