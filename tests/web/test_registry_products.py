"""Products and their registrations through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.world import World, offering_body, product_body

UNREGISTERED: dict[str, Any] = {"registration_code": None, "registered_on": None, "registration_expires_on": None}


def test_a_product_comes_back_as_it_was_sent_and_says_until_when_it_may_be_sold(world: World) -> None:
    body = product_body("p-2")
    made = world.operator.made("/products", body)
    assert {name: made[name] for name in body} == body
    assert (made["operator"], made["asset"], made["sellable_until"]) == ("operator", "CALL", "2028-02-01")
    assert made["registration_due_on"] is None
    assert world.operator.seen("/products/p-2") == world.operator.seen(f"/products/{made['id']}") == made


@pytest.mark.parametrize(
    ("charging_basis", "unit", "asset"),
    [("item", "record", "RECORD"), ("call", "call", "CALL"), ("duration", "day", "DAY"), ("volume", "gb", "GB")],
)
def test_a_product_that_names_no_unit_gets_that_of_its_charging_basis(
    world: World, charging_basis: str, unit: str, asset: str
) -> None:
    body = {**product_body("p-2"), "charging_basis": charging_basis}
    del body["unit"]
    made = world.operator.made("/products", body)
    assert (made["unit"], made["asset"]) == (unit, asset)


def test_a_unit_in_chinese_is_kept_as_written_and_counted_by_its_code(world: World) -> None:
    made = world.product("p-2", charging_basis="item", unit="条")
    assert (made["unit"], made["asset"]) == ("条", "RECORD")
    problem = world.operator.refused("/products", {**product_body("p-3"), "unit": "千次"}, 422, "unit_unusable")
    assert list(problem["errors"]) == ["unit"]


FAULTY_PRODUCTS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"code": "product"}, 409, "code_taken", "code"),
    ({"agreement_no": "none"}, 404, "not_found", "agreement_no"),
    ({"resources": ["none"]}, 404, "not_found", "resources.0"),
    ({"resources": []}, 400, "malformed", "resources"),
    ({"form": "book"}, 400, "malformed", "form"),
    ({"charging_basis": "kilo"}, 400, "malformed", "charging_basis"),
    ({"registration_level": "village"}, 400, "malformed", "registration_level"),
    ({"delivered_on": 20250101}, 400, "malformed", "delivered_on"),
    ({"registration_expires_on": "2025-02-01"}, 422, "dates_reversed", "registration_expires_on"),
    ({"registered_on": None}, 422, "registration_incomplete", "registered_on"),
    ({"unit": "x" * 33}, 400, "malformed", "unit"),
]


def test_a_faulty_product_is_refused_by_the_field_at_fault(world: World) -> None:
    for change, status, code, field in FAULTY_PRODUCTS:
        problem = world.operator.refused("/products", {**product_body("p-2"), **change}, status, code)
        assert list(problem["errors"]) == [field]


def test_nobody_makes_products_under_an_agreement_of_another_operator(world: World) -> None:
    problem = world.rival.refused("/products", product_body("p-2"), 404, "not_found")
    assert list(problem["errors"]) == ["agreement_no"]


@pytest.mark.parametrize(
    ("scope", "change", "field"),
    [
        ({"resources": ["resource"]}, {"resources": ["resource", "res-2"]}, "resources"),
        ({"fields": ["business"]}, {"fields": ["business", "health"]}, "fields"),
        ({"fields": ["business"]}, {"fields": []}, "fields"),
    ],
)
def test_what_the_authorisation_does_not_cover_makes_no_product(
    world: World, scope: dict[str, list[str]], change: dict[str, list[str]], field: str
) -> None:
    world.resource("res-2")
    world.authorisation("narrow", scope=scope)
    body = {**product_body("p-2"), "agreement_no": "narrow"}
    problem = world.operator.refused("/products", {**body, **change}, 422, "out_of_scope")
    assert list(problem["errors"]) == [field]
    world.product("p-2", agreement_no="narrow")


def test_after_the_end_of_its_authorisation_no_product_is_made(world: World) -> None:
    world.authorisation("short", effective_until="2025-04-01")
    world.clock("2025-03-31T23:59:00+08:00")
    world.product("in-time", agreement_no="short")
    world.clock("2025-04-01")
    body = {**product_body("too-late"), "agreement_no": "short"}
    world.operator.refused("/products", body, 422, "authorisation_lapsed")


def test_products_are_seen_by_those_they_concern_and_by_buyers(world: World) -> None:
    world.authorisation("other", operator="rival", regulator="other-regulator")
    world.rival.made("/products", {**product_body("rivals"), "agreement_no": "other"})
    expected: list[tuple[Client, set[str]]] = [
        (world.operator, {"product"}),
        (world.rival, {"rivals"}),
        (world.grantor, {"product", "rivals"}),
        (world.other_grantor, set()),
        (world.regulator, {"product"}),
        (world.other_regulator, {"rivals"}),
        (world.buyer, {"product", "rivals"}),
        (world.auditor, {"product", "rivals"}),
    ]
    for client, seen in expected:
        assert {item["code"] for item in client.seen("/products")["items"]} == seen
        assert client.get("/products/rivals").status_code == (200 if "rivals" in seen else 404)


def test_an_unregistered_product_is_sold_for_twenty_working_days_and_then_not(world: World) -> None:
    made = world.product("p-2", delivered_on="2025-02-28", **UNREGISTERED)
    assert (made["registration_due_on"], made["registration_due_certain"]) == ("2025-03-28", True)
    assert made["sellable_until"] == "2025-03-29"
    world.clock("2025-03-28T23:59:00+08:00")
    world.operator.made("/offerings", {**offering_body("in-time"), "product": "p-2"})
    world.clock("2025-03-29")
    late = {**offering_body("too-late"), "product": "p-2"}
    world.operator.refused("/offerings", late, 422, "registration_lapsed")


def test_a_product_delivered_on_the_calendars_last_days_has_no_day_after_them_to_register(world: World) -> None:
    made = world.product("p-2", delivered_on="9999-12-31", **UNREGISTERED)
    assert (made["registration_due_on"], made["registration_due_certain"]) == ("9999-12-31", False)


def test_a_product_is_on_sale_again_once_its_registration_is_recorded(world: World) -> None:
    world.product("p-2", delivered_on="2024-06-03", **UNREGISTERED)
    body = {**offering_body("o-2"), "product": "p-2"}
    world.operator.refused("/offerings", body, 422, "registration_lapsed")
    registration = {
        "registration_code": "REG-9",
        "registered_on": "2025-03-01",
        "registration_expires_on": "2028-03-01",
    }
    made = world.operator.made("/products/p-2/registrations", registration)
    assert {name: made[name] for name in registration} == registration
    assert (made["sellable_until"], made["registration_due_on"]) == ("2028-03-01", None)
    world.operator.made("/offerings", body)


def test_a_registration_is_valid_for_three_years_or_the_operating_term_whatever_it_says(world: World) -> None:
    made = world.product("p-2", registration_expires_on="2031-01-01")
    assert (made["registration_expires_on"], made["sellable_until"]) == ("2031-01-01", "2028-02-01")
    world.authorisation("short", effective_until="2026-01-01")
    made = world.product("p-3", agreement_no="short", registration_expires_on="2031-01-01")
    assert made["sellable_until"] == "2026-01-01"


def test_a_registration_is_renewed_in_its_last_sixty_days_and_lapses_without(world: World) -> None:
    renewal = {
        "registration_code": "REG-1b",
        "registered_on": "2028-02-01",
        "registration_expires_on": "2028-12-31",
    }
    world.clock("2027-12-02")
    problem = world.operator.refused("/products/product/registrations", renewal, 422, "renewal_too_early")
    assert problem["renewable_from"] == "2027-12-03"
    world.clock("2027-12-03")
    world.operator.made("/products/product/registrations", renewal)
    world.product("p-2")
    world.clock("2028-02-01")
    world.operator.made("/offerings", offering_body("o-1"))
    lapsed = {**offering_body("o-2"), "product": "p-2"}
    world.operator.refused("/offerings", lapsed, 422, "registration_lapsed")


def test_nobody_registers_the_product_of_another(world: World) -> None:
    registration = {
        "registration_code": "REG-9",
        "registered_on": "2025-03-01",
        "registration_expires_on": "2028-03-01",
    }
    world.rival.refused("/products/product/registrations", registration, 404, "not_found")
