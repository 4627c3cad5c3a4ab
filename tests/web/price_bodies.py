"""Bodies of prices as an operator, a grantor and a price authority would send them, and operators to send them for."""

from __future__ import annotations

from typing import Any

from tests.client import Client
from tests.world import World, authorisation_body, offering_body, product_body


def ceiling_body(offering: str, unit_price: str = "1.00", **given: Any) -> dict[str, Any]:
    """A ceiling per call, tax-exclusive, from the sandbox's first day on, with its report."""
    return {
        "offering": offering,
        "price_basis": "tax_exclusive",
        "charging_form": "call",
        "unit_price": unit_price,
        "per_quantity": "1",
        "effective_from": "2025-03-01",
        "decision_no": "D-1",
        "factors": {"data": "one resource", "computing": "little", "storage": "little", "personnel": "two people"},
        "report": {"report_no": "R-1", "reported_on": "2025-02-20", "recipients": ["the city's price authority"]},
        **given,
    }


def tariff_body(offering: str, **given: Any) -> dict[str, Any]:
    """A tariff, tax-exclusive, from the sandbox's first day on; the model and its fields are the caller's to give."""
    frame = {
        "offering": offering,
        "effective_from": "2025-03-01",
        "price_basis": "tax_exclusive",
        "relief": "none",
    }
    return {name: value for name, value in {**frame, **given}.items() if value is not None}


def per_unit(offering: str, unit_price: str, **given: Any) -> dict[str, Any]:
    """A tariff with one price."""
    return tariff_body(offering, model="per_unit", unit_price=unit_price, **given)


def cap_year(year: int, costs: list[list[str]], **given: str) -> dict[str, Any]:
    """The figures of one year; a cost is [head, use, amount]."""
    return {
        "year": year,
        "costs": [dict(zip(("head", "use", "amount"), cost, strict=True)) for cost in costs],
        "subsidies": given.get("subsidies", "0.00"),
        "tax": {"vat": given.get("vat", "0.00"), "other": given.get("other", "0.00")},
    }


def cap_body(operator: str, **given: Any) -> dict[str, Any]:
    """A determination for 2025 that comes to 1,000,000.00: cost alone, without profit and taxes."""
    return {
        "operator": operator,
        "cycle_from": "2025-01-01",
        "cycle_until": "2026-01-01",
        "decision_no": "C-1",
        "decided_on": "2025-03-01",
        "revenue_basis": "tax_exclusive",
        "cost_survey_year": 2024,
        "bond_yield_percent": "0",
        "bond_yield_source": "the central depository's yield curve",
        "markup_points": "0",
        "years": [cap_year(2025, [["platform", "commercial", "1000000"]])],
        **given,
    }


def application_body(**given: Any) -> dict[str, Any]:
    """An operator's application to its price authority, with the figures of 2026: 500,000.00 of commercial cost."""
    return {
        "regulator": "regulator",
        "cost_survey_year": 2025,
        "years": [cap_year(2026, [["platform", "commercial", "500000.00"]])],
        "statement": "The trial is over",
        **given,
    }


def new_operator(world: World, code: str, **authorisation: Any) -> Client:
    """Return another operator of the same grantor and price authority, with an agreement and a product of its own."""
    world.admin.made("/parties", {"code": code, "name": f"Party {code}", "kinds": ["operator"]})
    agreement = {**authorisation_body(f"agreement-{code}"), "operator": code, **authorisation}
    world.grantor.made("/authorisations", agreement)
    client = world.client("operator", code)
    client.made("/products", {**product_body(f"product-{code}"), "agreement_no": f"agreement-{code}"})
    return client


def new_offering(operator: Client, world: World, code: str, product: str) -> str:
    """Offer a product to industry, confirmed, and return the offering's code."""
    operator.made("/offerings", {**offering_body(code), "product": product})
    world.confirm(code)
    return code
