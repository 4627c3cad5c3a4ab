"""Redevelopment of an operator's products by its own group is refused, whatever paper it would be done under."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World, grant_body


@pytest.mark.parametrize("use", ["redevelopment", "end_use"])
def test_a_group_may_use_its_operators_products_but_not_redevelop_them(world: World, use: str) -> None:
    """A chain: the operator's head, a daughter of it, and the daughter's daughter, which buys."""
    admin = world.admin
    for code, kinds, parent in (
        ("head", ["region"], None),
        ("house", ["operator"], "head"),
        ("daughter", ["region"], "head"),
        ("granddaughter", ["buyer"], "daughter"),
    ):
        admin.made("/parties", {"code": code, "name": code, "kinds": kinds, "affiliate_of": parent})
    house, buyer = world.client("operator", "house"), world.client("buyer", "granddaughter")
    world.authorisation("house-agreement", operator="house")
    product = {"agreement_no": "house-agreement", "registration_code": "REG-2"}
    world_of_house = World(admin, {("operator", "operator"): house, ("grantor", "grantor"): world.grantor})
    world_of_house.product("house-product", **product)
    for code, purpose in (("sold", "industry"), ("free", "public_welfare")):
        world_of_house.offering(code, purpose, product="house-product", scenario=scenario(code, purpose))
    world_of_house.ceiling("sold")
    world_of_house.tariff("sold")

    quote: dict[str, Any] = {
        "valid_until": "2025-03-31",
        "effective_from": "2025-03-01",
        "effective_until": "2026-03-01",
        "items": [{"offering": "sold", "quantity": "1"}],
    }
    contract: dict[str, Any] = {"offerings": ["sold"], "effective_from": "2025-03-01", "consent_reference": "C"}
    stranger = {"buyer": "other-buyer", "use": use}
    for path, body in (("/quotes", quote), ("/contracts", contract)):
        house.made(path, {**body, **stranger})
    world.other_buyer.made("/free-use-grants", {**grant_body("free"), "use": use})

    asked = [
        (house, "/quotes", {**quote, "buyer": "granddaughter", "use": use}),
        (house, "/contracts", {**contract, "buyer": "granddaughter", "use": use}),
        (buyer, "/free-use-grants", {**grant_body("free"), "use": use}),
    ]
    for client, path, body in asked:
        if use == "redevelopment":
            problem = client.refused(path, body, 422, "redevelopment_by_affiliate")
            assert list(problem["errors"]) == ["use"]
        else:
            assert client.made(path, body)["use"] == "end_use"


def scenario(code: str, purpose: str) -> dict[str, str]:
    return {"code": f"s-{code}", "name": code, "description": "d", "purpose": purpose}
