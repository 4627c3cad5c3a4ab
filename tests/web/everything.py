"""A world in which there is one of everything that a route can be asked about, each told by its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.seals import seal
from store.unit import Call, Principal
from tests.web.price_bodies import application_body, cap_body, cap_year
from tests.world import World, usage_event

NOON = "2025-03-20T12:00:00+08:00"


@dataclass(frozen=True)
class Everything:
    """A world on 1 May 2025, and what ``{…}`` in the path of a route can be, by the path until there."""

    world: World
    paths: Mapping[str, str]

    @property
    def references(self) -> Mapping[str, str]:
        """What fields of bodies and queries can name, by the name of the field."""
        return {
            "operator": "operator",
            "buyer": "buyer",
            "party": "buyer",
            "provider": "provider",
            "beneficiary": "provider",
            "regulator": "regulator",
            "resource": "resource",
            "agreement_no": "agreement",
            "product": "product",
            "offering": "offering",
            "reference_offering": "welfare",
            "contract": self.paths["/contracts/"],
            "subject": self.paths["/contracts/"],
            "invoice": self.paths["/invoices/"],
            "statement": self.paths["/statements/"],
            "month": "2025-04",
        }

    def filled(self, path: str) -> str:
        """Return the path of a route of the document with the references of this world in it."""
        before, _, rest = path.partition("{")
        if not rest:
            return path
        _, _, after = rest.partition("}")
        return self.filled(f"{before}{self.paths[before.removeprefix('/api/v1')]}{after}")


def made_in(world: World) -> Everything:
    """Play two months: prices, a quote, contracts, use, a bill, a credit, money in, shares and money out."""
    world.priced()
    world.offering("welfare", "public_welfare")
    made = {**_registered(world), **_evaluated(world), **_used_and_billed(world)}
    made |= _shared(world, made["/invoices/"])
    made |= _accounted_for(world)
    made |= _breached(world)
    seal(world.admin.app.extensions["tariffbook"], Call(Principal("admin", key_id="local"), "ledger seal"))
    return Everything(world, {**made, "/ledger/seals/": "1"})


def _registered(world: World) -> dict[str, str]:
    key = world.admin.made("/keys", {"role": "auditor"})
    return {
        "/parties/": "buyer",
        "/keys/": key["id"],
        "/resources/": "resource",
        "/authorisations/": "agreement",
        "/products/": "product",
        "/offerings/": "offering",
        "/revenue-caps/": world.regulator.made("/revenue-caps", cap_body("operator"))["id"],
        "/ceilings/": world.auditor.seen("/ceilings")["items"][0]["id"],
        "/tariffs/": world.auditor.seen("/tariffs")["items"][0]["id"],
        **_granted(world),
        "/quotes/": world.quote()["id"],
    }


def _granted(world: World) -> dict[str, str]:
    grant = world.grant("welfare")["id"]
    evidence = {"name": "letter.txt", "media_type": "text/plain", "content": "bGV0dGVy"}
    path = f"/free-use-grants/{grant}/evidence"
    return {"/free-use-grants/": grant, f"{path}/": world.buyer.made(path, evidence)["id"]}


def _breached(world: World) -> dict[str, str]:
    """A ceiling recorded after the bill of March, under it, and what buyer and price authority make of it."""
    world.ceiling(price="0.40", effective_from="2025-03-15", backdate_reason="test")
    breach = {
        "operator": "operator",
        "offering": "offering",
        "cause": "test",
        "found_on": "2025-05-01",
        "from": "2025-03-01",
        "until": "2025-04-01",
    }
    complaint = {"offering": "offering", "kind": "price_too_high", "text": "Too much"}
    return {
        "/breaches/": world.regulator.made("/breaches", breach)["id"],
        "/complaints/": world.buyer.made("/complaints", complaint)["id"],
    }


def _evaluated(world: World) -> dict[str, str]:
    appointment = {
        "operator": "operator",
        "regulator": "regulator",
        "registration_level": "local",
        "effective_from": "2025-03-01",
        "decision_no": "A-1",
    }
    last_year = cap_body(
        "operator",
        cycle_from="2024-01-01",
        cycle_until="2025-01-01",
        years=[cap_year(2024, [["platform", "commercial", "100.00"]])],
    )
    world.regulator.made("/revenue-caps", last_year)
    evaluation = world.regulator.made("/revenue-evaluations", {"operator": "operator", "year": 2024})
    duty = next(each["id"] for each in evaluation["duties"] if each["party"] == "operator")
    return {
        "/price-authority-appointments/": world.admin.made("/price-authority-appointments", appointment)["id"],
        "/revenue-cap-applications/": world.operator.made("/revenue-cap-applications", application_body())["id"],
        "/revenue-evaluations/": evaluation["id"],
        "/duties/": duty,
    }


def _used_and_billed(world: World) -> dict[str, str]:
    contract = world.contract()["id"]
    world.clock("2025-04-01")
    sent = world.number("event")
    stray = usage_event(world.number("event"), "ctr_nowhere", "offering", "1", NOON)
    events = [usage_event(sent, contract, "offering", "1000", NOON), stray]
    world.operator.made("/usage-events", {"events": events})
    writeoff = {"contract": contract, "offering": "offering", "month": "2025-03", "quantity": "1", "reason": "test"}
    made = {"/contracts/": contract, "/usage-events/": sent}
    made["/usage-writeoffs/"] = world.operator.made("/usage-writeoffs", writeoff)["id"]
    made["/refused-usage-events/"] = world.operator.seen("/refused-usage-events")["items"][0]["id"]
    made["/invoices/"] = bill = world.invoice(contract, "2025-03")["id"]
    notes = f"/invoices/{bill}/credit-notes"
    made[f"{notes}/"] = world.operator.made(notes, {"amount": "10.00", "reason": "allowance"})["id"]
    application = {"title": "Buyer", "taxpayer_no": "91330106MA2CFRPB0X", "kind": "general"}
    world.buyer.made(f"/invoices/{bill}/application", application)
    dispute = {"invoice": bill, "reason": "Too much"}
    made["/disputes/"] = world.buyer.made("/disputes", dispute)["id"]
    return made


def _shared(world: World, bill: str) -> dict[str, str]:
    made = {"/payments/": world.payment(bill, "100.00", "2025-03-31", allocations=[], buyer="buyer")["id"]}
    refund = {"buyer": "buyer", "amount": "1.00", "paid_on": "2025-03-31", "bank_reference": world.number("bank")}
    made["/refunds/"] = world.operator.made("/refunds", refund)["id"]
    agreement = world.operator.made("/distribution-agreements", distribution_body())["id"]
    for signer in (world.operator, world.grantor):
        signer.made(f"/distribution-agreements/{agreement}/sign", status=200)
    world.clock("2025-05-01")
    run = world.operator.made("/settlements", {"operator": "operator", "month": "2025-04"})
    statement = next(each["id"] for each in run["statements"] if each["beneficiary"] == "provider")
    payout = {"statement": statement, "paid_on": "2025-05-01", "bank_reference": world.number("bank")}
    made["/payouts/"] = world.operator.made("/payouts", payout)["id"]
    made["/ledger/periods/"] = world.operator.made("/ledger/periods", {"operator": "operator", "month": "2025-03"})[
        "id"
    ]
    return {**made, "/distribution-agreements/": agreement, "/settlements/": run["id"], "/statements/": statement}


def _accounted_for(world: World) -> dict[str, str]:
    body = {"report": "cap_compliance", "operator": "operator", "from": "2025-03-01", "until": "2025-04-01"}
    filing = world.operator.made("/reports/filings", body)["id"]
    cost = {
        "month": "2025-03",
        "head": "platform",
        "use": "commercial",
        "amount": "10.00",
        "document_no": world.number("voucher"),
        "text": "Servers",
        "occurred_on": "2025-03-31",
    }
    (entered,) = world.operator.made("/operating-costs", {"items": [cost]})["items"]
    return {
        "/operating-costs/": entered["id"],
        "/reports/filings/": filing,
        f"/reports/filings/{filing}/files/": "report.json",
    }


def distribution_body(**given: Any) -> dict[str, Any]:
    """The body of an agreement that gives the provider all that was billed."""
    return {
        "operator": "operator",
        "agreement_no": "shares",
        "clause": "7",
        "offerings": ["offering"],
        "effective_from": "2025-03-01",
        "basis": "billed",
        "steps": [],
        "residual": {"weights": "fixed", "shares": [{"beneficiary": "provider", "weight": "1"}]},
        **given,
    }
