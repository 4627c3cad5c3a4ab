"""A world in which revenue is shared: bills of any amount to the fen, agreements signed by both sides, runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.client import Client
from tests.world import World

NET, GROSS = "net", "gross"
"""Offerings at 0.01 a call, so that a bill is as many fen as calls: without tax, and with tax included."""
SECOND_NET = "second-net"
BENEFICIARIES = ("a", "b", "c")


@dataclass
class Sharing:
    """A world with some offerings, the beneficiaries ``a``, ``b`` and ``c``, and an administrative ``bureau``."""

    world: World
    offerings: list[str]
    bills: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def founded(cls, world: World, *offerings: str) -> Sharing:
        """Add parties and offerings (``NET``, unless told) to the world, and open the month after that of the use."""
        admin = world.admin
        for code in BENEFICIARIES:
            admin.made("/parties", {"code": code, "name": f"Party {code}", "kinds": ["provider"]})
        bureau = {"code": "bureau", "name": "Bureau", "kinds": ["provider"], "legal_form": "administrative"}
        admin.made("/parties", bureau)
        offered = offerings or (NET,)
        for code in offered:
            basis = {"price_basis": "tax_inclusive"} if code == GROSS else {}
            world.priced(code, unit_price="0.01", **basis)
        world.clock("2025-04-01")
        return cls(world, list(offered))

    @property
    def operator(self) -> Client:
        """The operator, who runs the distribution."""
        return self.world.operator

    def agreement(self, *, signed: bool = True, **given: Any) -> Any:
        """Propose an agreement, by default on all offerings, and sign it for both sides."""
        body = agreement_body(**{"offerings": self.offerings, **given})
        made = self.operator.made("/distribution-agreements", body)
        return self.sign(made["id"]) if signed else made

    def sign(self, agreement: str) -> Any:
        """Sign for the operator and the grantor."""
        self.operator.made(f"/distribution-agreements/{agreement}/sign", status=200)
        return self.world.grantor.made(f"/distribution-agreements/{agreement}/sign", status=200)

    def bill(self, amounts: Mapping[str, str] | str, offering: str = NET, month: str = "2025-03") -> Any:
        """Bill amounts in yuan of one month's use today: of one offering, or of several of one basis."""
        by_offering = {offering: amounts} if isinstance(amounts, str) else amounts
        contract = self.world.contract(*by_offering)["id"]
        for code, amount in by_offering.items():
            self.world.usage(contract, code, str(int(Decimal(amount) * 100)), f"{month}-15T12:00:00+08:00")
        months = ["2025-03"] if month == "2025-03" else _months_until(month)
        made = [self.world.invoice(contract, each) for each in months][-1]
        self.bills.append(made)
        return made

    def pay(self, bill: Any, amount: str, received_on: str) -> Any:
        """Record a payment of a bill."""
        return self.world.payment(bill["id"], amount, received_on)

    def credit(self, bill: Any, amount: str | None = None, reason: str = "allowance") -> Any:
        """Credit a bill by a gross amount: all of it, unless told otherwise."""
        body = {"amount": amount or bill["gross"], "reason": reason}
        return self.operator.made(f"/invoices/{bill['id']}/credit-notes", body)

    def settle(self, month: str) -> Any:
        """Run the distribution of a month."""
        return self.operator.made("/settlements", {"operator": "operator", "month": month})

    def statement(self, settlement: Any, beneficiary: str) -> Any:
        """Show a beneficiary's statement of a run."""
        link = next(each for each in settlement["statements"] if each["beneficiary"] == beneficiary)
        return self.operator.seen(f"/statements/{link['id']}")

    def pay_out(self, statement: Any, paid_on: str, **given: Any) -> Any:
        """Pay a statement's balance."""
        body = {"statement": statement["id"], "paid_on": paid_on, "bank_reference": self.world.number("bank")}
        return self.operator.made("/payouts", {**body, **given})

    def balances(self, kind: str) -> dict[tuple[str | None, str | None], str]:
        """Return the balances of all accounts of a kind, by party and offering."""
        lines = self.world.auditor.seen("/ledger/trial-balance", operator="operator")["items"]
        return {(line["party"], line["offering"]): line["balance"] for line in lines if line["kind"] == kind}

    def verify(self) -> None:
        """Require that the books hold by every check that there is."""
        found = self.world.auditor.made("/ledger/verify")
        assert [check for check in found["checks"] if not check["ok"]] == []


def agreement_body(
    steps: Sequence[Mapping[str, Any]] = (), weights: Mapping[str, str] | None = None, **given: Any
) -> dict[str, Any]:
    """The body of an agreement: by default everything is divided 7 : 3 between ``a`` and ``b``, as billed."""
    shares = [{"beneficiary": code, "weight": weight} for code, weight in (weights or {"a": "7", "b": "3"}).items()]
    return {
        "operator": "operator",
        "agreement_no": "distribution-1",
        "clause": "§ 7",
        "offerings": [NET],
        "effective_from": "2025-03-01",
        "basis": "billed",
        "steps": list(steps),
        "residual": {"weights": "fixed", "shares": shares},
        **given,
    }


def fen(amount: str) -> int:
    """The fen of an amount of the wire."""
    return int(Decimal(amount) * 100)


def _months_until(month: str) -> list[str]:
    year, number = (int(part) for part in month.split("-"))
    return [f"{2025 + each // 12}-{each % 12 + 1:02d}" for each in range(2, (year - 2025) * 12 + number)]
