"""What a run takes from the bills: read in a fixed number of statements, for the bills on which something is new.

New is what is dated after the last run's month or was recorded after its moment, and every bill that an agreement
signed since then reaches. All other bills stand where the last run left them, so that the cost of a run grows with
what happened since and not with history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, union
from sqlmodel import col

from settlement.distributable import (
    Allotment,
    Bill,
    Bound,
    Credit,
    Line,
    Receipt,
    Standing,
    Taken,
    Use,
    standing,
)
from settlement.signed_agreements import PoolKey, Version, Versions
from settlement.tables import (
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    Payment,
    PaymentAllocation,
    Settlement,
    SettlementTake,
)
from store.unit import Unit


@dataclass(frozen=True)
class Window:
    """What a run looks at: an operator's bills between the bound of the last run (None: there was none) and its own."""

    operator_id: str
    last: Bound | None
    bound: Bound

    def news(self, day: Any, recorded_at: Any) -> list[ColumnElement[bool]]:
        """Return the conditions of which one is met by what counts now and did not count in the last run.

        Dated later, or recorded later: each stands by itself, so that an index finds it.
        """
        counts = and_(day < self.bound.until, recorded_at <= self.bound.as_of)
        if self.last is None:
            return [counts]
        return [and_(counts, day >= self.last.until), and_(counts, recorded_at > self.last.as_of)]


@dataclass(frozen=True, order=True)
class EarlierPool:
    """A pool as an earlier run distributed it."""

    settlement_id: str
    pool: PoolKey


@dataclass
class Reversal:
    """What is taken back from an earlier run's pool, and the bills and credit notes that it is taken back for."""

    amount: int = 0
    bills: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)


@dataclass
class Takes:
    """What a run takes: by line, gained by pool, reversed of earlier pools, and how far each pool's backlog changed."""

    by_line: dict[tuple[str, str, int, str], tuple[int, int]] = field(default_factory=dict)
    gained: dict[PoolKey, int] = field(default_factory=lambda: defaultdict(int))
    reversals: dict[EarlierPool, Reversal] = field(default_factory=lambda: defaultdict(Reversal))
    output_vat: dict[PoolKey, int] = field(default_factory=lambda: defaultdict(int))
    outstanding: dict[PoolKey, int] = field(default_factory=lambda: defaultdict(int))

    def rows(self, settlement_id: str) -> list[dict[str, object]]:
        """Return the rows to store, one a bill's line and agreement."""
        return [
            {
                "settlement_id": settlement_id,
                "agreement_id": agreement_id,
                "invoice_id": invoice_id,
                "position": position,
                "offering_id": offering_id,
                "amount": amount,
                "output_vat": output_vat,
            }
            for (agreement_id, invoice_id, position, offering_id), (amount, output_vat) in self.by_line.items()
            if amount or output_vat
        ]


def take(unit: Unit, window: Window, versions: Versions) -> Takes:
    """Return what a run takes from the operator's bills under the signed agreements; amounts in fen."""
    earlier = versions.signed_by(window.last.as_of if window.last else None)
    takes = Takes()
    for bill in _bills(unit, window, versions):
        _Taking(bill, window, versions, earlier, takes).run()
    return takes


class _Taking:
    """Taking from one bill: for each pool that it pays into, the difference to what earlier runs took."""

    def __init__(self, bill: Bill, window: Window, versions: Versions, earlier: Versions, takes: Takes) -> None:
        self.bill, self.takes = bill, takes
        self.versions, self.earlier = versions, earlier
        self.now, self.then = standing(bill, window.bound), standing(bill, window.last)
        self.allotments: dict[str, Allotment] = {}
        self.reasons = _new_reasons(bill, window)
        self.lines: dict[Use, list[Line]] = defaultdict(list)
        for line in bill.lines:
            self.lines[line.use].append(line)
        self.taken: dict[int, list[Taken]] = defaultdict(list)
        for taken in sorted(bill.takes):
            self.taken[taken.position].append(taken)

    def run(self) -> None:
        """Take the difference of each pool, and keep account of what stands out then."""
        if self.now is None:
            return
        for (version_id, offering_id, _), uses in self._pools().items():
            version = self.versions.by_id[version_id]
            lines = [line for use in uses for line in self.lines[use]]
            before = {use: sum(self._before(line)[0] for line in self.lines[use]) for use in uses}
            gained = self._take(offering_id, lines, version, self.now)
            left = _net(lines, self.now) - sum(before.values()) - gained
            self.takes.outstanding[PoolKey(version.id, offering_id)] += left
            for use in uses:
                self._forget_backlog(use, before[use])

    def _pools(self) -> dict[tuple[str, str, str], list[Use]]:
        """Return the uses under an agreement, those of one pool together: a credit of one may be a gain of the others.

        What another agreement took before stands by itself, for that is whom a loss of it is taken back from.
        """
        pools: dict[tuple[str, str, str], list[Use]] = defaultdict(list)
        for use in self.lines:
            version = self.versions.of(use.offering_id, use.month)
            if version is not None:
                takers = {taken.agreement_id for line in self.lines[use] for taken in self.taken[line.position]}
                apart = use.month if takers - {version.id} else ""
                pools[version.id, use.offering_id, apart].append(use)
        return pools

    def _take(self, offering_id: str, lines: list[Line], version: Version, now: Standing) -> int:
        """Take the difference of a pool's lines; return it."""
        deltas = {}
        for line in lines:
            amount, output_vat = self._goal(line, version, now)
            before, vat_before = self._before(line)
            deltas[line.position] = (amount - before, output_vat - vat_before)
        gained = sum(amount for amount, _ in deltas.values())
        if gained >= 0:
            self.takes.gained[PoolKey(version.id, offering_id)] += gained
            self._record(offering_id, deltas, {version.id: gained})
        else:
            self._record(offering_id, deltas, self._reverse(offering_id, lines, -gained))
        return gained

    def _goal(self, line: Line, version: Version, now: Standing) -> tuple[int, int]:
        """Return what of a line may have been distributed by now, and its output VAT.

        Where another agreement took from the line on another basis, its share stays distributed: only what a credit
        has taken away since comes back.
        """
        goal = self._allotted(line, version.basis, now)
        taken = self.taken[line.position]
        if not taken or self.versions.by_id[taken[-1].agreement_id].basis == version.basis:
            return goal
        kept = min(self._before(line), self._allotted(line, self.versions.by_id[taken[-1].agreement_id].basis, now))
        return max(goal, kept)

    def _before(self, line: Line) -> tuple[int, int]:
        taken = self.taken[line.position]
        return sum(part.amount for part in taken), sum(part.output_vat for part in taken)

    def _allotted(self, line: Line, basis: str, now: Standing) -> tuple[int, int]:
        if basis not in self.allotments:
            self.allotments[basis] = now.allotment(basis)
        allotment = self.allotments[basis]
        return allotment.amounts[line.position], allotment.output_vat[line.position]

    def _reverse(self, offering_id: str, lines: list[Line], amount: int) -> dict[str, int]:
        """Take an amount back from the runs that took it, the latest first; return what each agreement loses."""
        lost: dict[str, int] = defaultdict(int)
        for earlier, remaining in reversed(_remaining(self._earlier_takes(offering_id, lines))):
            back = min(amount, remaining)
            if back:
                amount -= back
                lost[earlier.pool.agreement_id] -= back
                reversal = self.takes.reversals[earlier]
                reversal.amount += back
                reversal.bills.add(self.bill.number)
                reversal.reasons |= self.reasons
        return lost

    def _record(self, offering_id: str, deltas: Mapping[int, tuple[int, int]], by_agreement: Mapping[str, int]) -> None:
        """Record each line's difference under the agreements that gain or lose it, so that both sums hold."""
        left = dict(by_agreement)
        for position, (amount, output_vat) in deltas.items():
            for number, (agreement_id, part) in enumerate(_parts(amount, left)):
                vat_part = 0 if number else output_vat
                self.takes.by_line[agreement_id, self.bill.id, position, offering_id] = (part, vat_part)
                self.takes.output_vat[PoolKey(agreement_id, offering_id)] += vat_part

    def _forget_backlog(self, use: Use, before: int) -> None:
        """Take what stood out of a use at the last run from the pool that it stood out for then."""
        version = self.earlier.of(use.offering_id, use.month)
        if version is not None and self.then is not None:
            self.takes.outstanding[PoolKey(version.id, use.offering_id)] -= _net(self.lines[use], self.then) - before

    def _earlier_takes(self, offering_id: str, lines: list[Line]) -> list[tuple[EarlierPool, int]]:
        """Return what earlier runs took of some lines into which pool, in the order of the runs."""
        taken = sorted(taken for line in lines for taken in self.taken[line.position])
        sums: dict[EarlierPool, int] = defaultdict(int)
        for part in taken:
            sums[EarlierPool(part.settlement_id, PoolKey(part.agreement_id, offering_id))] += part.amount
        return list(sums.items())


def _net(lines: Sequence[Line], at: Standing) -> int:
    return sum(at.nets[line.position] for line in lines)


def _new_reasons(bill: Bill, window: Window) -> set[str]:
    """Return why a bill was credited since the last run."""
    return {
        credit.reason
        for credit in bill.credits
        if window.bound.holds(credit.issued_on, credit.recorded_at)
        and not (window.last and window.last.holds(credit.issued_on, credit.recorded_at))
    }


def _remaining(takes: Sequence[tuple[EarlierPool, int]]) -> list[tuple[EarlierPool, int]]:
    """Return what is left of each take, after later runs took back from the latest ones of their agreement.

    >>> first, second, third = (EarlierPool(run, PoolKey("agr", "off")) for run in ("1", "2", "3"))
    >>> [(pool.settlement_id, left) for pool, left in _remaining([(first, 50), (second, 30), (third, -40)])]
    [('1', 40), ('2', 0)]
    """
    left: list[tuple[EarlierPool, int]] = []
    for pool, amount in takes:
        back = -amount
        for index in reversed(range(len(left))):
            earlier, remaining = left[index]
            if back > 0 and earlier.pool == pool.pool:
                left[index] = (earlier, max(0, remaining - back))
                back -= min(back, remaining)
        if amount > 0:
            left.append((pool, amount))
    return left


def _parts(amount: int, left: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Divide a line's difference over the agreements, of whose sums ``left`` is still to be placed.

    >>> left = {"new": -3, "old": -9}
    >>> [list(_parts(amount, left)) for amount in (1, -6, -7)]
    [[('new', 1)], [('new', -4), ('old', -2)], [('old', -7)]]
    """
    *others, last = left
    if amount >= 0:
        part_of_first = next(iter(left))
        left[part_of_first] -= amount
        yield part_of_first, amount
        return
    for agreement_id in others:
        part = max(amount, min(left[agreement_id], 0))
        left[agreement_id] -= part
        amount -= part
        if part:
            yield agreement_id, part
    if amount:
        yield last, amount


def _bills(unit: Unit, window: Window, versions: Versions) -> list[Bill]:
    """Return the bills on which something is new, with all that happened to them, in the order of their making."""
    wanted = _wanted(window, versions)
    invoices = (
        select(Invoice)
        .where(col(Invoice.id).in_(wanted), col(Invoice.issued_on) < window.bound.until)
        .where(col(Invoice.recorded_at) <= window.bound.as_of)
        .order_by(col(Invoice.id))
    )
    columns = (Invoice.id, Invoice.number, Invoice.issued_on, Invoice.recorded_at, Invoice.gross)
    bills = {
        row.id: Bill(row.id, row.number, row.issued_on, row.recorded_at, row.gross)
        for row in unit.connection.execute(invoices.with_only_columns(*map(col, columns)))
    }
    _add_lines(unit, bills, wanted)
    _add_credits(unit, bills, wanted)
    _add_receipts(unit, bills, wanted)
    _add_takes(unit, bills, wanted)
    return list(bills.values())


def _wanted(window: Window, versions: Versions) -> Select[Any]:
    """Return the query of the ids of the bills on which something is new."""
    of_operator = col(Invoice.operator_id) == window.operator_id
    billed: Select[Any] = select(col(Invoice.id).label("id")).where(of_operator)
    credited: Select[Any] = select(col(CreditNote.invoice_id)).where(col(CreditNote.operator_id) == window.operator_id)
    paid: Select[Any] = (
        select(col(PaymentAllocation.invoice_id))
        .join(Payment, col(Payment.id) == col(PaymentAllocation.payment_id))
        .where(col(Payment.operator_id) == window.operator_id)
    )
    queries: list[Select[Any]] = [
        *(billed.where(new) for new in window.news(col(Invoice.issued_on), col(Invoice.recorded_at))),
        *(credited.where(new) for new in window.news(col(CreditNote.issued_on), col(CreditNote.recorded_at))),
        *(paid.where(new) for new in window.news(col(Payment.received_on), col(Payment.recorded_at))),
    ]
    reached = [
        and_(col(InvoiceLine.offering_id).in_(version.offerings), col(InvoiceLine.service_month) >= version.first_month)
        for version in versions.by_id.values()
        if window.last is not None and version.signed_at > window.last.as_of
    ]
    if reached:
        lines = select(col(InvoiceLine.invoice_id)).join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        queries.append(lines.where(of_operator, or_(*reached)))
    return select(union(*queries).subquery("wanted").c.id)


def _add_lines(unit: Unit, bills: Mapping[str, Bill], wanted: Select[Any]) -> None:
    columns = (
        InvoiceLine.invoice_id,
        InvoiceLine.position,
        InvoiceLine.offering_id,
        InvoiceLine.service_month,
        InvoiceLine.net,
        InvoiceLine.tax,
    )
    of_bills = col(InvoiceLine.invoice_id).in_(wanted)
    rows = unit.connection.execute(select(*map(col, columns)).where(of_bills).order_by(col(InvoiceLine.position)))
    for row in rows:
        if row.invoice_id in bills:
            use = Use(row.offering_id, row.service_month)
            bills[row.invoice_id].lines.append(Line(row.position, use, row.net, row.tax))


def _add_credits(unit: Unit, bills: Mapping[str, Bill], wanted: Select[Any]) -> None:
    query = (
        select(
            col(CreditNote.id),
            col(CreditNote.invoice_id),
            col(CreditNote.reason),
            col(CreditNote.issued_on),
            col(CreditNote.recorded_at),
            col(CreditNote.gross),
            col(CreditNoteLine.position),
            col(CreditNoteLine.net),
            col(CreditNoteLine.tax),
        )
        .join(CreditNoteLine, col(CreditNoteLine.credit_note_id) == col(CreditNote.id))
        .where(col(CreditNote.invoice_id).in_(wanted))
        .order_by(col(CreditNote.id))
    )
    notes: dict[str, Credit] = {}
    for row in unit.connection.execute(query):
        bill = bills.get(row.invoice_id)
        if bill is None:
            continue
        if row.id not in notes:
            notes[row.id] = Credit(row.reason, row.issued_on, row.recorded_at, row.gross)
            bill.credits.append(notes[row.id])
        notes[row.id].by_line[row.position] = (row.net, row.tax)


def _add_receipts(unit: Unit, bills: Mapping[str, Bill], wanted: Select[Any]) -> None:
    query = (
        select(
            col(PaymentAllocation.invoice_id),
            col(PaymentAllocation.amount),
            col(Payment.received_on),
            col(Payment.recorded_at),
        )
        .join(Payment, col(Payment.id) == col(PaymentAllocation.payment_id))
        .where(col(PaymentAllocation.invoice_id).in_(wanted))
    )
    for row in unit.connection.execute(query):
        if row.invoice_id in bills:
            bills[row.invoice_id].receipts.append(Receipt(row.received_on, row.recorded_at, row.amount))


def _add_takes(unit: Unit, bills: Mapping[str, Bill], wanted: Select[Any]) -> None:
    query = (
        select(
            col(Settlement.month),
            col(SettlementTake.settlement_id),
            col(SettlementTake.agreement_id),
            col(SettlementTake.position),
            col(SettlementTake.amount),
            col(SettlementTake.output_vat),
            col(SettlementTake.invoice_id),
        )
        .join(Settlement, col(Settlement.id) == col(SettlementTake.settlement_id))
        .where(col(SettlementTake.invoice_id).in_(wanted))
    )
    for row in unit.connection.execute(query):
        if row.invoice_id in bills:
            taken = Taken(row.month, row.settlement_id, row.agreement_id, row.position, row.amount, row.output_vat)
            bills[row.invoice_id].takes.append(taken)
