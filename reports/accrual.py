"""Use that no bill has taken, valued as the next bills would charge it, for all contracts of an operator at once.

The rating is that of the bills (``settlement.drafts``); what is read for it is bounded by a moment. A month that still
runs is valued as if it ended there; its fixed fee counts from its first day on. The cost grows with contracts and
months, not with events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, Text, and_, case, column, func, or_, select, true, values
from sqlmodel import col

from ledger.balances import Sought, uneven
from ledger.tables import Account, Entry, Transaction, legs_of_head
from metering.accounts import UNBILLED
from metering.use import ChargeableUse
from pricing.money import PriceBasis, Tax, tax_of_document
from pricing.period import Month
from pricing.tariff_models import ModelName
from registry.grant_reratings import RERATING
from registry.tables import Contract, ContractOffering, TariffVersion
from settlement.drafts import CHARGED_ANEW, Before, Draft, Drawer, EarlierBill, ServiceMonth
from settlement.price_book import Priced, price_book, vat_rate
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from store.columns import Int64
from store.unit import Unit

_SIGNED = case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))
_WITH_FEE = frozenset({ModelName.FLAT_PERIOD.value, ModelName.TWO_PART.value})
_LINE_KEY = (col(Invoice.contract_id), col(InvoiceLine.offering_id), col(InvoiceLine.service_month))

_MONTHS_MAX: Final = 400
"""So many months of accounts are sought by one statement."""
_AS_VALUES: Final = values(column("account_id", Int64), column("service_month", Text))
_EARLIER: Final = EarlierBill("", "")
"""A bill that nobody asks the number of."""

ContractMonth = tuple[str, str, str]
"""A contract's id, an offering's id and a month of its use."""


@dataclass
class _Facts:
    """What bills are drawn up from, by contract, as it was recorded at the moment."""

    book: Mapping[str, Priced] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    terms: dict[str, dict[str, ContractOffering]] = field(default_factory=lambda: defaultdict(dict))
    use: dict[str, dict[ServiceMonth, ChargeableUse]] = field(default_factory=lambda: defaultdict(dict))
    bills: dict[str, dict[str, EarlierBill]] = field(default_factory=lambda: defaultdict(dict))
    charged: dict[ContractMonth, int] = field(default_factory=lambda: defaultdict(int))


def accrued(unit: Unit, operator_id: str, as_of: datetime) -> dict[ServiceMonth, Tax]:
    """Return the value of an operator's unbilled use by (offering id, service month), net, tax and gross in fen.

    Below zero where late use has made a billed month cheaper, which the next bill gives back.
    """
    facts = _facts(unit, operator_id, as_of)
    sums: dict[ServiceMonth, Tax] = defaultdict(lambda: Tax(0, 0, 0))
    for contract_id in sorted(facts.use):
        for draft in _drafts(facts, contract_id):
            for key, tax in _amounts(draft):
                before = sums[key]
                sums[key] = Tax(before.net + tax.net, before.tax + tax.tax, before.gross + tax.gross)
    return dict(sums)


def _drafts(facts: _Facts, contract_id: str) -> Iterator[Draft]:
    """Draw up the bills that are due: what late use changes goes into the first of them."""
    use, bills, book = facts.use[contract_id], facts.bills[contract_id], facts.book
    keys = sorted(use, key=lambda key: (key[1], book[key[0]].named.code))
    drawer = _drawer(facts, contract_id)
    for key in keys:
        if key[1] in bills:
            drawer.judge_again(key, use[key], facts.charged[contract_id, *key], bills[key[1]])
    for month in sorted({key[1] for key in keys if key[1] not in bills}):
        for key in keys:
            if key[1] == month:
                drawer.charge(key, use[key], _before(facts, contract_id, key))
        yield drawer.draft()
        drawer = _drawer(facts, contract_id)
    yield drawer.draft()


def _before(facts: _Facts, contract_id: str, key: ServiceMonth) -> Before | None:
    """What was billed of a month that has no bill of its own: its fee, in advance."""
    if (contract_id, *key) not in facts.charged:
        return None
    return Before(facts.charged[contract_id, *key], _EARLIER)


def _drawer(facts: _Facts, contract_id: str) -> Drawer:
    return Drawer(facts.contracts[contract_id], facts.terms[contract_id], facts.book, _basis(facts, contract_id))


def _basis(facts: _Facts, contract_id: str) -> PriceBasis:
    return PriceBasis(facts.contracts[contract_id].price_basis or PriceBasis.TAX_EXCLUSIVE)


def _amounts(draft: Draft) -> Iterator[tuple[ServiceMonth, Tax]]:
    for line, tax in zip(draft.lines, draft.taxes, strict=True):
        yield (line.offering_id, line.service_month), tax
    for reduction in draft.reductions:
        rate = vat_rate(Month.parse(reduction.service_month).first_day)
        whole, _ = tax_of_document([-reduction.amount], draft.price_basis, rate)
        yield (reduction.offering_id, reduction.service_month), whole


def _facts(unit: Unit, operator_id: str, as_of: datetime) -> _Facts:
    rows = list(_open_use(unit, operator_id, as_of))
    facts = _Facts()
    _add_use(facts, rows)
    contracts = _contracts(unit, facts, operator_id, as_of)
    _add_months_with_fee(unit, facts, contracts, operator_id, as_of)
    facts.contracts = {contract_id: contracts[contract_id] for contract_id in facts.use}
    months = sorted({month for use in facts.use.values() for _, month in use})
    facts.book = price_book(unit, {offering_id for use in facts.use.values() for offering_id, _ in use}, as_of)
    issued = and_(col(Invoice.operator_id) == operator_id, col(Invoice.recorded_at) <= as_of)
    bills = select(col(Invoice.contract_id), col(Invoice.month), col(Invoice.id), col(Invoice.number))
    bills = bills.where(issued, col(Invoice.month).in_(months))
    for contract_id, month, bill_id, number in unit.connection.execute(bills):
        facts.bills[contract_id][month] = EarlierBill(bill_id, number)
    _add_bills_of_reratings(unit, facts, issued)
    _add_charged(unit, facts, and_(issued, col(InvoiceLine.service_month).in_(months)), as_of)
    return facts


def _add_bills_of_reratings(unit: Unit, facts: _Facts, issued: Any) -> None:
    """Read the one bill that all months of a re-rating have."""
    for contract in [each for each in facts.contracts.values() if each.kind == RERATING]:
        query = select(col(Invoice.id), col(Invoice.number)).where(issued, col(Invoice.contract_id) == contract.id)
        first = unit.connection.execute(query.order_by(col(Invoice.month)).limit(1)).first()
        if first is not None:
            facts.bills[contract.id] = {month: EarlierBill(*first) for _, month in facts.use[contract.id]}


def _contracts(unit: Unit, facts: _Facts, operator_id: str, as_of: datetime) -> dict[str, Contract]:
    """Read the contracts that have open use or may bear a fixed fee, and all their terms."""
    mine = and_(
        col(Contract.operator_id) == operator_id, col(Contract.kind) != "grant", col(Contract.accepted_at) <= as_of
    )
    used = sorted(facts.use)
    parts = [used[start : start + _MONTHS_MAX] for start in range(0, len(used), _MONTHS_MAX)]
    contracts: dict[str, Contract] = {}
    for condition in (*(col(Contract.id).in_(part) for part in parts), col(Contract.id).in_(_may_bear(as_of))):
        query = (
            select(Contract, ContractOffering)
            .join(ContractOffering, col(ContractOffering.contract_id) == col(Contract.id))
            .where(mine, condition)
        )
        for contract, term in unit.session.execute(query):
            contracts[contract.id] = contract
            facts.terms[contract.id][term.offering_id] = term
    return contracts


def _may_bear(as_of: datetime) -> Any:
    """Return the query of the contracts that froze a price, or follow one that had a fixed part at any time."""
    return select(col(ContractOffering.contract_id)).where(
        or_(col(ContractOffering.tariff_id).is_not(None), col(ContractOffering.offering_id).in_(_with_fee(as_of)))
    )


def _with_fee(as_of: datetime) -> Any:
    """Return the query of the offerings of which a public price had a fixed part at any time."""
    return select(col(TariffVersion.offering_id)).where(
        col(TariffVersion.model).in_(_WITH_FEE), col(TariffVersion.recorded_at) <= as_of
    )


def _add_months_with_fee(
    unit: Unit, facts: _Facts, contracts: Mapping[str, Contract], operator_id: str, as_of: datetime
) -> None:
    """Add the months that bear a fixed fee and have no bill yet, up to and with the running one, used or not."""
    of_public = set(unit.connection.execute(_with_fee(as_of)).scalars())
    bearing = {
        contract_id: [offering_id for offering_id, term in facts.terms[contract_id].items() if _bears(term, of_public)]
        for contract_id in contracts
    }
    bearing = {contract_id: offerings for contract_id, offerings in bearing.items() if offerings}
    if not bearing:
        return
    newest = (
        select(col(Invoice.contract_id), func.max(col(Invoice.month)))
        .where(col(Invoice.operator_id) == operator_id, col(Invoice.recorded_at) <= as_of)
        .group_by(col(Invoice.contract_id))
    )
    billed = {contract_id: month for contract_id, month in unit.connection.execute(newest)}  # noqa: C416 - rows
    running = Month.from_date(as_of.astimezone(unit.zone).date())
    for contract_id, offerings in bearing.items():
        for month in _unbilled_months(contracts[contract_id], billed.get(contract_id), running):
            for offering_id in offerings:
                facts.use[contract_id].setdefault((offering_id, str(month)), ChargeableUse())


def _bears(term: ContractOffering, of_public: Collection[str]) -> bool:
    """Whether an offering of a contract may have a fixed fee: by its frozen price, or by any public one."""
    return term.offering_id in of_public if term.tariff is None else term.tariff["model"] in _WITH_FEE


def _unbilled_months(contract: Contract, billed: str | None, running: Month) -> Iterator[Month]:
    month = Month.parse(billed).next if billed else Month.from_date(contract.effective_from)
    while month <= running and (contract.effective_until is None or month.first_day < contract.effective_until):
        yield month
        month = month.next


def _add_use(facts: _Facts, rows: Any) -> None:
    days: dict[ContractMonth, dict[date, int]] = defaultdict(dict)
    unbilled: dict[ContractMonth, int] = defaultdict(int)
    for row in rows:
        key = (row.contract_id, row.offering_id, row.service_month)
        unbilled[key] += int(row.quantity)
        if row.service_on is not None and row.quantity:
            days[key][row.service_on] = int(row.quantity)
    for key, quantity in unbilled.items():
        facts.use[key[0]][key[1], key[2]] = ChargeableUse(days[key], quantity)


def _add_charged(unit: Unit, facts: _Facts, mine: Any, as_of: datetime) -> None:
    """Read what was charged before, less what was given back because the charge itself was wrong."""
    billed = (
        select(*_LINE_KEY, func.sum(col(InvoiceLine.amount)))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(mine)
        .group_by(*_LINE_KEY)
    )
    for contract_id, offering_id, month, amount in unit.connection.execute(billed):
        facts.charged[contract_id, offering_id, month] += int(amount)
    returned = (
        select(*_LINE_KEY, func.sum(col(CreditNoteLine.net)), func.sum(col(CreditNoteLine.gross)))
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(InvoiceLine, credited_line())
        .where(
            mine,
            col(CreditNote.recorded_at) <= as_of,
            or_(col(CreditNote.rebill).is_(true()), col(CreditNote.reason).in_(CHARGED_ANEW)),
        )
        .group_by(*_LINE_KEY)
    )
    for contract_id, offering_id, month, net, gross in unit.connection.execute(returned):
        if contract_id not in facts.contracts:
            continue
        exclusive = _basis(facts, contract_id) is PriceBasis.TAX_EXCLUSIVE
        facts.charged[contract_id, offering_id, month] -= int(net if exclusive else gross)


def credited_line() -> Any:
    """Return the condition that joins the line of a credit note, and its note, to the bill's line that it reduces."""
    return and_(
        col(InvoiceLine.invoice_id) == col(CreditNote.invoice_id),
        col(InvoiceLine.position) == col(CreditNoteLine.position),
    )


def _open_use(unit: Unit, operator_id: str, as_of: datetime) -> Iterator[Row[Any]]:
    """Yield the use by day of the months that the next bills will look at."""
    columns = (
        col(Account.contract_id),
        col(Account.offering_id),
        col(Entry.service_month),
        col(Entry.service_on),
    )
    months = sorted(_open_months(unit, operator_id, as_of))
    for start in range(0, len(months), _MONTHS_MAX):
        part = _AS_VALUES.data(months[start : start + _MONTHS_MAX]).cte("open_month")
        query = (
            select(*columns, func.sum(_SIGNED).label("quantity"))
            .select_from(part)
            .join(Account, col(Account.id) == part.c.account_id)
            .join(
                Entry,
                and_(col(Entry.account_id) == part.c.account_id, col(Entry.service_month) == part.c.service_month),
            )
            .join(Transaction, legs_of_head())
            .where(col(Transaction.recorded_at) <= as_of)
            .group_by(*columns)
        )
        yield from unit.connection.execute(query)


def _open_months(unit: Unit, operator_id: str, as_of: datetime) -> set[tuple[int, str]]:
    """Return the accounts and service months with use that no bill has taken, or to be billed anew."""
    sought = Sought(as_of=as_of, books=[operator_id], kinds=[UNBILLED])
    waiting = {(number, month) for number, month in uneven(unit, sought, "account_id", "service_month")}
    anew: Any = (
        select(col(Account.id), col(InvoiceLine.service_month))
        .select_from(CreditNote)
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(InvoiceLine, col(InvoiceLine.invoice_id) == col(Invoice.id))
        .join(
            Account,
            and_(
                col(Account.contract_id) == col(Invoice.contract_id),
                col(Account.offering_id) == col(InvoiceLine.offering_id),
                col(Account.kind) == UNBILLED,
            ),
        )
        .where(
            col(CreditNote.operator_id) == operator_id,
            col(CreditNote.rebill).is_(true()),
            col(CreditNote.recorded_at) <= as_of,
        )
    )
    return waiting | {(number, month) for number, month in unit.connection.execute(anew)}
