"""A long random life of a small jurisdiction, lived through the API, with a plain model of its use beside it.

Whatever is refused must be refused in so many words (409, 422, or 404 where it was provoked); any other failure is a
fault. What is counted here by plain addition must be what the service says, at any moment.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from werkzeug.test import TestResponse

from pricing.period import Month
from tests.client import Client
from tests.world import World, usage_event

ZONE: Final = ZoneInfo("Asia/Shanghai")
FIRST_DAY: Final = date(2025, 3, 1)
BUYERS: Final = ("buyer", "other-buyer")
QUANTITIES: Final = ("1", "1", "1", "2", "0.5", "0.333333", "17", "250", "1200.25", "40000")
FORGIVEN: Final = (409, 422)

OFFERINGS: Final[Mapping[str, tuple[str, str]]] = {
    "checks": ("tax_exclusive", "billed"),
    "scores": ("tax_exclusive", "billed"),
    "alerts": ("tax_exclusive", "collected"),
    "graphs": ("tax_inclusive", "collected"),
}
"""Commercial offerings: tax basis, and the basis on which their revenue is distributed."""

FREE: Final = "floods"


@dataclass
class Contracted:
    """A contract as the model knows it: whose, what it holds, which month was billed last, and its use."""

    id: str
    buyer: str
    offerings: tuple[str, ...]
    start: date
    free: bool = False
    billed: Month | None = None
    accepted: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class Life:
    """Takes random steps and remembers what they must have come to."""

    def __init__(self, admin: Client, seed: int, *, days_max: int) -> None:
        """Found the jurisdiction; ``days_max`` is how far the clock is moved at once."""
        self.days_max = days_max
        self.dice = random.Random(seed)
        self.world = World.founded(admin)
        self.today = FIRST_DAY
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.contracts: list[Contracted] = []
        self.sent: list[tuple[dict[str, Any], str]] = []
        self.bills: dict[str, Any] = {}
        self.statements: list[Any] = []
        self.red_pending: list[str] = []
        self.settled: Month | None = None
        self._steps: Mapping[Callable[[], None], int] = {
            self.use: 40,
            self.open_contract: 5,
            self.quote: 5,
            self.apply_for_free_use: 2,
            self.change_price: 3,
            self.change_ceiling: 1,
            self.write_off: 3,
            self.bill: 12,
            self.credit: 5,
            self.invoice_lawfully: 3,
            self.confirm_red: 2,
            self.pay: 10,
            self.refund: 2,
            self.dispute: 2,
            self.replay: 2,
            self.settle: 4,
            self.pay_out: 4,
            self.let_time_pass: 14,
        }
        self._found()

    def step(self) -> None:
        """Do one thing."""
        [act] = self.dice.choices(list(self._steps), list(self._steps.values()))
        act()

    def use(self) -> None:
        """Report use of these days or of some time ago; some of it twice, some of it wrong."""
        events = [self._event() for _ in range(self.dice.randint(1, 12))]
        answer = self._done("use", self.world.operator, "/usage-events", {"events": [event for event, _ in events]})
        for result in answer["results"]:
            event, contract_id = events[result["index"]]
            self.outcomes["event", result.get("code", result["status"])] += 1
            if result["status"] == "accepted":
                self._count(event, contract_id)
            self.sent.append((event, contract_id))

    def open_contract(self) -> None:
        """Open a contract at the public tariff, for offerings of one tax basis."""
        basis = self.dice.choice(["tax_exclusive", "tax_exclusive", "tax_inclusive"])
        offered = [code for code, (of_basis, _) in OFFERINGS.items() if of_basis == basis]
        codes = tuple(self.dice.sample(offered, self.dice.randint(1, len(offered))))
        buyer = self.dice.choice(BUYERS)
        body = {
            "buyer": buyer,
            "offerings": list(codes),
            "effective_from": str(self.today),
            "consent_reference": self.world.number("consent"),
            **({"effective_until": str(self._in_days(20, 90))} if self.dice.random() < 0.3 else {}),
        }
        made = self._try("contract", self.world.operator, "/contracts", body)
        if made is not None:
            self.contracts.append(Contracted(made["id"], buyer, codes, self.today))

    def quote(self) -> None:
        """Quote an offering; mostly it is accepted, sometimes twice, sometimes too late."""
        code, buyer = self.dice.choice(list(OFFERINGS)), self.dice.choice(BUYERS)
        body = {
            "buyer": buyer,
            "valid_until": str(self._in_days(0, 20)),
            "effective_from": str(self.today),
            "effective_until": str(self._in_days(40, 400)),
            "items": [{"offering": code, "quantity": self.dice.choice(("100", "12000", "150000.5"))}],
            "quantity_is": self.dice.choice(("estimate", "limit")),
        }
        quoted = self._try("quote", self.world.operator, "/quotes", body)
        if quoted is None:
            return
        start = self.today
        if self.dice.random() < 0.2:
            self.let_time_pass()
        accept = partial(self._try, "accept", self._buyer(buyer), f"/quotes/{quoted['id']}/accept", None)
        accepted = accept()
        if accepted is not None:
            self.contracts.append(Contracted(accepted["contract"]["id"], buyer, (code,), start))
        if self.dice.random() < 0.2:
            assert accept() is None

    def apply_for_free_use(self) -> None:
        """Apply for free use; mostly it is approved, some grants are revoked."""
        body = {
            "offering": FREE,
            "purpose_statement": "Warn residents of floods",
            "effective_from": str(self.today),
            "effective_until": str(self._in_days(30, 200)),
            "undertakings": {"no_resale": True, "no_commercial_use": True},
            **({"quantity_limit": "5000"} if self.dice.random() < 0.5 else {}),
        }
        applied = self._done("grant", self.world.buyer, "/free-use-grants", body)
        if self.dice.random() < 0.2:
            return
        decide = f"/free-use-grants/{applied['id']}"
        granted = self._done("approve", self.world.grantor, f"{decide}/approve", {"reason": "reviewed"})
        self.contracts.append(Contracted(granted["contract"], "buyer", (FREE,), self.today, free=True))
        if self.dice.random() < 0.4:
            action = self.dice.choice(("suspend", "revoke"))
            self._done(action, self.world.grantor, f"{decide}/{action}", {"reason": "resold"})

    def change_price(self) -> None:
        """Publish a new tariff of some model, from tomorrow on or later."""
        code = self.dice.choice(list(OFFERINGS))
        body = {
            "offering": code,
            "effective_from": str(self._in_days(1, 40)),
            "price_basis": OFFERINGS[code][0],
            "relief": "none",
            **self._model(),
        }
        if self.dice.random() < 0.15:
            body |= {"relief": "discount", "discount_percent": "12.5", "ground": "small enterprises"}
        elif self.dice.random() < 0.1:
            body |= {"relief": "calculated_not_collected", "ground": "pilot"}
        if self.dice.random() < 0.2:
            body |= {"minimum_commitment": "100.00"}
        self._try("tariff", self.world.operator, "/tariffs", body)

    def change_ceiling(self) -> None:
        """Lower or raise a ceiling, from some day on."""
        code = self.dice.choice(list(OFFERINGS))
        body = self._ceiling(code, self._in_days(1, 40), self.dice.choice(("0.30", "0.55", "1.00", "1.20")))
        self._try("ceiling", self.world.grantor, "/ceilings", body)

    def write_off(self) -> None:
        """Write off unbilled use of a month."""
        contract = self._some_contract()
        which = {
            "contract": contract.id,
            "offering": self.dice.choice(contract.offerings),
            "month": str(self._month(contract)),
        }
        unbilled = Decimal(self.world.operator.seen("/usage", **which)["unbilled"])
        quantity = self.dice.choice(QUANTITIES) if unbilled < 1 else str(int(unbilled * self.dice.choice((1, 2)) / 2))
        body = {**which, "quantity": quantity if quantity != "0" else "1", "reason": "faulty answers"}
        self._try("write-off", self.world.operator, "/usage-writeoffs", body)

    def bill(self) -> None:
        """Bill the next months of some contracts; sometimes one that is billed already, or not to be billed yet."""
        for contract in self.dice.sample(self.contracts, min(4, len(self.contracts))):
            following = contract.billed.next if contract.billed else Month.from_date(contract.start)
            if following.until > self.today and self.dice.random() < 0.9:
                continue
            month = following if self.dice.random() < 0.9 else self._month(contract)
            answer = self._try("bill", self.world.operator, "/invoices", {"contract": contract.id, "month": str(month)})
            if answer is None:
                continue
            issued = self.bills.setdefault(answer["id"], answer)
            assert _frozen(issued) == _frozen(answer)
            contract.billed = max(contract.billed or month, month, key=str)

    def credit(self) -> None:
        """Credit a bill by an amount or by its lines."""
        bill = self._some_bill()
        if bill is None:
            return
        path = f"/invoices/{bill['id']}/credit-notes"
        note = self._try("credit note", self.world.operator, path, self._credit(bill))
        if note is not None and note["red_pending"]:
            self.red_pending.append(f"{path}/{note['id']}")

    def invoice_lawfully(self) -> None:
        """Let the buyer apply for the lawful invoice of a bill, and record its number."""
        bill = self._some_bill()
        if bill is None:
            return
        body = {"title": "Buyer Co.", "taxpayer_no": "91110000802100433B", "kind": "special"}
        self._try("application", self._buyer(bill["buyer"]), f"/invoices/{bill['id']}/application", body)
        number = f"{self.dice.randrange(10**20):020}"
        issued = self.world.operator.put(
            f"/invoices/{bill['id']}/fapiao", {"fapiao_no": number, "issued_on": str(self.today)}
        )
        self._judge("fapiao", issued, number)

    def confirm_red(self) -> None:
        """Record the confirmation that a credit note of a lawfully invoiced bill waits for."""
        if not self.red_pending:
            return
        path = self.red_pending.pop(self.dice.randrange(len(self.red_pending)))
        body = {"red_confirmation_no": self.world.number("red")}
        self._try("red confirmation", self.world.operator, f"{path}/red-confirmation", body)

    def pay(self) -> None:
        """Record a payment: in part, in full, too much, or without saying for what."""
        bill = self._some_bill()
        if bill is None or bill["gross"] == "0.00":
            return
        amount = (Decimal(bill["gross"]) * self.dice.choice((1, 1, 1, 2, Decimal("0.3333")))).quantize(Decimal("0.01"))
        if amount == 0:
            return
        allocated = [{"invoice": bill["id"], "amount": str(amount)}] if self.dice.random() < 0.9 else []
        body = {
            "amount": str(amount),
            "received_on": str(self.today - timedelta(days=self.dice.randint(0, 5))),
            "bank_reference": self.world.number("bank"),
            "allocations": allocated,
            "buyer": bill["buyer"],
        }
        self._try("payment", self.world.operator, "/payments", body)

    def refund(self) -> None:
        """Pay back what a buyer has too much, or more than that."""
        buyer = self.dice.choice(BUYERS)
        held = Decimal(self.world.operator.seen("/balances", operator="operator", buyer=buyer)["balance"])
        amount = held / 2 if held > 1 else Decimal(5)
        body = {
            "buyer": buyer,
            "amount": str(amount.quantize(Decimal("0.01"))),
            "paid_on": str(self.today),
            "bank_reference": self.world.number("bank"),
        }
        self._try("refund", self.world.operator, "/refunds", body)

    def dispute(self) -> None:
        """Dispute a bill; the operator gives way or does not."""
        bill = self._some_bill()
        if bill is None:
            return
        body = {"invoice": bill["id"], "reason": "answers came late"}
        opened = self._try("dispute", self._buyer(bill["buyer"]), "/disputes", body)
        if opened is None:
            return
        if self.dice.random() < 0.5:
            self._try("reject", self.world.operator, f"/disputes/{opened['id']}/reject", {"reason": "they did not"})
            return
        note = {"amount": "1.00", "credit_reason": "allowance", "reason": "they did"}
        self._try("give way", self.world.operator, f"/disputes/{opened['id']}/accept", note)

    def replay(self) -> None:
        """Judge a refused event afresh."""
        refused = self.world.operator.seen("/refused-usage-events", limit=50)["items"]
        if not refused:
            return
        chosen = self.dice.choice(refused)
        answer = self._try("replay", self.world.operator, f"/refused-usage-events/{chosen['id']}/replay", None)
        if answer is not None and chosen["outcome"] is None and answer["outcome"] == "accepted":
            event = chosen["event"]
            self._count(event, event["subject"])

    def settle(self) -> None:
        """Run the distribution of the month that ended last, or of one that was run."""
        month = Month.from_date(self.today).previous
        if month.first_day < FIRST_DAY:
            return
        run = self._try(
            "settlement", self.world.operator, "/settlements", {"operator": "operator", "month": str(month)}
        )
        if run is not None and month != self.settled:
            self.settled = month
            self.statements = run["statements"]

    def pay_out(self) -> None:
        """Pay out a statement of the last run."""
        if not self.statements:
            return
        statement = self.dice.choice(self.statements)
        body = {
            "statement": statement["id"],
            "paid_on": str(self.today),
            "bank_reference": self.world.number("bank"),
            **({"remittance_no": self.world.number("remittance")} if statement["beneficiary"] == "bureau" else {}),
        }
        self._try("payout", self.world.operator, "/payouts", body)

    def let_time_pass(self) -> None:
        """Move the clock on by some days."""
        self.today = self._in_days(1, self.days_max)
        self.world.clock(str(self.today))

    def _found(self) -> None:
        world = self.world
        body = {"code": "bureau", "name": "Bureau", "kinds": ["provider"], "legal_form": "administrative"}
        world.admin.made("/parties", body)
        for code, (basis, _) in OFFERINGS.items():
            world.offering(code)
            world.grantor.made("/ceilings", self._ceiling(code, FIRST_DAY, "1.00"))
            world.tariff(code, "0.50", price_basis=basis, effective_from=str(FIRST_DAY))
        world.offering(FREE, "public_welfare", reference_offering="checks")
        for basis in ("billed", "collected"):
            offerings = [code for code, (_, of_basis) in OFFERINGS.items() if of_basis == basis]
            agreement = world.operator.made("/distribution-agreements", _agreement(basis, offerings))
            for side in (world.operator, world.grantor):
                side.made(f"/distribution-agreements/{agreement['id']}/sign", None, 200)
        while len(self.contracts) < 3:
            self.open_contract()

    def _event(self) -> tuple[dict[str, Any], str]:
        """Return an event and the contract that it is for: a new one, or one that was sent before."""
        if self.sent and self.dice.random() < 0.15:
            event, contract_id = self.dice.choice(self.sent)
            if self.dice.random() < 0.5:
                return event, contract_id
            return {**event, "data": {**event["data"], "quantity": "7.5"}}, contract_id
        contract = self._some_contract()
        offering = self.dice.choice(contract.offerings if self.dice.random() < 0.95 else (FREE, "checks"))
        subject = contract.id if self.dice.random() < 0.97 else "con_unknown"
        quantity = self.dice.choice(QUANTITIES)
        event_id = self.world.number("event")
        return usage_event(event_id, subject, offering, quantity, self._moment(contract).isoformat()), subject

    def _moment(self, contract: Contracted) -> datetime:
        """Return when use happened: mostly today, sometimes weeks ago, rarely on a day that nobody knows yet."""
        late = self.dice.random()
        days = 0 if late < 0.6 else self.dice.randint(1, 45) if late < 0.98 else -3
        first = contract.start - timedelta(days=1 if self.dice.random() < 0.05 else 0)
        day = max(self.today - timedelta(days=days), first)
        # Today has only just begun.
        second = 0 if day == self.today else self.dice.randrange(86_400)
        return datetime.combine(day, time(), ZONE) + timedelta(seconds=second)

    def _count(self, event: Mapping[str, Any], contract_id: str) -> None:
        [contract] = [contract for contract in self.contracts if contract.id == contract_id]
        contract.accepted[event["data"]["offering"]] += Decimal(event["data"]["quantity"])

    def _model(self) -> dict[str, Any]:
        high, low = self.dice.choice((("0.90", "0.45"), ("0.5025", "0.0004"), ("0.333", "0.25")))
        tiers = [{"up_to": "100", "unit_price": high}, {"up_to": "5000", "unit_price": low}]
        return self.dice.choice(
            [
                {"model": "per_unit", "unit_price": high},
                {"model": "graduated", "tiers": [*tiers, {"up_to": None, "unit_price": low, "flat_fee": "12.00"}]},
                {"model": "volume", "tiers": [*tiers, {"up_to": None, "unit_price": low}]},
                {"model": "package", "package_size": "250.5", "package_price": "100.00"},
            ]
        )

    def _ceiling(self, code: str, start: date, price: str) -> dict[str, Any]:
        return {
            "offering": code,
            "price_basis": OFFERINGS[code][0],
            "charging_form": "call",
            "unit_price": price,
            "per_quantity": "1",
            "effective_from": str(start),
            "decision_no": self.world.number("ceiling"),
            "factors": dict.fromkeys(("data", "computing", "storage", "personnel", "sales_volume"), "as surveyed"),
            "report": {
                "report_no": self.world.number("report"),
                "reported_on": str(self.today),
                "recipients": ["regulator"],
            },
        }

    def _credit(self, bill: Mapping[str, Any]) -> dict[str, Any]:
        line = self.dice.choice(bill["lines"]) if bill["lines"] else None
        if line is None or self.dice.random() < 0.4:
            share = self.dice.choice((Decimal("0.1"), Decimal("0.5"), Decimal(1)))
            amount = max(Decimal("0.01"), (Decimal(bill["gross"]) * share).quantize(Decimal("0.01")))
            return {"amount": str(amount), "reason": self.dice.choice(("allowance", "service_stopped"))}
        part = (Decimal(line["quantity"]) / self.dice.choice((1, 3))).quantize(Decimal("0.000001"))
        taken = {"quantity": f"{part:f}"} if part > 0 else {"amount": "0.01"}
        reason = self.dice.choice(("returned", "issued_in_error"))
        return {
            "lines": [{"position": line["position"], **taken}],
            "reason": reason,
            "rebill": reason == "issued_in_error" and self.dice.random() < 0.7,
        }

    def _some_contract(self) -> Contracted:
        """Return a contract, mostly one of the newest."""
        return self.dice.choice(self.contracts[-10:] if self.dice.random() < 0.8 else self.contracts)

    def _some_bill(self) -> Any:
        due = [bill for bill in self.bills.values() if bill["gross"] != "0.00" or self.dice.random() < 0.1]
        return self.dice.choice(due) if due else None

    def _month(self, contract: Contracted) -> Month:
        first, month = Month.from_date(contract.start), Month.from_date(self.today)
        for _ in range(self.dice.randint(0, 2)):
            month = month.previous if month != first else month
        return month

    def _in_days(self, least: int, most: int) -> date:
        return self.today + timedelta(days=self.dice.randint(least, most))

    def _buyer(self, code: str) -> Client:
        return self.world.client("buyer", code)

    def _try(self, what: str, client: Client, path: str, body: Any) -> Any:
        """Do a thing that may be refused; return its document, or None where it was."""
        return self._judge(what, client.post(path, body), body)

    def _judge(self, what: str, answer: TestResponse, body: Any) -> Any:
        document: Any = answer.json
        if answer.status_code in FORGIVEN:
            self.outcomes[what, document["code"]] += 1
            return None
        assert 200 <= answer.status_code < 300, f"{what}: {answer.status_code} {answer.text} for {body}"
        self.outcomes[what, "done"] += 1
        return document

    def _done(self, what: str, client: Client, path: str, body: Any) -> Any:
        document = self._try(what, client, path, body)
        assert document is not None, f"{what} was refused: {body}"
        return document


def _frozen(bill: Mapping[str, Any]) -> dict[str, Any]:
    """What of a bill never changes."""
    return {name: bill[name] for name in ("number", "month", "issued_on", "lines", "net", "tax", "gross")}


def _agreement(basis: str, offerings: list[str]) -> dict[str, Any]:
    """An agreement with every kind of step, an administrative body among the beneficiaries, and the odd fen carried."""
    treasury = {"payable_to": "treasury", "collecting_body": "bureau", "revenue_item": "1030706"}
    return {
        "operator": "operator",
        "agreement_no": f"shares-{basis}",
        "clause": "3",
        "offerings": offerings,
        "effective_from": str(FIRST_DAY),
        "basis": basis,
        "steps": [
            {"kind": "fixed_fee", "beneficiary": "provider", "shortfall": "carry", "amount": "20.00"},
            {
                "kind": "cost_recovery",
                "beneficiary": "operator",
                "shortfall": "carry",
                "due": "150.00",
                "cumulative_cap": "500.00",
            },
            {"kind": "percentage", "beneficiary": "region", "shortfall": "lapse", "percent": "7.5", "of": "pool"},
            {
                "kind": "holdback",
                "beneficiary": "provider",
                "shortfall": "lapse",
                "percent": "5",
                "of": "remaining",
                "release_after_months": 1,
            },
        ],
        "residual": {
            "weights": "fixed",
            "shares": [
                {"beneficiary": "operator", "weight": "50"},
                {"beneficiary": "provider", "weight": "33.34"},
                {"beneficiary": "bureau", "weight": "16.66", **treasury},
            ],
        },
        "carry_odd_fen": True,
        "minimum_payout": "5.00",
    }
