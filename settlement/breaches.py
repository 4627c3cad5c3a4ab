"""Breaches found later: the record with its cause, the refund of each buyer it touched, what follows until its close.

A price above its ceiling is refused, and capped at billing; but a ceiling can be back-dated under bills that were
issued, and use can be taken out of a bill for less than it was charged with. What a month still stands above its
ceilings is read from bills and credits each time (``Find``), under the locks of the contracts, so that it is refunded
once, whoever gave it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, select, true
from sqlmodel import col

from pricing.crediting import Wanted, credit_by_lines, gross_for_net
from pricing.errors import Conflict, Refusal
from pricing.money import PriceBasis, format_money, spread
from pricing.period import Span
from registry.lookup import code_of, find, missing, party_of_kind
from registry.price_authorities import require_price_authority
from registry.price_rules import hold_prices
from registry.relations import (
    SEES_EVERYTHING,
    authorisation_of,
    offerings_under,
    operators_overseen,
    product_of,
    require_grantor,
    require_operator,
    require_overseer,
)
from registry.revenue_evaluations import DeadlinePassed
from registry.spans import require_span
from registry.tables import Contract, Offering, Party, TariffVersion
from settlement.breach_tables import BreachMonth, BreachRecord, BreachRefund, BreachStep
from settlement.credit_notes import credit_reductions, write_credit_note
from settlement.drafts import ABOVE_CEILING, EarlierBill, Reduction
from settlement.standing import billed_lines, lines_of, lock_invoice
from settlement.tables import CreditNote, Invoice, InvoiceLine
from store.ids import new_id
from store.unit import Unit


@dataclass(frozen=True)
class ExcessLine:
    """What a line of a bill lies above its ceiling: fen in the bill's tax basis."""

    invoice_id: str
    position: int
    amount: int


@dataclass(frozen=True)
class Touched:
    """A service month of a contract that stands above its ceilings: fen in the bill's tax basis.

    ``owed`` is what was not given back yet; ``lines`` say where it lies, or nothing where it is the month as a whole.
    """

    contract_id: str
    offering_id: str
    service_month: str
    price_basis: PriceBasis
    charged: int
    allowed: int
    owed: int
    bill: EarlierBill
    lines: tuple[ExcessLine, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Contract and service month."""
        return self.contract_id, self.service_month


Find = Callable[[Unit, str, str, Span], list[Touched]]
"""Reads from the papers what is owed of an operator's offering (by their ids) for the months of a period."""


class NothingAboveCeiling(Refusal):
    """A breach is recorded where bills stand above their ceilings, and here none does."""

    code = "nothing_above_ceiling"


class BreachRecorded(Conflict):
    """All that was found is in an open record already."""

    code = "breach_recorded"


class FoundAhead(Refusal):
    """A breach that would be found on a day to come."""

    code = "found_ahead"


class NothingOwed(Refusal):
    """Every buyer that the breach touched has been refunded."""

    code = "nothing_owed"


class BreachClosed(Conflict):
    """The price authority has closed the breach."""

    code = "breach_closed"


class BreachNotOrdered(Conflict):
    """There is no order to answer, or it was answered."""

    code = "breach_not_ordered"


class BreachUnrefunded(Refusal):
    """A breach that is closed while buyers are owed, without a reason."""

    code = "breach_unrefunded"


def record_breach(unit: Unit, given: Mapping[str, Any], seek: Find) -> BreachRecord:
    """Record a breach of an offering's ceilings, with the months that it touched as the papers say them.

    Raises NotFound, DatesReversed, FoundAhead, NothingAboveCeiling, BreachRecorded.
    """
    operator = party_of_kind(unit, given["operator"], "operator", "operator")
    require_overseer(unit, operator.id, given["operator"])
    offering = _offering(unit, operator, given["offering"])
    days = require_span({"from": given["day_from"], "until": given["day_until"]}, "from", "until")
    if given["found_on"] > unit.today:
        message = f"found_on {given['found_on']} lies ahead of today, {unit.today}"
        raise FoundAhead(message, errors={"found_on": [message]})
    row = BreachRecord(
        id=new_id("brc"),
        operator_id=operator.id,
        offering_id=offering.id,
        cause=given["cause"],
        found_on=given["found_on"],
        found_by=unit.principal.role,
        period_from=days.start,
        period_until=given["day_until"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    hold_prices(unit, operator.id)
    touched = _unrecorded(unit, row, seek(unit, operator.id, offering.id, days))
    unit.session.add(row)
    unit.session.flush()
    unit.session.add_all(_month(unit, row.id, month) for month in touched)
    unit.session.flush()
    unit.object_id = row.id
    return row


def refund_breach(unit: Unit, breach_id: str, seek: Find) -> BreachRecord:
    """Refund every buyer that a breach touched what it still stands above its ceilings, by credit notes.

    Raises NotFound, BreachClosed, NothingOwed.
    """
    row = _locked(unit, breach_id)
    require_operator(unit, row.operator_id, "breach", breach_id)
    _require_open(unit, row)
    months = months_of(unit, row.id)
    for contract_id in sorted({month.contract_id for month in months}):
        unit.session.get(Contract, contract_id, with_for_update=True)
    owed = _owed(unit, row, months, seek)
    if not owed:
        message = f"nothing that breach {row.id} touched stands above its ceilings any more: all of it was given back"
        raise NothingOwed(message)
    _lock_bills(unit, owed)
    for month in owed:
        for note in _refund(unit, month):
            unit.session.add(
                BreachRefund(
                    credit_note_id=note.id,
                    breach_id=row.id,
                    contract_id=month.contract_id,
                    service_month=month.service_month,
                    recorded_at=unit.now,
                    recorded_by=unit.principal.party,
                )
            )
    unit.session.flush()
    return row


def order_breach(unit: Unit, breach_id: str, given: Mapping[str, Any]) -> BreachRecord:
    """Record the price authority's order on a breach: measures, and by when.

    Raises NotFound, NotPriceAuthority, BreachClosed, DeadlinePassed.
    """
    row = _locked(unit, breach_id)
    _require_authority(unit, row)
    _require_open(unit, row)
    due_on = given["due_on"]
    if due_on is not None and due_on < unit.today:
        message = f"what is ordered on {unit.today} cannot be due on {due_on}; give that day or a later one"
        raise DeadlinePassed(message, errors={"due_on": [message]}, today=unit.today.isoformat())
    details = {
        "decision_no": given["decision_no"],
        "measures": sorted(set(given["measures"])),
        "text": given["text"],
        "due_on": due_on.isoformat() if due_on else None,
    }
    _add_step(unit, row, "order", details)
    return row


def answer_breach(unit: Unit, breach_id: str, given: Mapping[str, Any]) -> BreachRecord:
    """Answer the last order as the operator, naming credit notes and tariffs by which it was followed.

    Raises NotFound, BreachClosed, BreachNotOrdered.
    """
    row = _locked(unit, breach_id)
    require_operator(unit, row.operator_id, "breach", breach_id)
    _require_open(unit, row)
    steps = steps_of(unit, row.id)
    if not steps or steps[-1].action != "order":
        message = f"no order on breach {row.id} waits for an answer"
        raise BreachNotOrdered(message, state=breach_status(steps))
    for number, note_id in enumerate(given["credit_notes"]):
        note = unit.session.get(CreditNote, note_id)
        if note is None or note.operator_id != row.operator_id:
            raise missing("credit note", note_id, f"credit_notes.{number}")
    for number, tariff_id in enumerate(given["tariffs"]):
        tariff = unit.session.get(TariffVersion, tariff_id)
        if tariff is None or tariff.offering_id != row.offering_id:
            raise missing("tariff of this offering", tariff_id, f"tariffs.{number}")
    _add_step(unit, row, "answer", {name: given[name] for name in ("text", "credit_notes", "tariffs")})
    return row


def close_breach(unit: Unit, breach_id: str, given: Mapping[str, Any], seek: Find) -> BreachRecord:
    """Close a breach as its price authority: once every buyer is refunded, or with a reason.

    Raises NotFound, NotPriceAuthority, BreachClosed, BreachUnrefunded.
    """
    row = _locked(unit, breach_id)
    _require_authority(unit, row)
    _require_open(unit, row)
    owed = _owed(unit, row, months_of(unit, row.id), seek)
    if owed and given["reason"] is None:
        left = format_money(sum(month.owed for month in owed))
        message = f"{left} is still owed to buyers for {len(owed)} months: let it be refunded, or state the reason"
        raise BreachUnrefunded(message, errors={"reason": [message]}, owed=left)
    _add_step(unit, row, "close", {"reason": given["reason"], "owed": format_money(sum(month.owed for month in owed))})
    return row


def breach_status(steps: Sequence[BreachStep]) -> str:
    """Return ``open``, ``ordered``, ``answered`` or ``closed``."""
    said = {"order": "ordered", "answer": "answered", "close": "closed"}
    return said[steps[-1].action] if steps else "open"


def visible_breaches(unit: Unit) -> Select[Any]:
    """Return the query of the breaches of offerings that the caller oversees."""
    return select(BreachRecord).where(_seen(unit))


def find_breach(unit: Unit, breach_id: str) -> BreachRecord:
    """Return a breach that the caller may see; raises NotFound."""
    query = visible_breaches(unit).where(col(BreachRecord.id) == breach_id)
    row: BreachRecord | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("breach", breach_id)
    return row


def breach_document(unit: Unit, row: BreachRecord) -> dict[str, Any]:
    """Return a breach as the wire says it, before formatting, with its months, refunds and steps."""
    steps, refunds = steps_of(unit, row.id), _refunds(unit, row.id)
    return {
        **row.model_dump(exclude={"recorded_by", "period_from", "period_until"}),
        "operator": code_of(unit, Party, row.operator_id),
        "offering": code_of(unit, Offering, row.offering_id),
        "recorded_by": code_of(unit, Party, row.recorded_by) if row.recorded_by else None,
        "day_from": row.period_from,
        "day_until": row.period_until,
        "status": breach_status(steps),
        "months": [
            _month_document(unit, month, refunds[month.contract_id, month.service_month])
            for month in months_of(unit, row.id)
        ],
        "steps": [{"action": step.action, "recorded_at": step.recorded_at, **step.details} for step in steps],
        "sandbox": unit.sandbox,
    }


def months_of(unit: Unit, breach_id: str) -> Sequence[BreachMonth]:
    """Return the months that a breach touched, by contract."""
    query = select(BreachMonth).where(col(BreachMonth.breach_id) == breach_id)
    return (
        unit.session.execute(query.order_by(col(BreachMonth.contract_id), col(BreachMonth.service_month)))
        .scalars()
        .all()
    )


def steps_of(unit: Unit, breach_id: str) -> Sequence[BreachStep]:
    """Return what followed on a breach, in its order."""
    query = select(BreachStep).where(col(BreachStep.breach_id) == breach_id).order_by(col(BreachStep.id))
    return unit.session.execute(query).scalars().all()


def _require_authority(unit: Unit, row: BreachRecord) -> None:
    """Require that the caller is today's price authority for the level of the product; raises NotPriceAuthority."""
    operator = unit.session.get_one(Party, row.operator_id)
    require_price_authority(unit, operator, product_of(unit, row.offering_id).registration_level, unit.principal.party)


def _offering(unit: Unit, operator: Party, ref: str) -> Offering:
    offering = find(unit, Offering, ref, "offering")
    if offering.operator_id != operator.id:
        raise missing("offering of this operator", ref, "offering")
    if unit.principal.role == "grantor":
        require_grantor(unit, authorisation_of(unit, offering.id), "offering", ref, "offering")
    return offering


def _unrecorded(unit: Unit, row: BreachRecord, found: Sequence[Touched]) -> list[Touched]:
    """Return what was found and is in no open record yet."""
    if not found:
        message = f"no bill of the offering stands above its ceilings in the months from {row.period_from} on"
        raise NothingAboveCeiling(message, errors={"offering": [message]})
    others = select(BreachRecord).where(col(BreachRecord.offering_id) == row.offering_id)
    held: dict[tuple[str, str], str] = {}
    for other in unit.session.execute(others).scalars():
        if breach_status(steps_of(unit, other.id)) != "closed":
            held |= {(month.contract_id, month.service_month): other.id for month in months_of(unit, other.id)}
    touched = [month for month in found if month.key not in held]
    if not touched:
        records = ", ".join(sorted({held[month.key] for month in found}))
        message = f"what was found is recorded already, in {records}"
        raise BreachRecorded(message, record=records)
    return touched


def _month(unit: Unit, breach_id: str, month: Touched) -> BreachMonth:
    return BreachMonth(
        breach_id=breach_id,
        contract_id=month.contract_id,
        service_month=month.service_month,
        buyer_id=unit.session.get_one(Contract, month.contract_id).buyer_id,
        price_basis=month.price_basis.value,
        charged=month.charged,
        allowed=month.allowed,
        owed=month.owed,
    )


def _owed(unit: Unit, row: BreachRecord, months: Iterable[BreachMonth], seek: Find) -> list[Touched]:
    """Return the months of a record of which something is owed now."""
    recorded = {(month.contract_id, month.service_month) for month in months}
    days = Span(row.period_from, row.period_until)
    return [found for found in seek(unit, row.operator_id, row.offering_id, days) if found.key in recorded]


def _lock_bills(unit: Unit, owed: Iterable[Touched]) -> None:
    """Lock every bill that charged for the months, before the first note takes its number."""
    ids: set[str] = set()
    for month in owed:
        query = (
            select(col(InvoiceLine.invoice_id))
            .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
            .where(
                col(Invoice.contract_id) == month.contract_id,
                col(InvoiceLine.offering_id) == month.offering_id,
                col(InvoiceLine.service_month) == month.service_month,
            )
        )
        ids |= set(unit.connection.execute(query).scalars())
    for invoice_id in sorted(ids):
        lock_invoice(unit, invoice_id)


def _refund(unit: Unit, month: Touched) -> list[CreditNote]:
    """Credit what a month stands above its ceilings: on the lines above them, or on all lines of the month."""
    if not month.lines:
        reduction = Reduction(month.offering_id, month.service_month, month.owed, month.bill, ABOVE_CEILING)
        return credit_reductions(unit, month.price_basis, [reduction])
    by_bill: dict[str, list[ExcessLine]] = defaultdict(list)
    for line in month.lines:
        by_bill[line.invoice_id].append(line)
    return [_refund_lines(unit, bill, by_bill[bill], month.price_basis) for bill in sorted(by_bill)]


def _refund_lines(unit: Unit, invoice_id: str, excess: Sequence[ExcessLine], basis: PriceBasis) -> CreditNote:
    invoice = unit.session.get_one(Invoice, invoice_id)
    rows = lines_of(unit, invoice_id)
    lines = billed_lines(unit, invoice_id, rows)
    amounts = [line.amount for line in excess]
    gross = sum(amounts) if basis is PriceBasis.TAX_INCLUSIVE else gross_for_net(lines, sum(amounts))
    wanted = [Wanted(line.position, amount=part) for line, part in zip(excess, spread(gross, amounts), strict=True)]
    return write_credit_note(unit, invoice, rows, credit_by_lines(lines, wanted), reason=ABOVE_CEILING)


def _locked(unit: Unit, breach_id: str) -> BreachRecord:
    find_breach(unit, breach_id)
    row = unit.session.get_one(BreachRecord, breach_id, with_for_update=True)
    unit.object_id = row.id
    return row


def _require_open(unit: Unit, row: BreachRecord) -> None:
    status = breach_status(steps_of(unit, row.id))
    if status == "closed":
        message = f"breach {row.id} was closed by the price authority"
        raise BreachClosed(message, state=status)


def _add_step(unit: Unit, row: BreachRecord, action: str, details: Mapping[str, Any]) -> None:
    unit.session.add(
        BreachStep(
            id=new_id("brs"),
            breach_id=row.id,
            action=action,
            details=dict(details),
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()


def _refunds(unit: Unit, breach_id: str) -> dict[tuple[str, str], list[CreditNote]]:
    query = (
        select(BreachRefund, CreditNote)
        .join(CreditNote, col(CreditNote.id) == col(BreachRefund.credit_note_id))
        .where(col(BreachRefund.breach_id) == breach_id)
        .order_by(col(CreditNote.id))
    )
    found: dict[tuple[str, str], list[CreditNote]] = defaultdict(list)
    for refund, note in unit.session.execute(query):
        found[refund.contract_id, refund.service_month].append(note)
    return found


def _month_document(unit: Unit, month: BreachMonth, notes: Sequence[CreditNote]) -> dict[str, Any]:
    return {
        **month.model_dump(include={"service_month", "price_basis", "charged", "allowed", "owed"}),
        "contract": month.contract_id,
        "buyer": code_of(unit, Party, month.buyer_id),
        "refunded_net": sum(note.net for note in notes),
        "refunded_gross": sum(note.gross for note in notes),
        "credit_notes": [note.id for note in notes],
    }


def _seen(unit: Unit) -> ColumnElement[bool]:
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    if role == "grantor":
        return col(BreachRecord.offering_id).in_(offerings_under(unit))
    if role in ("operator", "regulator"):
        return col(BreachRecord.operator_id).in_(operators_overseen(unit) or [])
    return false()
