"""What of a bill may have been distributed by a bound, cumulatively, and how it falls on the bill's lines.

Values in, values out, amounts in fen. Each run takes the difference to what earlier runs took, so that late receipts
and credits are adjustments by themselves and part payments never drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pricing.distribution import distributable_collected
from pricing.money import spread

BILLED = "billed"


@dataclass(frozen=True)
class Bound:
    """What counts: dated before ``until``, the first day after the month, and recorded by ``as_of``."""

    until: date
    as_of: datetime

    def holds(self, day: date, recorded_at: datetime) -> bool:
        """Say whether something dated and recorded so counts."""
        return day < self.until and recorded_at <= self.as_of


@dataclass(frozen=True, order=True)
class Use:
    """What a line of a bill charges: the use of an offering in a service month."""

    offering_id: str
    month: str


@dataclass(frozen=True)
class Line:
    """A line of a bill."""

    position: int
    use: Use
    net: int
    tax: int


@dataclass
class Credit:
    """A credit note on a bill: its sums, and net and tax by the position of the line it reduces."""

    reason: str
    issued_on: date
    recorded_at: datetime
    gross: int
    by_line: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """The part of a payment that settles a bill."""

    received_on: date
    recorded_at: datetime
    amount: int


@dataclass(frozen=True, order=True)
class Taken:
    """What the run of a month took from one line into a pool of an agreement."""

    month: str
    settlement_id: str
    agreement_id: str
    position: int
    amount: int
    output_vat: int


@dataclass
class Bill:
    """A bill with everything that happened to it."""

    id: str
    number: str
    issued_on: date
    recorded_at: datetime
    gross: int
    lines: list[Line] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    takes: list[Taken] = field(default_factory=list)


@dataclass(frozen=True)
class Allotment:
    """By the position of a line: what may have been distributed, and the output VAT that came with it."""

    amounts: dict[int, int]
    output_vat: dict[int, int]


@dataclass(frozen=True)
class Standing:
    """Where a bill stands at a bound: net and tax of its lines after credits, its gross, and what is paid of it.

    No line is below zero: reliefs and over-credited lines are set against the lines that they relieve, for there was
    nothing to distribute of those.
    """

    nets: dict[int, int]
    taxes: dict[int, int]
    gross: int
    paid: int

    def allotment(self, basis: str) -> Allotment:
        """Return what falls on each line so far, on billed basis or on collected basis."""
        net = sum(self.nets.values())
        if basis == BILLED:
            return self._allotted(net, self.gross)
        return self._allotted(distributable_collected(net, self.gross, self.paid), min(self.paid, self.gross))

    def _allotted(self, net: int, gross: int) -> Allotment:
        return Allotment(_spread(net, self.nets), _spread(gross - net, self.taxes))


def standing(bill: Bill, bound: Bound | None) -> Standing | None:
    """Return where a bill stood at a bound; None where it was not there yet."""
    if bound is None or not bound.holds(bill.issued_on, bill.recorded_at):
        return None
    credits_so_far = [credit for credit in bill.credits if bound.holds(credit.issued_on, credit.recorded_at)]
    nets = {line.position: line.net for line in bill.lines}
    taxes = {line.position: line.tax for line in bill.lines}
    for credit in credits_so_far:
        for position, (net, tax) in credit.by_line.items():
            nets[position] -= net
            taxes[position] -= tax
    uses = [line.use for line in bill.lines]
    return Standing(
        nets=dict(zip(nets, set_off(list(nets.values()), uses), strict=True)),
        taxes=dict(zip(taxes, set_off(list(taxes.values()), uses), strict=True)),
        gross=bill.gross - sum(credit.gross for credit in credits_so_far),
        paid=sum(receipt.amount for receipt in bill.receipts if bound.holds(receipt.received_on, receipt.recorded_at)),
    )


def set_off(amounts: Sequence[int], uses: Sequence[Use]) -> list[int]:
    """Set amounts below zero against those above: of the same use first, then of any; the sum stays the same.

    >>> march = Use("a", "2026-03")
    >>> set_off([10_000, -2_000, 500], [march, march, Use("b", "2026-03")])
    [8000, 0, 500]
    """
    if min(amounts, default=0) >= 0:
        return list(amounts)
    left, owed = _set_off_within(amounts, uses)
    if not owed:
        return left
    return _set_off_within([*left, -owed], [None] * (len(left) + 1))[0][:-1]


def _set_off_within(amounts: Sequence[int], groups: Sequence[object]) -> tuple[list[int], int]:
    """Return the amounts after setting off within groups, none below zero, and what could not be set off."""
    owed: dict[object, int] = {}
    for amount, group in zip(amounts, groups, strict=True):
        owed[group] = owed.get(group, 0) - min(amount, 0)
    left = []
    for amount, group in zip(amounts, groups, strict=True):
        relieved = min(max(amount, 0), owed[group])
        owed[group] -= relieved
        left.append(max(amount, 0) - relieved)
    return left, sum(owed.values())


def _spread(total: int, weights: Mapping[int, int]) -> dict[int, int]:
    parts = list(weights.values())
    return dict(zip(weights, parts if total == sum(parts) else spread(total, parts), strict=True))
