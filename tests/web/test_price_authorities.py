"""Which price authority determines, by the level at which products are registered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.web.price_bodies import cap_body, cap_year, new_offering
from tests.world import World, product_body

APPOINTMENTS = "/price-authority-appointments"


def appointment(**given: Any) -> dict[str, Any]:
    return {
        "operator": "operator",
        "regulator": "other-regulator",
        "registration_level": "national",
        "effective_from": "2025-03-01",
        "decision_no": "A-1",
        **given,
    }


def level_cap(level: str, maximum: str, **given: Any) -> dict[str, Any]:
    years = [cap_year(2025, [["platform", "commercial", maximum]])]
    return cap_body("operator", registration_level=level, decision_no=f"C-{level}", years=years, **given)


@pytest.fixture
def divided(world: World) -> World:
    """A world in which another price authority is appointed for the operator's national products, of which one is."""
    world.admin.made(APPOINTMENTS, appointment())
    world.operator.made("/products", {**product_body("atlas"), "registration_level": "national"})
    new_offering(world.operator, world, "maps", "atlas")
    return world


def test_the_authority_appointed_for_a_level_determines_it_and_no_other(divided: World) -> None:
    national, local = level_cap("national", "2000"), level_cap("local", "1000")
    for client, body in ((divided.regulator, national), (divided.other_regulator, local)):
        problem = client.refused("/revenue-caps", body, 422, "not_price_authority")
        assert problem["registration_level"] == body["registration_level"]
    made = divided.other_regulator.made("/revenue-caps", national)
    assert (made["registration_level"], made["regulator"]) == ("national", "other-regulator")
    assert divided.regulator.made("/revenue-caps", local)["registration_level"] == "local"


def test_one_cap_is_determined_for_an_operator_a_level_and_a_cycle(divided: World) -> None:
    divided.other_regulator.made("/revenue-caps", level_cap("national", "2000"))
    divided.other_regulator.refused("/revenue-caps", level_cap("national", "2000"), 422, "overlapping_version")
    divided.regulator.made("/revenue-caps", level_cap("local", "1000"))
    divided.admin.made(APPOINTMENTS, appointment(registration_level="local"))
    everything = cap_body("operator")
    divided.other_regulator.refused("/revenue-caps", everything, 422, "overlapping_version")


def test_a_cap_for_all_products_is_not_for_an_authority_where_another_is_appointed(divided: World) -> None:
    divided.regulator.refused("/revenue-caps", cap_body("operator"), 422, "not_price_authority")
    divided.other_regulator.made("/revenue-caps", cap_body("operator"))


def test_without_an_appointment_the_authority_that_an_authorisation_names_determines(world: World) -> None:
    world.regulator.made("/revenue-caps", level_cap("local", "1000"))
    world.regulator.refused("/revenue-caps", level_cap("national", "1000"), 422, "not_price_authority")


def test_an_appointment_holds_from_its_day_until_its_end_or_the_next(world: World) -> None:
    world.admin.made(APPOINTMENTS, appointment(registration_level="local", effective_until="2025-04-01"))
    overlapping = appointment(registration_level="local", effective_from="2025-03-31", regulator="regulator")
    world.admin.refused(APPOINTMENTS, overlapping, 422, "overlapping_version")
    world.regulator.refused("/revenue-caps", level_cap("local", "1000"), 422, "not_price_authority")
    world.clock("2025-04-01")
    world.other_regulator.refused("/revenue-caps", level_cap("local", "1000"), 422, "not_price_authority")
    world.regulator.made("/revenue-caps", level_cap("local", "1000"))
    reversed_days = appointment(effective_until="2025-03-01")
    world.admin.refused(APPOINTMENTS, reversed_days, 422, "dates_reversed")


def test_an_appointed_authority_oversees_the_operator(divided: World) -> None:
    days = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
    report = divided.other_regulator.seen("/reports/cap-compliance", **days)
    assert [party["code"] for party in report["regulator"]] == ["other-regulator", "regulator"]
    for path in ("/authorisations/agreement", "/products/atlas"):
        assert divided.other_regulator.get(path).status_code == 200
    divided.admin.made(APPOINTMENTS, appointment(operator="rival", decision_no="A-2"))
    body = {**level_cap("national", "1000"), "operator": "rival"}
    assert divided.other_regulator.made("/revenue-caps", body)["operator"] == "rival"
    assert [each["operator"] for each in divided.other_regulator.seen(APPOINTMENTS)["items"]] == ["operator", "rival"]
    assert [each["decision_no"] for each in divided.rival.seen(APPOINTMENTS)["items"]] == ["A-2"]
    assert divided.other_grantor.seen(APPOINTMENTS)["items"] == []


def test_revenue_is_compared_for_the_offerings_of_the_level(divided: World) -> None:
    divided.other_regulator.made("/revenue-caps", level_cap("national", "2000"))
    divided.regulator.made("/revenue-caps", level_cap("local", "1000"))
    divided.priced()
    divided.ceiling("maps")
    divided.tariff("maps", "0.50")
    for offering, quantity in (("offering", "1000"), ("maps", "600")):
        contract = divided.contract(offering)["id"]
        divided.usage(contract, offering, quantity, "2025-03-01T00:00:00+08:00")
    asked = {"operator": "operator", "year": "2025"}
    for level, actual, used in (("national", "300.00", "15.00"), ("local", "500.00", "50.00")):
        position = divided.regulator.seen("/reports/revenue-position", **asked, registration_level=level)
        assert (position["registration_level"], position["accrued"]) == (level, actual)
        assert (position["actual"], position["percent_used"]) == (actual, used)
    unnamed = divided.regulator.get("/reports/revenue-position", **asked)
    assert (unnamed.status_code, unnamed.json and unnamed.json["code"]) == (422, "registration_level_needed")
    rows = divided.regulator.seen(
        "/reports/cap-compliance", operator="operator", **{"from": "2025-01-01", "until": "2026-01-01"}
    )["revenue"]
    by_level = {row["registration_level"]: row["compared_actual"] for row in rows if row["scope"] == "cycle"}
    assert by_level == {"national": "300.00", "local": "500.00"}
    period = next(row for row in rows if row["scope"] == "period")
    assert (period["compared_actual"], period["maximum_permitted_revenue"]) == ("800.00", "3000.00")


def test_ceilings_are_held_against_the_maximum_of_their_level(divided: World) -> None:
    divided.other_regulator.made("/revenue-caps", level_cap("national", "2000"))
    divided.regulator.made("/revenue-caps", level_cap("local", "1000"))
    divided.offering()
    national = divided.ceiling("maps", planned_sales_volume="1500")
    assert national["ceilings_test"]["maximum_permitted_revenue"] == "2000.00"
    local = divided.ceiling(planned_sales_volume="1000")
    assert local["ceilings_test"]["possible_revenue"] == "1000.00"
    assert [each["offering"] for each in local["ceilings_test"]["ceilings"]] == ["offering"]


def test_appointments_are_entered_by_an_administrator_for_operators_and_price_authorities(world: World) -> None:
    def refused(client: Client, **given: Any) -> Any:
        return client.post(APPOINTMENTS, appointment(**given)).status_code

    assert refused(world.regulator) == 403
    assert refused(world.admin, operator="buyer") == refused(world.admin, regulator="grantor") == 404
    assert refused(world.admin, registration_level="provincial") == 400


def test_who_is_appointed_for_a_day_to_come_oversees_nothing_until_then(world: World) -> None:
    appointment = {
        "operator": "operator",
        "regulator": "other-regulator",
        "registration_level": "national",
        "effective_from": "2025-06-01",
        "decision_no": "A-9",
    }
    world.admin.made("/price-authority-appointments", appointment)
    query = {"operator": "operator", "from": "2025-03-01", "until": "2025-04-01"}
    assert world.other_regulator.get("/reports/cap-compliance", **query).status_code == 404
    world.clock("2025-06-01")
    assert world.other_regulator.get("/reports/cap-compliance", **query).status_code == 200
