"""Who may call what, for every route and every role: 401 without a key, 403 in the wrong role, 404 for another's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from schemas.registry import ROLES
from tests.client import BASE, Client
from tests.web.everything import Everything, distribution_body, made_in
from tests.web.price_bodies import application_body, cap_body, cap_year, ceiling_body, per_unit
from tests.world import World, offering_body, product_body, usage_event
from web.door import ROLES_OF_VIEW

REFUSED_UNREAD: Mapping[str, Any] = {"data": b"{", "content_type": "text/plain", "query_string": {"nonsense": "1"}}
"""A request in which nothing is right, so that an answer of 401 or 403 shows that nothing of it was read."""

EVERYBODY = frozenset(ROLES)
PUBLISHED: Mapping[str, frozenset[str]] = {
    "/parties/": EVERYBODY,
    "/offerings/": EVERYBODY,
    "/ceilings/": EVERYBODY,
    "/tariffs/": EVERYBODY,
    "/resources/": frozenset({"operator", "grantor", "regulator"}),
    "/products/": frozenset({"provider", "buyer"}),
    "/ledger/seals/": frozenset({"operator", "regulator"}),
}
"""What a role may read of others, so that it can find what to ask for; all else is a party's own."""

NO_PARTY_TO: Mapping[str, frozenset[str]] = {
    "/statements/": frozenset({"grantor", "buyer"}),
    "/payouts/": frozenset({"grantor", "buyer"}),
    "/complaints/": frozenset({"provider"}),
}
"""Roles that may read some of these, as beneficiaries, but not the ones of this world."""

REASON = {"reason": "because"}
BODIES: Mapping[str, Any] = {
    "/products/{ref}/registrations": {
        "registration_code": "R",
        "registered_on": "2028-01-01",
        "registration_expires_on": "2031-01-01",
    },
    "/offerings/{ref}/classification/confirm": {"decision_no": "D", "effective_from": "2025-06-01"},
    "/free-use-grants/{grant_id}/approve": REASON,
    "/free-use-grants/{grant_id}/suspend": REASON,
    "/free-use-grants/{grant_id}/revoke": REASON,
    "/free-use-grants/{grant_id}/review": {"finding": "F", "outcome": "continue"},
    "/free-use-grants/{grant_id}/rerate": {"decision_no": "D", "from_date": "2025-03-01", **REASON},
    "/free-use-grants/{grant_id}/evidence": {"name": "N", "media_type": "text/plain", "content": "bGV0dGVy"},
    "/complaints/{complaint_id}/answer": {"text": "T"},
    "/complaints/{complaint_id}/close": {"text": "T"},
    "/breaches/{breach_id}/refund": None,
    "/breaches/{breach_id}/order": {"decision_no": "D", "measures": ["refund"], "text": "T"},
    "/breaches/{breach_id}/answer": {"text": "T"},
    "/breaches/{breach_id}/close": REASON,
    "/revenue-cap-applications/{application_id}/evaluate": {"outcome": "accepted", "finding": "because"},
    "/revenue-caps/{cap_id}/years": {
        "decision_no": "D",
        "decided_on": "2025-04-01",
        "years": [cap_year(2025, [["platform", "commercial", "1.00"]])],
    },
    "/duties/{duty_id}/fulfil": {"statement": "because", "no_change_reason": "because"},
    "/duties/{duty_id}/confirm": {"statement": "because"},
    "/quotes/{quote_id}/accept": None,
    "/quotes/{quote_id}/withdraw": None,
    "/contracts/{contract_id}/accept": None,
    "/refused-usage-events/{refused_id}/replay": None,
    "/distribution-agreements/{agreement_id}/sign": None,
    "/invoices/{invoice_id}/application": {"title": "T", "taxpayer_no": "91330106MA2CFRPB0X", "kind": "general"},
    "/invoices/{invoice_id}/fapiao": {"fapiao_no": "1" * 20, "issued_on": "2025-05-01"},
    "/invoices/{invoice_id}/credit-notes": {"amount": "1.00", "reason": "allowance"},
    "/invoices/{invoice_id}/credit-notes/{note_id}/red-confirmation": {"red_confirmation_no": "R"},
    "/operating-costs/{cost_id}/reverse": REASON,
    "/disputes/{dispute_id}/accept": {"amount": "1.00"},
    "/disputes/{dispute_id}/reject": REASON,
}
"""Bodies that fit, so that it is the object alone that a stranger's request fails by."""


@dataclass(frozen=True)
class Route:
    """A route of the document: its path below the base, its method, and the roles that it is for."""

    path: str
    method: str
    roles: frozenset[str]

    @property
    def collection(self) -> str:
        """The path until the first reference, which says what kind of thing is asked for."""
        return self.path.partition("{")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(app: Flask) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(BASE):
            continue
        roles = getattr(app.view_functions[rule.endpoint], ROLES_OF_VIEW, frozenset({"public"}))
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix(BASE))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(path, method, roles)


def guarded(app: Flask) -> list[Route]:
    return [route for route in routes(app) if "public" not in route.roles]


@pytest.fixture
def everything(world: World) -> Everything:
    return made_in(world)


def party_to_it(world: World, role: str) -> Client:
    """The caller of a role to whom the things of this world belong."""
    return world.admin if role == "admin" else world.client(role, None if role == "auditor" else role)


def stranger(world: World, role: str) -> Client | None:
    """The caller of a role that has nothing to do with them; an administrator and an auditor see everything."""
    if role in ("admin", "auditor"):
        return None
    return world.rival if role == "operator" else world.client(role, f"other-{role}")


def send(client: Client, route: Route, path: str, body: Any) -> TestResponse:
    if route.method == "GET":
        return client.get(path, **({"source": "gateway"} if path.startswith("/usage-events/") else {}))
    return client.post(path, body) if route.method == "POST" else client.put(path, body)


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json", answer.text
    return answer.status_code, (answer.json or {})["code"]


def test_no_route_reads_a_request_without_a_key(app: Flask, subtests: pytest.Subtests) -> None:
    for route in guarded(app):
        for headers in ({}, {"Authorization": "Bearer key_unknown.secret"}):
            with subtests.test(f"{route} {headers}"):
                answer = app.test_client().open(
                    f"{BASE}{route.path}", method=route.method, headers=headers, **REFUSED_UNREAD
                )
                assert problem(answer) == (401, "unauthenticated")


def test_no_route_reads_a_request_in_the_wrong_role(
    app: Flask, everything: Everything, subtests: pytest.Subtests
) -> None:
    for route in guarded(app):
        path = f"{BASE}{everything.filled(route.path)}"
        for role in sorted(EVERYBODY - route.roles):
            with subtests.test(f"{route} as {role}"):
                headers = {"Authorization": f"Bearer {party_to_it(everything.world, role).key}"}
                answer = app.test_client().open(path, method=route.method, headers=headers, **REFUSED_UNREAD)
                assert problem(answer) == (403, "forbidden")


def test_what_is_read_by_its_reference_is_there_for_those_whose_it_is_alone(
    app: Flask, everything: Everything, subtests: pytest.Subtests
) -> None:
    for route in guarded(app):
        if route.method != "GET" or "{" not in route.path:
            continue
        path = everything.filled(route.path)
        for role in sorted(route.roles):
            with subtests.test(f"{route} as {role}"):
                outside = role in NO_PARTY_TO.get(route.collection, ())
                found = send(party_to_it(everything.world, role), route, path, None)
                assert found.status_code == (404 if outside else 200), found.text
            other = stranger(everything.world, role)
            if other is not None:
                with subtests.test(f"{route} as another {role}"):
                    published = role in PUBLISHED.get(route.collection, ())
                    found = send(other, route, path, None)
                    assert found.status_code == (200 if published else 404), found.text


def test_nobody_acts_on_what_is_anothers(app: Flask, everything: Everything, subtests: pytest.Subtests) -> None:
    for route in guarded(app):
        if route.method == "GET" or "{" not in route.path:
            continue
        for role in sorted(route.roles - {"admin"}):
            with subtests.test(f"{route} as another {role}"):
                other = stranger(everything.world, role)
                assert other is not None
                answer = send(other, route, everything.filled(route.path), BODIES[route.path])
                assert problem(answer) == (404, "not_found")


def test_what_is_anothers_is_refused_as_what_is_not_there(
    app: Flask, everything: Everything, subtests: pytest.Subtests
) -> None:
    """Nothing but the reference itself tells the two answers apart."""
    for route in guarded(app):
        if route.method == "GET" or "{" not in route.path:
            continue
        path = everything.filled(route.path)
        reference = everything.paths[re.sub(r"\{.*?\}", "{}", route.path).partition("{}")[0]]
        if not re.search(r"_[0-9a-f]{32}$", reference):
            continue
        for role in sorted(route.roles - {"admin"}):
            with subtests.test(f"{route} as another {role}"):
                other = stranger(everything.world, role)
                assert other is not None
                nothing = f"{reference[:-12]}{'0' * 12}"
                anothers = send(other, route, path, BODIES[route.path]).json or {}
                missing = send(other, route, path.replace(reference, nothing), BODIES[route.path]).json or {}
                assert anothers["detail"].replace(reference, nothing) == missing["detail"]


def test_no_list_shows_what_is_anothers(app: Flask, everything: Everything, subtests: pytest.Subtests) -> None:
    for route in guarded(app):
        if route.method != "GET" or f"{route.path}/" not in everything.paths:
            continue
        reference = everything.paths[f"{route.path}/"]
        for role in sorted(route.roles):
            with subtests.test(f"{route} as {role}"):
                outside = role in NO_PARTY_TO.get(f"{route.path}/", ())
                assert (reference in listed(party_to_it(everything.world, role), route.path)) is not outside
            other = stranger(everything.world, role)
            if other is not None:
                with subtests.test(f"{route} as another {role}"):
                    published = role in PUBLISHED.get(f"{route.path}/", ())
                    assert (reference in listed(other, route.path)) is published


def listed(client: Client, path: str) -> set[str]:
    items = client.seen(path, limit=1000)["items"]
    return {item[name] for item in items for name in ("id", "code", "agreement_no") if name in item}


def test_no_body_names_what_is_anothers(everything: Everything, subtests: pytest.Subtests) -> None:
    world = everything.world
    contract, bill = everything.paths["/contracts/"], everything.paths["/invoices/"]
    statement = everything.paths["/statements/"]
    line = {"offering": "offering", "quantity": "1"}
    quote = {
        "valid_until": "2025-05-20",
        "effective_from": "2025-05-01",
        "effective_until": "2026-05-01",
        "items": [line],
    }
    writeoff = {**line, "contract": contract, "month": "2025-03", "reason": "because"}
    payment = {
        "amount": "1.00",
        "received_on": "2025-05-01",
        "bank_reference": "B",
        "allocations": [{"invoice": bill, "amount": "1.00"}],
    }
    payout = {"statement": statement, "paid_on": "2025-05-01", "bank_reference": "B"}
    cost = {
        "month": "2025-03",
        "head": "platform",
        "use": "commercial",
        "amount": "10.00",
        "document_no": "V",
        "text": "Servers",
        "occurred_on": "2025-03-31",
        "offering": "offering",
    }
    filing = {"report": "cap_compliance", "operator": "operator", "year": 2024}
    resource = {
        "code": "r",
        "name": "R",
        "provider": "provider",
        "grade": "general",
        "confidentiality": "open",
        "is_raw": False,
        "registered_on": "2025-01-01",
        "registration_expires_on": "2026-01-01",
    }
    cases: list[tuple[Client, str, Any, str]] = [
        (world.other_provider, "/resources", resource, "provider"),
        (world.rival, "/products", product_body("p"), "agreement_no"),
        (world.rival, "/offerings", offering_body("o"), "product"),
        (world.other_regulator, "/revenue-caps", cap_body("operator"), "operator"),
        (world.other_regulator, "/revenue-evaluations", {"operator": "operator", "year": 2024}, "operator"),
        (world.rival, "/revenue-cap-applications", application_body(), "regulator"),
        (world.other_grantor, "/ceilings", ceiling_body("offering"), "offering"),
        (world.rival, "/tariffs", per_unit("offering", "0.50"), "offering"),
        (world.rival, "/quotes", {**quote, "buyer": "buyer"}, "items.0.offering"),
        (world.other_buyer, "/quotes", {**quote, "buyer": "buyer"}, "buyer"),
        (
            world.rival,
            "/contracts",
            {"buyer": "buyer", "offerings": ["offering"], "effective_from": "2025-05-01"},
            "offerings.0",
        ),
        (world.rival, "/usage-writeoffs", writeoff, "contract"),
        (world.rival, "/entitlements/check", {**line, "contract": contract}, "contract"),
        (world.other_buyer, "/entitlements/check", {**line, "contract": contract}, "contract"),
        (world.rival, "/invoices", {"contract": contract, "month": "2025-04"}, "contract"),
        (world.other_buyer, "/invoices", {"contract": contract, "month": "2025-04"}, "contract"),
        (world.rival, "/payments", payment, "allocations.0.invoice"),
        (world.other_buyer, "/disputes", {"invoice": bill, "reason": "because"}, "invoice"),
        (world.other_buyer, "/disputes", {"contract": contract, "reason": "because"}, "contract"),
        (world.rival, "/distribution-agreements", distribution_body(), "operator"),
        (world.other_grantor, "/distribution-agreements", distribution_body(), "offerings.0"),
        (world.rival, "/settlements", {"operator": "operator", "month": "2025-04"}, "operator"),
        (world.rival, "/payouts", payout, "statement"),
        (world.rival, "/ledger/periods", {"operator": "operator", "month": "2025-04"}, "operator"),
        (world.rival, "/reports/filings", filing, "operator"),
        (world.rival, "/operating-costs", {"items": [cost]}, "items.0.offering"),
        (world.other_regulator, "/reports/filings", filing, "operator"),
    ]
    for client, path, body, field in cases:
        with subtests.test(f"{path} {field}"):
            assert field in client.refused(path, body, 404, "not_found")["errors"]
    with subtests.test("/usage-events subject"):
        event = usage_event("e", contract, "offering", "1", "2025-04-20T00:00:00+08:00")
        results = world.rival.made("/usage-events", {"events": [event]})["results"]
        assert [(result["status"], result["code"]) for result in results] == [("refused", "contract_unknown")]


def test_no_query_names_what_is_anothers(everything: Everything, subtests: pytest.Subtests) -> None:
    world = everything.world
    contract = everything.paths["/contracts/"]
    use = {"contract": contract, "offering": "offering"}
    days = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
    overseers = (world.rival, world.other_regulator)
    parties = (world.rival, world.other_buyer, world.other_regulator)
    cases: list[tuple[tuple[Client, ...], str, dict[str, str]]] = [
        ((*parties, world.other_grantor), "/usage", use),
        ((*parties, world.other_grantor), "/invoices/preview", {"contract": contract, "month": "2025-04"}),
        (parties, "/balances", {"operator": "operator", "buyer": "buyer"}),
        ((*overseers, world.other_grantor), "/reports/cap-compliance", days),
        ((*overseers, world.other_grantor), "/reports/cap-compliance.csv", days),
        ((*overseers, world.other_grantor), "/reports/cap-compliance/charges", days),
        ((*overseers, world.other_grantor), "/reports/cap-compliance/charges.csv", days),
        ((*overseers, world.other_grantor), "/reports/price-parity", days),
        ((*overseers, world.other_grantor), "/reports/price-parity.csv", days),
        ((*overseers, world.other_grantor), "/reports/revenue-position", {"operator": "operator", "year": "2025"}),
        ((*overseers, world.other_grantor), "/reports/revenue-position.svg", {"operator": "operator", "year": "2025"}),
        (
            (*overseers, world.other_grantor),
            "/reports/carry-in",
            {"operator": "operator", "cycle_from": "2025-01-01"},
        ),
        (overseers, "/ledger/accounts", {"operator": "operator"}),
        (overseers, "/ledger/transactions", {"operator": "operator"}),
        (overseers, "/ledger/trial-balance", {"operator": "operator"}),
        (overseers, "/ledger/export", {"operator": "operator", "format": "csv"}),
        (overseers, "/ledger/periods", {"operator": "operator"}),
    ]
    for clients, path, query in cases:
        for number, client in enumerate(clients):
            with subtests.test(f"{path} {number}"):
                assert problem(client.get(path, **query)) == (404, "not_found")


def test_no_books_and_no_log_of_others_are_shown(everything: Everything) -> None:
    for client in (everything.world.rival, everything.world.other_regulator):
        for path in ("/ledger/accounts", "/ledger/transactions", "/audit-log"):
            shown = client.seen(path, limit=1000)["items"]
            assert not [item for item in shown if item.get("operator", item.get("party")) == "operator"], path
        assert client.seen("/ledger/trial-balance")["items"] == []
        for path in ("/invoices", "/usage-events"):
            assert client.seen(path, contract=everything.paths["/contracts/"])["items"] == []
