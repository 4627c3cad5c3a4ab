"""Usage → bill → ledger → distribution: each figure twice, once from the papers and once from the books.

The papers are bills, credit notes, payments and the rows of the distribution; the books are the ledger's entries. The
two are written by different code, and neither side of a row is derived from the other. A row that does not agree says
by how much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import and_, case, func, or_, select, true
from sqlalchemy.orm import aliased
from sqlmodel import col

from ledger.balances import Sought, sums_by
from metering.accounts import BILLED, CONTRACT_KINDS, DELIVERED
from pricing.money import format_money, format_scaled
from pricing.period import Month, Span
from reports.accrual import credited_line
from reports.frame import Frame, in_months
from settlement.cost_tables import OperatingCost, OperatingCostReversal
from settlement.operating_costs import ACCRUED, COST_ACCOUNTS, cost_account
from settlement.signed_agreements import Versions, signed_versions
from settlement.tables import (
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    Payment,
    Payout,
    Refund,
    Settlement,
    SettlementPool,
    SettlementShare,
    SettlementTake,
    Statement,
)
from store.unit import Unit

_QUANTITY_SCALE: Final = 6
_REVENUE: Final = ("revenue", "revenue_relief", "contract_liability")
"""Where bills and credit notes are booked by month of service; what of them is of months to come is a liability."""
_BY_OFFERING: Final = (*CONTRACT_KINDS, DELIVERED, *_REVENUE)
_OF_OPERATOR: Final = (
    "output_vat",
    "red_pending_vat",
    "receivable",
    "buyer_balance",
    "payable",
    "treasury_payable",
)


Books = Mapping[tuple[str, str | None], int]
"""Balances by kind of account and offering, debits above zero."""


@dataclass(frozen=True)
class Check:
    """One figure by two ways; ``offering_id`` is None for a figure of the whole operator, ``year`` for one of all."""

    check: str
    offering_id: str | None
    left_label: str
    left: int
    right_label: str
    right: int
    is_use: bool = False
    year: int | None = None
    account: str | None = None


@dataclass
class _Papers:
    """What bills and credit notes say, by offering: fen without tax, and use in millionths."""

    net: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    quantity: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def reconciliation(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return every check as a wire row.

    Use and revenue are those of the period's service months, offering by offering and year by year, as are costs by
    account; the other checks are of everything until the frame's moment. A grantor that sees a part of the offerings is
    shown the checks of those.
    """
    papers, books = _papers(unit, frame, frame.months), book_sums(unit, frame, _BY_OFFERING, frame.months)
    checks = [_row(frame, check) for check in _checks(unit, frame, papers, books)]
    return [*checks, *revenue_checks(unit, frame, (papers, books)), *cost_checks(unit, frame)]


def revenue_checks(unit: Unit, frame: Frame, read: tuple[_Papers, Books] | None = None) -> list[dict[str, Any]]:
    """Return revenue by year of service twice: from the lines of bills and credit notes, and from the books.

    ``read`` is both of the whole period, where they were read before.
    """
    found = []
    for days in _years(frame):
        if read is None or days != frame.months:
            papers, books = _papers(unit, frame, days), book_sums(unit, frame, _REVENUE, days)
        else:
            papers, books = read
        found.append(_row(frame, _revenue_check(frame, days, papers, books)))
    return found


def cost_checks(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return operating costs by year of service and account twice: from the items entered, and from the books.

    Costs are the operator's as a whole: of a part of its offerings there are none.
    """
    if frame.is_partial:
        return []
    return [_row(frame, check) for days in _years(frame) for check in _cost_checks(unit, frame, days)]


def _checks(unit: Unit, frame: Frame, papers: _Papers, books: Books) -> Iterator[Check]:
    for offering_id in frame.offerings:
        held = {kind: books.get((kind, offering_id), 0) for kind in _BY_OFFERING}
        moved = any(held.values()) or papers.net[offering_id] or papers.quantity[offering_id]
        if moved:
            yield from _offering_checks(offering_id, held, papers)
    yield from _distribution_checks(unit, frame)
    if not frame.is_partial:
        yield from _operator_checks(unit, frame)


def _years(frame: Frame) -> Iterator[Span]:
    """Yield the months of service of the period, year by year."""
    start, end = frame.months.start, frame.months.end or date.max
    while start < end:
        until = min(date(start.year + 1, 1, 1), end)
        yield Span(start, until)
        start = until


def _revenue_check(frame: Frame, days: Span, papers: _Papers, books: Books) -> Check:
    billed = sum(papers.net[offering_id] for offering_id in frame.offerings)
    earned = -sum(books.get((kind, offering_id), 0) for kind in _REVENUE for offering_id in frame.offerings)
    return Check("revenue_year", None, "papers_net", billed, "books_revenue", earned, year=days.start.year)


def _cost_checks(unit: Unit, frame: Frame, days: Span) -> Iterator[Check]:
    items = _cost_items(unit, frame, days)
    books: dict[str, int] = defaultdict(int)
    for (kind, _), amount in book_sums(unit, frame, [*COST_ACCOUNTS, ACCRUED], days).items():
        books[kind] += amount
    for kind in sorted({*items, *(kind for kind in books if kind != ACCRUED)}):
        entered, booked = items[kind], books[kind]
        yield Check("cost", None, "items_cost", entered, "books_cost", booked, year=days.start.year, account=kind)
    if items or books:
        total, owed = sum(items.values()), -books[ACCRUED]
        yield Check("cost_clearing", None, "items_cost", total, "books_accrued_cost", owed, year=days.start.year)


def _cost_items(unit: Unit, frame: Frame, days: Span) -> dict[str, int]:
    """What the items that were not taken back come to, by the account that they belong on."""
    head, use = col(OperatingCost.head), col(OperatingCost.use)
    taken_back = and_(
        col(OperatingCostReversal.cost_id) == col(OperatingCost.id),
        col(OperatingCostReversal.recorded_at) <= frame.as_of,
    )
    query: Any = (
        select(head, use, func.sum(col(OperatingCost.amount)))
        .outerjoin(OperatingCostReversal, taken_back)
        .where(
            col(OperatingCost.operator_id) == frame.operator.id,
            col(OperatingCost.recorded_at) <= frame.as_of,
            in_months(col(OperatingCost.month), days),
            col(OperatingCostReversal.id).is_(None),
        )
        .group_by(head, use)
    )
    sums: dict[str, int] = defaultdict(int)
    for one, other, amount in unit.connection.execute(query):
        sums[cost_account(one, other)] += int(amount)
    return sums


def _offering_checks(offering_id: str, held: Mapping[str, int], papers: _Papers) -> Iterator[Check]:
    of_contracts = sum(held[kind] for kind in CONTRACT_KINDS)
    yield Check("use", offering_id, "books_delivered", -held[DELIVERED], "books_contracts", of_contracts, is_use=True)
    billed = papers.quantity[offering_id]
    yield Check("billed_use", offering_id, "papers_quantity", billed, "books_billed_use", held[BILLED], is_use=True)
    earned = -sum(held[kind] for kind in _REVENUE)
    yield Check("revenue", offering_id, "papers_net", papers.net[offering_id], "books_revenue", earned)


def _operator_checks(unit: Unit, frame: Frame) -> Iterator[Check]:
    books = book_sums(unit, frame, _OF_OPERATOR, None)
    held = {kind: sum(amount for (each, _), amount in books.items() if each == kind) for kind in _OF_OPERATOR}
    billed, credited = _sums(unit, frame, Invoice, "tax", "gross"), _sums(unit, frame, CreditNote, "tax", "gross")
    vat = -held["output_vat"] - held["red_pending_vat"]
    yield Check("vat", None, "papers_tax", billed["tax"] - credited["tax"], "books_vat", vat)
    owed = billed["gross"] - credited["gross"]
    owed += _sums(unit, frame, Refund, "amount")["amount"] - _sums(unit, frame, Payment, "amount")["amount"]
    yield Check("receivable", None, "papers_owed", owed, "books_owed", held["receivable"] + held["buyer_balance"])
    payable = _payable(unit, frame) - _paid_out(unit, frame)
    booked = -held["payable"] - held["treasury_payable"]
    yield Check("payable", None, "papers_payable", payable, "books_payable", booked)


def _distribution_checks(unit: Unit, frame: Frame) -> Iterator[Check]:
    """Hold what was billed against what the runs took, the takes against the pools, the pools against the shares."""
    last = _last_run(unit, frame)
    if last is None:
        return
    versions = signed_versions(unit, frame.operator.id, last.as_of)
    billed = _distributable(unit, frame, versions, last)
    taken, outstanding = _taken(unit, frame), _outstanding(unit, frame)
    pooled, shared = _pooled(unit, frame), _shared(unit, frame)
    for offering_id in frame.offerings:
        right = taken[offering_id] + outstanding[offering_id]
        if billed[offering_id] or right or pooled[offering_id]:
            yield Check("distributable", offering_id, "papers_covered", billed[offering_id], "runs_taken", right)
            yield Check("pools", offering_id, "runs_pools", pooled[offering_id], "runs_taken_only", taken[offering_id])
            yield Check("shares", offering_id, "runs_pools", pooled[offering_id], "runs_shares", shared[offering_id])


def _row(frame: Frame, check: Check) -> dict[str, Any]:
    offered = frame.offerings.get(check.offering_id or "")
    write: Callable[[int], str] = _quantity if check.is_use else format_money
    operator = frame.operator.code
    links = {"books": frame.link_at("/ledger/trial-balance", operator=operator)}
    if check.check.startswith("cost"):
        links["costs"] = frame.link("/operating-costs", operator=operator)
    if check.check in ("billed_use", "revenue", "revenue_year"):
        links["charges"] = frame.charges(offered.code if offered else None)
    return {
        "check": check.check,
        "year": None if check.year is None else str(check.year),
        "account": check.account,
        "offering": offered.code if offered else None,
        "unit": (offered.product.unit if offered and check.is_use else "CNY"),
        "left_label": check.left_label,
        "left": write(check.left),
        "right_label": check.right_label,
        "right": write(check.right),
        "difference": write(check.left - check.right),
        "agrees": check.left == check.right,
        "links": links,
    }


def _quantity(micro: int) -> str:
    return format_scaled(micro, _QUANTITY_SCALE)


def book_sums(unit: Unit, frame: Frame, kinds: Sequence[str], months: Span | None) -> Books:
    """Return balances, debits above zero, by kind of account and offering, of the service months if given."""
    found = sums_by(
        unit,
        Sought(as_of=frame.as_of, books=[frame.operator.id], kinds=kinds),
        "kind",
        "offering_id",
        "service_month",
    )
    balances: dict[tuple[str, str | None], int] = defaultdict(int)
    for (kind, offering_id, month), held in found.items():
        if months is None or (month and months.contains(Month.parse(month).first_day)):
            balances[kind, offering_id] += held.debit - held.credit
    return balances


def _papers(unit: Unit, frame: Frame, days: Span) -> _Papers:
    papers = _Papers()
    months = in_months(col(InvoiceLine.service_month), days)
    billed: Any = (
        select(col(InvoiceLine.offering_id), func.sum(col(InvoiceLine.net)), func.sum(col(InvoiceLine.quantity)))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(col(Invoice.operator_id) == frame.operator.id, col(Invoice.recorded_at) <= frame.as_of, months)
        .group_by(col(InvoiceLine.offering_id))
    )
    for offering_id, net, quantity in unit.connection.execute(billed):
        papers.net[offering_id] += int(net)
        papers.quantity[offering_id] += int(quantity)
    moves_use = or_(col(CreditNote.rebill).is_(true()), col(CreditNote.reason) == "returned")
    credited: Any = (
        select(
            col(InvoiceLine.offering_id),
            func.sum(col(CreditNoteLine.net)),
            func.sum(case((moves_use, col(CreditNoteLine.quantity)), else_=0)),
        )
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(InvoiceLine, credited_line())
        .where(col(CreditNote.operator_id) == frame.operator.id, col(CreditNote.recorded_at) <= frame.as_of, months)
        .group_by(col(InvoiceLine.offering_id))
    )
    for offering_id, net, quantity in unit.connection.execute(credited):
        papers.net[offering_id] -= int(net)
        papers.quantity[offering_id] -= int(quantity)
    return papers


def _sums(unit: Unit, frame: Frame, table: Any, *columns: str) -> dict[str, int]:
    sums = (func.coalesce(func.sum(col(getattr(table, column))), 0).label(column) for column in columns)
    query: Any = select(*sums).where(col(table.operator_id) == frame.operator.id, col(table.recorded_at) <= frame.as_of)
    row = unit.connection.execute(query).one()
    return {column: int(getattr(row, column)) for column in columns}


def _last_run(unit: Unit, frame: Frame) -> Settlement | None:
    query = select(Settlement).where(*_runs(frame)).order_by(col(Settlement.month).desc()).limit(1)
    found: Settlement | None = unit.session.execute(query).scalar_one_or_none()
    return found


def _runs(frame: Frame) -> tuple[Any, Any]:
    return col(Settlement.operator_id) == frame.operator.id, col(Settlement.recorded_at) <= frame.as_of


def _distributable(unit: Unit, frame: Frame, versions: Versions, last: Settlement) -> dict[str, int]:
    """What was billed of use that an agreement covers, less credits, as far as the last run could see it."""
    until = Month.parse(last.month).until
    key = (col(InvoiceLine.offering_id), col(InvoiceLine.service_month))
    in_run = (
        col(Invoice.operator_id) == frame.operator.id,
        col(Invoice.issued_on) < until,
        col(Invoice.recorded_at) <= last.as_of,
    )
    billed: Any = (
        select(*key, func.sum(col(InvoiceLine.net)))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(*in_run)
        .group_by(*key)
    )
    credited: Any = (
        select(*key, -func.sum(col(CreditNoteLine.net)))
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(InvoiceLine, credited_line())
        .where(*in_run, col(CreditNote.issued_on) < until, col(CreditNote.recorded_at) <= last.as_of)
        .group_by(*key)
    )
    covered: dict[str, int] = defaultdict(int)
    for query in (billed, credited):
        for offering_id, month, net in unit.connection.execute(query):
            if versions.of(offering_id, month) is not None:
                covered[offering_id] += int(net)
    return covered


def _taken(unit: Unit, frame: Frame) -> dict[str, int]:
    return _of_runs(unit, frame, SettlementTake, col(SettlementTake.amount))


def _pooled(unit: Unit, frame: Frame) -> dict[str, int]:
    return _of_runs(unit, frame, SettlementPool, col(SettlementPool.distributed) - col(SettlementPool.reversed))


def _shared(unit: Unit, frame: Frame) -> dict[str, int]:
    """What the shares come to; a release only moves what was shared before."""
    shared = case((col(SettlementShare.kind) == "release", 0), else_=col(SettlementShare.taken))
    return _of_runs(unit, frame, SettlementShare, shared)


def _of_runs(unit: Unit, frame: Frame, table: Any, amount: Any) -> dict[str, int]:
    query: Any = (
        select(col(table.offering_id), func.sum(amount))
        .join(Settlement, col(Settlement.id) == col(table.settlement_id))
        .where(*_runs(frame))
        .group_by(col(table.offering_id))
    )
    return defaultdict(int, {offering_id: int(total) for offering_id, total in unit.connection.execute(query)})


def _outstanding(unit: Unit, frame: Frame) -> dict[str, int]:
    """What is billed and not distributed yet, of each pool as the last run that touched it left it."""
    query: Any = (
        select(
            col(SettlementPool.agreement_id),
            col(SettlementPool.offering_id),
            col(SettlementPool.outstanding),
        )
        .join(Settlement, col(Settlement.id) == col(SettlementPool.settlement_id))
        .where(*_runs(frame))
        .order_by(col(Settlement.month))
    )
    newest = {(agreement, offering): int(left) for agreement, offering, left in unit.connection.execute(query)}
    sums: dict[str, int] = defaultdict(int)
    for (_, offering_id), left in newest.items():
        sums[offering_id] += left
    return sums


def _payable(unit: Unit, frame: Frame) -> int:
    """What the runs made payable to others than the operator: shares and releases, less reversals of either."""
    target, released = aliased(SettlementShare), aliased(SettlementShare)
    run, releasing = aliased(Settlement), aliased(Settlement)
    released_before = (
        select(col(released.id))
        .join(releasing, col(releasing.id) == col(released.settlement_id))
        .where(
            col(released.kind) == "release",
            col(released.reverses) == col(target.id),
            col(releasing.month) < col(run.month),
        )
        .exists()
    )
    is_payable = or_(
        col(SettlementShare.kind).in_(("share", "release")),
        (col(SettlementShare.kind) == "reversal") & or_(col(target.kind) == "share", released_before),
    )
    query: Any = (
        select(func.coalesce(func.sum(col(SettlementShare.taken)), 0))
        .join(run, col(run.id) == col(SettlementShare.settlement_id))
        .outerjoin(target, col(target.id) == col(SettlementShare.reverses))
        .where(
            col(run.operator_id) == frame.operator.id,
            col(run.recorded_at) <= frame.as_of,
            col(SettlementShare.beneficiary_id) != frame.operator.id,
            is_payable,
        )
    )
    return int(unit.connection.execute(query).scalar_one())


def _paid_out(unit: Unit, frame: Frame) -> int:
    query: Any = (
        select(func.coalesce(func.sum(col(Payout.amount)), 0))
        .join(Statement, col(Statement.id) == col(Payout.statement_id))
        .where(col(Statement.operator_id) == frame.operator.id, col(Payout.recorded_at) <= frame.as_of)
    )
    return int(unit.connection.execute(query).scalar_one())
