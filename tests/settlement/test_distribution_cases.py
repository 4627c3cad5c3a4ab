"""Distribution through the API: stories of bills, receipts, credits and runs, and what each run must say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pricing.case_files import cases
from tests.settlement.sharing import Sharing, fen
from tests.world import World


@pytest.mark.parametrize("case", cases("settlement"))
def test_the_runs_say_what_the_story_says(world: World, case: dict[str, Any]) -> None:
    told = {name: case[name] for name in ("carry_odd_fen", "minimum_payout") if name in case}
    sharing = Sharing.founded(world, *sorted({code for day in case["days"] for code in amounts_of(day)}))
    sharing.agreement(steps=case.get("steps", ()), weights=case["weights"], basis=case["basis"], **told)
    story = Story(sharing)
    for day in case["days"]:
        story.tell(day)
    sharing.verify()


class Story:
    """A story as it is told, day by day."""

    def __init__(self, sharing: Sharing) -> None:
        self.sharing = sharing
        self.bills: dict[str, Any] = {}
        self.settlement: Any = None
        self.statements: dict[str, Any] = {}
        self.today = "2025-04-01"

    def tell(self, day: dict[str, Any]) -> None:
        if day["on"] > self.today:
            self.sharing.world.clock(day["on"])
            self.today = day["on"]
        if "bill" in day:
            self.bills[day["bill"]] = self.sharing.bill(amounts_of(day))
        elif "pay" in day:
            self.sharing.pay(self.bills[day["pay"]], day["amount"], day.get("received_on", day["on"]))
        elif "credit" in day:
            self.sharing.credit(self.bills[day["credit"]], day.get("amount"))
        elif "pay_out" in day:
            self.sharing.pay_out(self.statements[day["pay_out"]], day["on"])
        else:
            self.settle(day)

    def settle(self, expected: dict[str, Any]) -> None:
        settlement = self.sharing.settle(expected["settle"])
        assert (settlement["pool"], settlement["output_vat"]) == (expected["pool"], expected["output_vat"])
        closing = {link["beneficiary"]: link["closing"] for link in settlement["statements"]}
        assert closing == expected["closing"]
        statements = {code: self.sharing.statement(settlement, code) for code in closing}
        for code, amount in expected.get("held", {}).items():
            assert statements[code]["holdback"]["held"] == amount
        for name, section, column in (
            ("carried", "lines", "carried"),
            ("lapsed", "lines", "lapsed"),
            ("adjusted", "adjustments", "amount"),
        ):
            for code, amount in expected.get(name, {}).items():
                assert total(statements[code][section], column) == fen(amount)
        self.check(settlement, statements)
        self.settlement, self.statements = settlement, statements

    def check(self, settlement: Any, statements: dict[str, Any]) -> None:
        """What holds of every run, whatever it says."""
        parts = 0
        for code, statement in statements.items():
            lines, adjustments = total(statement["lines"], "taken"), total(statement["adjustments"], "amount")
            parts += lines + adjustments
            holdback = {name: fen(amount) for name, amount in statement["holdback"].items()}
            moved = lines + adjustments - holdback["withheld"] + holdback["released"] - fen(statement["paid"])
            assert fen(statement["opening"]) + moved == fen(statement["closing"])
            before = self.statements.get(code)
            assert statement["opening"] == (before["closing"] if before else "0.00")
        assert parts == fen(settlement["pool"])


def amounts_of(day: dict[str, Any]) -> dict[str, str]:
    """What is billed of which offering on a day of a story."""
    return day.get("amounts") or ({day.get("offering", "net"): day["amount"]} if "bill" in day else {})


def total(rows: list[dict[str, Any]], column: str) -> int:
    """The sum of a column of a statement's rows, in fen."""
    return sum(fen(row[column]) for row in rows)
