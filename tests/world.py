"""A small jurisdiction made through the API: its parties with their keys, and one word for each thing to do in it.

Each method sends what the contract of the wire asks for, with defaults that are lawful on the sandbox's first day
(2025-03-01), and returns the document that comes back. Keyword arguments replace or add members of the body.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from schemas.registry import ROLES
from tests.client import Client

START = "2025-03-01"
Keys = Mapping[tuple[str, str | None], str]
"""The text of each key by role and party."""

PARTIES: Mapping[str, tuple[str, ...]] = {
    "operator": ("operator",),
    "rival": ("operator",),
    "grantor": ("grantor",),
    "other-grantor": ("grantor",),
    "regulator": ("regulator",),
    "other-regulator": ("regulator",),
    "provider": ("provider",),
    "other-provider": ("provider",),
    "buyer": ("buyer",),
    "other-buyer": ("buyer",),
    "treasury": ("treasury",),
    "region": ("region",),
}


@dataclass
class World:
    """The parties of ``PARTIES``, one resource, one authorisation (2024 to 2028) and one registered product."""

    admin: Client
    _clients: dict[tuple[str, str | None], Client] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def founded(cls, admin: Client) -> World:
        """Found the jurisdiction."""
        world = cls(admin)
        for code, kinds in PARTIES.items():
            admin.made("/parties", {"code": code, "name": f"Party {code}", "kinds": list(kinds)})
        world.resource()
        world.authorisation()
        world.product()
        return world

    @classmethod
    def reopened(cls, app: Flask, keys: Keys) -> World:
        """Return the world of a database in which it was founded before, with the keys it had then."""
        clients = {owner: Client(app, key) for owner, key in keys.items()}
        return cls(clients.pop(("admin", None)), clients)

    def keys(self) -> Keys:
        """Return the text of a key of each role and party, made now where there is none yet."""
        for code, kinds in PARTIES.items():
            for kind in kinds:
                if kind in ROLES:
                    self.client(kind, code)
        clients = {**self._clients, ("auditor", None): self.auditor, ("admin", None): self.admin}
        return {owner: str(client.key) for owner, client in clients.items()}

    def client(self, role: str, party: str | None = None) -> Client:
        """Return the client of a role and party, with one key however often it is asked for."""
        if (role, party) not in self._clients:
            self._clients[role, party] = self.admin.client_of(role, party)
        return self._clients[role, party]

    @property
    def operator(self) -> Client:
        """The operator of the product."""
        return self.client("operator", "operator")

    @property
    def rival(self) -> Client:
        """Another operator, without any authorisation."""
        return self.client("operator", "rival")

    @property
    def grantor(self) -> Client:
        """The grantor of the authorisation."""
        return self.client("grantor", "grantor")

    @property
    def other_grantor(self) -> Client:
        """A grantor that has nothing to do with it."""
        return self.client("grantor", "other-grantor")

    @property
    def regulator(self) -> Client:
        """The price authority that the authorisation appoints."""
        return self.client("regulator", "regulator")

    @property
    def other_regulator(self) -> Client:
        """A price authority that has nothing to do with it."""
        return self.client("regulator", "other-regulator")

    @property
    def provider(self) -> Client:
        """The provider of the resource."""
        return self.client("provider", "provider")

    @property
    def other_provider(self) -> Client:
        """Another provider."""
        return self.client("provider", "other-provider")

    @property
    def buyer(self) -> Client:
        """A buyer."""
        return self.client("buyer", "buyer")

    @property
    def other_buyer(self) -> Client:
        """Another buyer."""
        return self.client("buyer", "other-buyer")

    @property
    def auditor(self) -> Client:
        """An auditor at large."""
        return self.client("auditor")

    def resource(self, code: str = "resource", **given: Any) -> Any:
        """Register a resource of the provider."""
        body = {
            "code": code,
            "name": "Business registrations",
            "provider": "provider",
            "grade": "general",
            "confidentiality": "controlled",
            "is_raw": False,
            "registered_on": "2024-01-01",
            "registration_expires_on": "2030-01-01",
        }
        return self.admin.made("/resources", {**body, **given})

    def authorisation(self, agreement_no: str = "agreement", **given: Any) -> Any:
        """Authorise the operator, which has been running since 2020."""
        return self.grantor.made("/authorisations", {**authorisation_body(agreement_no), **given})

    def product(self, code: str = "product", **given: Any) -> Any:
        """Enter a product that is registered until 2028-02-01."""
        return self.operator.made("/products", {**product_body(code), **given})

    def offering(
        self, code: str = "offering", purpose: str = "industry", *, confirmed: bool = True, **given: Any
    ) -> Any:
        """Offer the product for a purpose; unless told otherwise its category is confirmed from 2024-01-01 on."""
        made = self.operator.made("/offerings", {**offering_body(code, purpose), **given})
        return self.confirm(code) if confirmed else made

    def confirm(self, offering: str, effective_from: str = "2024-01-01", **given: Any) -> Any:
        """Confirm the category that was proposed, or the one named."""
        body = {"decision_no": self.number("decision"), "effective_from": effective_from, **given}
        return self.grantor.made(f"/offerings/{offering}/classification/confirm", body, 200)

    def ceiling(self, offering: str = "offering", price: str = "1.00", **given: Any) -> Any:
        """Set a ceiling per call, tax-exclusive, from 2025-01-01 on."""
        body = {
            "offering": offering,
            "price_basis": "tax_exclusive",
            "charging_form": "call",
            "unit_price": price,
            "per_quantity": "1",
            "effective_from": "2025-01-01",
            "decision_no": self.number("ceiling"),
            "factors": {
                "data": "one resource",
                "computing": "little",
                "storage": "little",
                "personnel": "two people",
                "sales_volume": "100000 calls",
            },
            "report": {
                "report_no": self.number("report"),
                "reported_on": "2025-01-01",
                "recipients": ["regulator"],
            },
        }
        return self.grantor.made("/ceilings", {**body, **given})

    def tariff(self, offering: str = "offering", unit_price: str = "0.50", **given: Any) -> Any:
        """Publish a price per unit, tax-exclusive, from 2025-01-01 on."""
        body = {
            "offering": offering,
            "effective_from": "2025-01-01",
            "price_basis": "tax_exclusive",
            "model": "per_unit",
            "relief": "none",
        }
        price = {"unit_price": unit_price} if given.get("model", "per_unit") in ("per_unit", "two_part") else {}
        return self.operator.made("/tariffs", {**body, **price, **given})

    def priced(self, offering: str = "offering", ceiling: str = "1.00", unit_price: str = "0.50", **given: Any) -> Any:
        """Make a commercial offering that can be sold: confirmed, with ceiling and tariff."""
        made = self.offering(offering)
        basis = {"price_basis": given["price_basis"]} if "price_basis" in given else {}
        self.ceiling(offering, ceiling, **basis)
        self.tariff(offering, unit_price, **given)
        return made

    def grant(self, offering: str = "offering", *, approved: bool = True, **given: Any) -> Any:
        """Apply for free use as the buyer, from 2025-03-01 until 2026-03-01; approved unless told otherwise."""
        made = self.buyer.made("/free-use-grants", {**grant_body(offering), **given})
        return self.decide(made["id"], "approve") if approved else made

    def decide(self, grant: str, action: str, **given: Any) -> Any:
        """Approve, suspend or revoke a grant."""
        return self.grantor.made(f"/free-use-grants/{grant}/{action}", {"reason": "reviewed", **given}, 200)

    def quote(self, offering: str = "offering", quantity: str = "100", **given: Any) -> Any:
        """Ask for a quote as the operator; its contract runs from 2025-03-01 until 2027-03-01."""
        body = {
            "buyer": "buyer",
            "valid_until": "2025-03-31",
            "effective_from": START,
            "effective_until": "2027-03-01",
            "items": [{"offering": offering, "quantity": quantity}],
        }
        return self.operator.made("/quotes", {**body, **given})

    def accepted(self, offering: str = "offering", quantity: str = "100", **given: Any) -> str:
        """Quote, accept as the buyer, and return the contract's id."""
        quote = self.quote(offering, quantity, **given)
        answer = _done(self.buyer.post(f"/quotes/{quote['id']}/accept"))
        return str(answer["contract"]["id"])

    def contract(self, *offerings: str, **given: Any) -> Any:
        """Open a contract at the public tariff, with the buyer's consent named."""
        body = {
            "buyer": "buyer",
            "offerings": list(offerings or ["offering"]),
            "effective_from": START,
            "consent_reference": self.number("consent"),
        }
        return self.operator.made("/contracts", {**body, **given})

    def usage(self, contract: str, offering: str, quantity: str, time: str, **given: Any) -> Any:
        """Send one usage event and return the answer to its batch."""
        event = usage_event(self.number("event"), contract, offering, quantity, time)
        return _done(self.operator.post("/usage-events", {"events": [{**event, **given}]}))

    def clock(self, instant: str) -> None:
        """Move the sandbox's clock forward; a day alone means its first moment in Shanghai."""
        now = instant if "T" in instant else f"{instant}T00:00:00+08:00"
        self.admin.made("/sandbox/clock", {"now": now}, 200)

    def invoice(self, contract: str, month: str) -> Any:
        """Bill a contract's month."""
        return _done(self.operator.post("/invoices", {"contract": contract, "month": month}))

    def payment(self, invoice: str, amount: str, received_on: str, **given: Any) -> Any:
        """Record a payment for one bill."""
        body = {
            "amount": amount,
            "received_on": received_on,
            "bank_reference": self.number("bank"),
            "allocations": [{"invoice": invoice, "amount": amount}],
        }
        return self.operator.made("/payments", {**body, **given})

    def number(self, series: str) -> str:
        """Return a new number such as ``decision-7``."""
        return f"{series}-{next(self._numbers)}"


def _done(answer: TestResponse) -> Any:
    """Require success, whether or not something was created, and return the document."""
    assert 200 <= answer.status_code < 300, answer.text
    return answer.json


def authorisation_body(agreement_no: str = "agreement") -> dict[str, Any]:
    """The body of an authorisation by the grantor, of everything, from 2024-01-01 until 2028-12-31."""
    return {
        "agreement_no": agreement_no,
        "operator": "operator",
        "regulator": "regulator",
        "mode": "whole",
        "scope": {"resources": [], "fields": [], "scenarios": []},
        "effective_from": "2024-01-01",
        "effective_until": "2028-12-31",
        "operating_since": "2020-01-01",
    }


def product_body(code: str = "product") -> dict[str, Any]:
    """The body of a product sold by the call, registered from 2025-02-01 until 2028-02-01."""
    return {
        "code": code,
        "name": "Company check",
        "form": "api",
        "resources": ["resource"],
        "fields": ["business"],
        "agreement_no": "agreement",
        "registration_level": "local",
        "delivered_on": "2025-01-15",
        "charging_basis": "call",
        "unit": "call",
        "registration_code": "REG-1",
        "registered_on": "2025-02-01",
        "registration_expires_on": "2028-02-01",
    }


def offering_body(code: str = "offering", purpose: str = "industry") -> dict[str, Any]:
    """The body of an offering of the product for a purpose."""
    return {
        "code": code,
        "product": "product",
        "scenario": {
            "code": f"scenario-{code}",
            "name": "Credit check",
            "description": "Check a company before a loan",
            "purpose": purpose,
        },
    }


def grant_body(offering: str = "offering") -> dict[str, Any]:
    """The body of an application for free use from 2025-03-01 until 2026-03-01, with both undertakings."""
    return {
        "offering": offering,
        "purpose_statement": "Warn residents of floods",
        "effective_from": START,
        "effective_until": "2026-03-01",
        "undertakings": {"no_resale": True, "no_commercial_use": True},
    }


def usage_event(event_id: str, contract: str, offering: str, quantity: str, time: str) -> dict[str, Any]:
    """A usage event in the form of CloudEvents 1.0."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "gateway",
        "type": "usage",
        "time": time,
        "subject": contract,
        "data": {"offering": offering, "quantity": quantity},
    }
