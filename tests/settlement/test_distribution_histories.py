"""Histories at random: whatever was billed, paid, credited and run, no fen of the distribution is lost or made."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from tests.settlement.sharing import GROSS, NET, SECOND_NET, Sharing, fen
from tests.world import World

COLLECTED_STEPS = [
    {"kind": "fixed_fee", "beneficiary": "bureau", "shortfall": "carry", "amount": "3.00"}
    | {"payable_to": "treasury", "collecting_body": "Bureau", "revenue_item": "item"},
    {
        "kind": "cost_recovery",
        "beneficiary": "operator",
        "shortfall": "carry",
        "due": "9.00",
        "cumulative_cap": "40.00",
    },
    {"kind": "percentage", "beneficiary": "region", "percent": "12.5", "of": "remaining"},
]
BILLED_STEPS = [
    {"kind": "holdback", "beneficiary": "c", "percent": "10", "of": "remaining", "release_after_months": 2},
    {"kind": "percentage", "beneficiary": "operator", "percent": "7", "of": "pool", "shortfall": "lapse"},
]
MONTHS = ("2025-04", "2025-05", "2025-06", "2025-07", "2025-08")


@pytest.mark.parametrize("seed", [1, 2])
def test_shares_sum_to_what_was_there_to_distribute_whatever_happened(world: World, seed: int) -> None:
    sharing = Sharing.founded(world, NET, SECOND_NET, GROSS)
    sharing.agreement(
        steps=COLLECTED_STEPS, weights={"a": "5", "b": "3", "c": "1"}, basis="collected", offerings=[NET, SECOND_NET]
    )
    sharing.agreement(
        agreement_no="distribution-2", steps=BILLED_STEPS, weights={"a": "1", "b": "1"}, offerings=[GROSS]
    )
    history = History(sharing, random.Random(seed))
    for month in MONTHS:
        history.live_through(month)
        history.settle(month)
    sharing.verify()


@dataclass
class Paid:
    """A bill as this test keeps it: sums in fen, and what happened to it by day."""

    document: Any
    credits: list[tuple[str, int, int]] = field(default_factory=list)
    payments: list[tuple[str, int]] = field(default_factory=list)

    @property
    def basis(self) -> str:
        return "billed" if self.document["lines"][0]["offering"] == GROSS else "collected"

    @property
    def owed(self) -> int:
        return self.creditable - sum(amount for _, amount in self.payments)

    @property
    def creditable(self) -> int:
        return fen(self.document["gross"]) - sum(gross for _, gross, _ in self.credits)

    def cumulative(self, until: str) -> tuple[int, int, int]:
        """What may be distributed of things dated before a day, the VAT that came with it, and what stands out."""
        if self.document["issued_on"] >= until:
            return 0, 0, 0
        credits_so_far = [each for each in self.credits if each[0] < until]
        gross = fen(self.document["gross"]) - sum(each[1] for each in credits_so_far)
        net = fen(self.document["net"]) - sum(each[2] for each in credits_so_far)
        if self.basis == "billed":
            return net, gross - net, 0
        paid = min(gross, sum(amount for day, amount in self.payments if day < until))
        pool = (2 * net * paid + gross) // (2 * gross) if gross else 0
        return pool, paid - pool, net - pool


class History:
    """What happens at random to the bills of an operator, and what each run must say of it."""

    def __init__(self, sharing: Sharing, chance: random.Random) -> None:
        self.sharing, self.chance = sharing, chance
        self.bills: list[Paid] = []
        self.before = (0, 0)
        self.statements: dict[str, Any] = {}
        self.payouts: dict[str, int] = defaultdict(int)
        self.payable: dict[str, int] = defaultdict(int)

    def live_through(self, month: str) -> None:
        day = date.fromisoformat(f"{month}-01")
        for _ in range(6):
            day += timedelta(days=self.chance.randint(1, 4))
            self.sharing.world.clock(day.isoformat())
            self.chance.choice([self.bill, self.bill, self.pay, self.pay, self.credit, self.pay_out])(day)

    def bill(self, _day: date) -> None:
        amounts = {GROSS: self.amount(3000)}
        if self.chance.random() < 0.7:
            amounts = {code: self.amount(5000) for code in self.chance.sample([NET, SECOND_NET], k=2)}
        self.bills.append(Paid(self.sharing.bill(amounts)))

    def pay(self, day: date) -> None:
        for bill in self.some_bill():
            if bill.owed > 0:
                amount = self.chance.choice([bill.owed, self.chance.randint(1, bill.owed)])
                received_on = max(
                    bill.document["issued_on"], (day - timedelta(days=self.chance.randint(0, 20))).isoformat()
                )
                self.sharing.pay(bill.document, yuan(amount), received_on)
                bill.payments.append((received_on, amount))

    def credit(self, day: date) -> None:
        for bill in self.some_bill():
            if bill.creditable > 0:
                amount = self.chance.choice([bill.creditable, self.chance.randint(1, bill.creditable)])
                note = self.sharing.credit(bill.document, yuan(amount))
                bill.credits.append((day.isoformat(), fen(note["gross"]), fen(note["net"])))

    def pay_out(self, day: date) -> None:
        payable = [each for code, each in sorted(self.statements.items()) if code != "operator"]
        for statement in self.chance.sample(payable, k=min(1, len(payable))):
            code = statement["beneficiary"]
            if fen(statement["closing"]) > 0 and not self.payouts[code]:
                paid = self.sharing.pay_out(statement, day.isoformat(), remittance_no="R-1")
                self.payouts[code] = fen(paid["amount"])

    def settle(self, month: str) -> None:
        year, number = (int(part) for part in month.split("-"))
        until = date(year, number + 1, 1).isoformat()
        self.sharing.world.clock(until)
        run = self.sharing.settle(month)
        sums = [bill.cumulative(until) for bill in self.bills]
        pool, output_vat = sum(each[0] for each in sums), sum(each[1] for each in sums)
        assert (fen(run["pool"]), fen(run["output_vat"])) == (pool - self.before[0], output_vat - self.before[1])
        assert sum(fen(each["outstanding"]) for each in run["pools"]) == sum(each[2] for each in sums)
        self.before = (pool, output_vat)
        self.check_statements(run)
        self.check_books(sum(each[2] for each in sums))

    def check_statements(self, run: Any) -> None:
        statements = {
            link["beneficiary"]: self.sharing.statement(run, link["beneficiary"]) for link in run["statements"]
        }
        assert set(statements) == {"a", "b", "c", "bureau", "region", "operator"}
        parts = 0
        for code, statement in statements.items():
            shares = sum(fen(line["taken"]) for line in statement["lines"])
            shares += sum(fen(adjustment["amount"]) for adjustment in statement["adjustments"])
            parts += shares
            before = self.statements.get(code)
            opening = fen(before["closing"]) if before else 0
            paid = opening if code == "operator" else self.payouts[code]
            held = {name: fen(amount) for name, amount in statement["holdback"].items()}
            assert (fen(statement["opening"]), fen(statement["paid"])) == (opening, paid)
            assert fen(statement["closing"]) == opening - paid + shares - held["withheld"] + held["released"]
        assert parts == fen(run["pool"])
        assert {statement["control_totals"]["difference"] for statement in statements.values()} == {"0.00"}
        self.statements, self.payouts = statements, defaultdict(int)

    def check_books(self, outstanding: int) -> None:
        """Payables are the closing balances; nothing is accrued but holdbacks and parts of what stands out."""
        payables = self.sharing.balances("payable") | self.sharing.balances("treasury_payable")
        for code, statement in self.statements.items():
            if code != "operator":
                party = "treasury" if code == "bureau" else code
                assert fen(payables.get((party, None), "0.00")) == fen(statement["closing"])
        accrued = sum(fen(amount) for amount in self.sharing.balances("accrued_share").values())
        held = sum(fen(statement["holdback"]["held"]) for statement in self.statements.values())
        assert held <= accrued <= held + outstanding

    def some_bill(self) -> Iterator[Paid]:
        yield from self.chance.sample(self.bills, k=min(1, len(self.bills)))

    def amount(self, most: int) -> str:
        return yuan(self.chance.randint(1, most))


def yuan(amount: int) -> str:
    """An amount in fen as the wire says it."""
    return f"{amount // 100}.{amount % 100:02d}"
