"""Plays the stories of ``tests/cases/bills``: one offering, one contract, its use, bills and credits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pricing.period import Month
from tests.conftest import SANDBOX_START
from tests.world import World


def require_sound_books(world: World) -> None:
    """Require that every check over the books passes, conservation of use among them."""
    run = world.auditor.made("/ledger/verify")
    assert run["status"] == "passed", [check for check in run["checks"] if not check["ok"]]


class Story:
    """One contract of the buyer for one offering, told step by step."""

    def __init__(self, world: World, case: Mapping[str, Any]) -> None:
        self.world = world
        self.bills: dict[str, Any] = {}
        self.now = SANDBOX_START + timedelta(minutes=30)
        world.offering()
        basis = case.get("price_basis", "tax_exclusive")
        world.ceiling(price=case["ceiling"], price_basis=basis, **{"decision_no": "D-1", **case.get("base", {})})
        if "fixed" in case:
            world.ceiling(price_basis=basis, **case["fixed"])
        world.tariff(**case["tariff"])
        is_public = case.get("kind") == "public_tariff"
        names = {"from": "effective_from", "until": "effective_until"}
        term = {name: case[said] for said, name in names.items() if said in case}
        self.contract = world.contract(**term)["id"] if is_public else world.accepted(**term)

    def play(self, steps: list[Mapping[str, Any]]) -> None:
        """Do each step by the method that its first member names."""
        for step in steps:
            name, subject = next(iter(step.items()))
            told = {member: value for member, value in step.items() if member != name}
            getattr(self, f"step_{name}")(subject, told)
        self.require_conserved()
        require_sound_books(self.world)

    def step_use(self, subject: list[str], told: Mapping[str, Any]) -> None:
        """Send one event, at its own time where that is still to come; ``told`` are members of it."""
        if datetime.fromisoformat(subject[0]) > self.now:
            self.step_clock(subject[0], {})
        answer = self.world.usage(self.contract, "offering", subject[1], subject[0], **told)
        assert answer["accepted"] == 1, answer

    def step_check(self, subject: list[str], told: Mapping[str, Any]) -> None:
        """Ask what a use would cost, use it, and hold the answer against what is told and what the month then costs."""
        time, quantity = subject
        if datetime.fromisoformat(time) > self.now:
            self.step_clock(time, {})
        before = self._month(time)
        asked = {"contract": self.contract, "offering": "offering", "quantity": quantity, "time": time}
        answer = self.world.operator.made("/entitlements/check", asked, 200)
        assert (answer["allowed"], answer["code"], answer["left"]) == (True, None, None), answer
        cost = answer["cost"]
        for name, wanted in told.items():
            found = cost["ceiling"][name] if name == "decision_no" else cost[name]
            assert found == wanted, (name, cost)
        self.step_use([time, quantity], {})
        after = self._month(time)
        for name in ("net", "tax", "gross"):
            assert Decimal(cost[name]) == Decimal(after[name]) - Decimal(before[name]), (name, cost)
        basis = "net" if cost["price_basis"] == "tax_exclusive" else "gross"
        assert (cost["month_before"], cost["month_after"]) == (before[basis], after[basis])
        steps = [step for line in after["lines"] for step in line["explanation"]]
        assert cost["explanation"][:-1] == steps

    def _month(self, time: str) -> Any:
        return self.world.buyer.seen("/invoices/preview", contract=self.contract, month=time[:7])

    def step_clock(self, subject: str, _told: Mapping[str, Any]) -> None:
        """Move the clock."""
        self.world.clock(subject)
        moment = subject if "T" in subject else f"{subject}T00:00:00+08:00"
        self.now = datetime.fromisoformat(moment)

    def step_ceiling(self, subject: str, told: Mapping[str, Any]) -> None:
        """Decide a new ceiling."""
        self.world.ceiling(price=subject, **told)

    def step_tariff(self, subject: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Publish a new tariff."""
        self.world.tariff(**subject, **told)

    def step_bill(self, subject: str, told: Mapping[str, Any]) -> None:
        """Preview and issue the bill of a month and hold it against what is told of it."""
        preview = self.world.buyer.seen("/invoices/preview", contract=self.contract, month=subject)
        bill = self.world.invoice(self.contract, subject)
        assert {name: preview[name] for name in ("net", "tax", "gross", "lines")} == {
            name: bill[name] for name in ("net", "tax", "gross", "lines")
        }
        for name in ("net", "tax", "gross"):
            assert bill[name] == told.get(name, bill[name]), name
        self.bills[subject] = bill
        if "lines" in told:
            assert len(bill["lines"]) == len(told["lines"]), bill["lines"]
            for line, wanted in zip(bill["lines"], told["lines"], strict=True):
                self._compare(line, wanted)

    def step_bills(self, subject: list[str], told: Mapping[str, Any]) -> None:
        """Preview and issue the bills of all months from the first to the last named; each comes to what is told."""
        month, last = (Month.parse(text) for text in subject)
        while month <= last:
            self.step_bill(str(month), told)
            month = month.next

    def step_liability(self, subject: str, told: Mapping[str, Any]) -> None:
        """Hold what the books owe in service, and what they have as revenue, against what is told."""
        found = {"contract_liability": Decimal(0), "revenue": Decimal(0)}
        for account in self.world.operator.seen("/ledger/trial-balance", operator="operator")["items"]:
            if account["kind"] in found:
                found[account["kind"]] += Decimal(account["balance"])
        assert found["contract_liability"] == Decimal(subject), found
        assert found["revenue"] == Decimal(told.get("revenue", found["revenue"])), found

    def step_write_off(self, subject: str, told: Mapping[str, Any]) -> None:
        """Write unbilled use off."""
        body = {"contract": self.contract, "offering": "offering", "month": subject, "reason": "test", **told}
        self.world.operator.made("/usage-writeoffs", body)

    def step_credit(self, subject: str, told: Mapping[str, Any]) -> None:
        """Credit a bill."""
        self.world.operator.made(f"/invoices/{self.bills[subject]['id']}/credit-notes", told["body"])

    def step_credits(self, subject: str, told: Mapping[str, Any]) -> None:
        """Hold the credit notes of a bill against what is told of them."""
        bill = self.world.buyer.seen(f"/invoices/{self.bills[subject]['id']}")
        assert len(bill["credit_notes"]) == told["number"]
        assert bill["credited"] == told.get("credited", bill["credited"])
        found = [note["reason"] for note in bill["credit_notes"]]
        assert found == told.get("reasons", found)
        nets = [note["net"] for note in bill["credit_notes"]]
        assert nets == told.get("nets", nets)

    def require_conserved(self) -> None:
        """Require accepted = unbilled + billed + free + written off."""
        use = self.world.buyer.seen("/usage", contract=self.contract, offering="offering")
        thousandths = {name: round(float(use[name]) * 1000) for name in use if name in _STATES}
        assert thousandths["accepted"] == sum(thousandths[name] for name in _STATES if name != "accepted")

    def _compare(self, line: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        for name, value in wanted.items():
            expected = self.bills[value]["id"] if name == "corrects" else value
            assert line[name] == expected, (name, line)
            if name == "corrects":
                assert line["corrects_number"] == self.bills[value]["number"]


_STATES = ("accepted", "unbilled", "billed", "free", "written_off")
