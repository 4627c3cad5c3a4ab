"""Fixed prices, their ceilings and the warnings of a price, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from settlement import invoices
from tests.web.flow_story import require_sound_books
from tests.web.price_bodies import ceiling_body, tariff_body
from tests.world import World

FLAT = {"model": "flat_period", "period": "year", "price": "1200.00"}
BASE = {"base_price": "1200", "base_price_period": "year"}
INVERTED = [
    {"up_to": "100", "unit_price": "2", "flat_fee": "10.00"},
    {"up_to": "200", "unit_price": "1"},
    {"unit_price": "0.5", "flat_fee": "50.00"},
]


def _above(world: World, **query: str) -> Any:
    return world.operator.seen("/tariffs/above-ceiling", operator="operator", **query)["items"]


def test_a_lowered_fixed_part_refuses_at_quote_and_acceptance_and_caps_at_billing(world: World) -> None:
    world.offering()
    world.ceiling(price="0.50", decision_no="D-1", **BASE)
    world.tariff(**FLAT)
    taken, waiting = world.accepted(), world.quote()
    line = waiting["lines"][0]
    assert (line["fixed_price"], line["net"]) == (
        {"price": "1200.00", "period": "year", "proration": "by_day"},
        "100.00",
    )
    assert {name: line["fixed_ceiling"][name] for name in ("price", "period", "decision_no")} == {
        "price": "1200.00",
        "period": "year",
        "decision_no": "D-1",
    }
    assert "tariff.proration" in [step["rule"] for step in line["explanation"]]
    lowered = {"base_price": "90", "base_price_period": "month"}
    world.ceiling(price="0.50", decision_no="D-2", effective_from="2025-03-01", **lowered)
    asked = {"buyer": "buyer", "valid_until": "2025-03-31", "effective_from": "2025-03-01", "effective_until": None}
    body = {**asked, "items": [{"offering": "offering", "quantity": "1"}]}
    for problem in (
        world.operator.refused("/quotes", body, 422, "price_above_ceiling"),
        world.buyer.refused(f"/quotes/{waiting['id']}/accept", None, 422, "price_above_ceiling"),
        world.operator.refused("/tariffs", tariff_body("offering", **FLAT), 422, "price_above_ceiling"),
    ):
        assert (problem["price"], problem["ceiling"], problem["unit"]) == ("1200.00", "1080.00", "year")
        assert (problem["decision_no"], problem["offering"]) == ("D-2", "offering")
    consent = {"buyer": "buyer", "offerings": ["offering"], "effective_from": "2025-03-01", "consent_reference": "c"}
    world.operator.refused("/contracts", consent, 422, "price_above_ceiling")
    world.clock("2025-04-01")
    assert world.invoice(taken, "2025-03")["net"] == "1080.00"


def test_a_ceiling_lowered_under_prices_in_force_lists_them_with_the_contracts_they_touch(world: World) -> None:
    world.offering()
    world.ceiling(price="0.50", decision_no="D-1", **BASE)
    tariff = world.tariff(model="two_part", period="month", base_price="100.00", unit_price="0.50")
    frozen, public = world.accepted(), world.contract()["id"]
    assert _above(world) == []
    world.ceiling(
        price="0.40", decision_no="D-2", effective_from="2025-03-10", base_price="1200", base_price_period="year"
    )
    assert _above(world) == []
    world.clock("2025-03-12")
    published, contracted = _above(world)
    assert published["links"] == {"tariff": f"/api/v1/tariffs/{tariff['id']}"}
    facts = {"offering": "offering", "field": "unit_price", "price": "0.50", "ceiling": "0.40", "unit": "call"}
    facts |= {"per_quantity": "1", "decision_no": "D-2", "since": "2025-03-10"}
    for row, source, contract in ((published, "published", public), (contracted, "contracted", frozen)):
        assert row.items() >= facts.items(), row
        assert (row["source"], row["contracts"], row["contracts_touched"]) == (source, [contract], 1)
    report = world.regulator.seen(
        "/reports/cap-compliance", operator="operator", **{"from": "2025-01-01", "until": "2026-01-01"}
    )
    assert report["above_ceiling"] == [published, contracted]
    section = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01", "section": "above_ceiling"}
    assert "D-2" in world.regulator.get("/reports/cap-compliance.csv", **section).text
    world.tariff(model="two_part", period="month", base_price="100.00", unit_price="0.40", effective_from="2025-03-13")
    world.clock("2025-03-13")
    assert [row["source"] for row in _above(world)] == ["contracted"]
    world.ceiling(
        price="0.50", decision_no="D-3", effective_from="2025-03-14", base_price="1080", base_price_period="year"
    )
    world.clock("2025-03-14")
    assert [(row["source"], row["field"], row["price"], row["ceiling"], row["unit"]) for row in _above(world)] == [
        ("published", "base_price", "100.00", "90.00", "month"),
        ("contracted", "base_price", "100.00", "90.00", "month"),
    ]
    world.ceiling(price="0.212", decision_no="D-4", effective_from="2025-03-15", price_basis="tax_inclusive")
    world.clock("2025-03-15")
    with_tax = _above(world)
    assert [(row["price"], row["ceiling"], row["per_quantity"], row["since"]) for row in with_tax] == [
        ("0.40", "10.60", "53", "2025-03-15"),
        ("0.50", "10.60", "53", "2025-03-15"),
    ]
    path = "/tariffs/above-ceiling"
    for reader in (world.grantor, world.regulator, world.auditor):
        assert len(reader.seen(path, operator="operator")["items"]) == 2
    for stranger in (
        world.rival,
        world.client("regulator", "other-regulator"),
        world.client("grantor", "other-grantor"),
    ):
        assert stranger.get(path, operator="operator").status_code == 404
    assert world.buyer.get(path, operator="operator").status_code == 403


def test_a_flat_price_needs_no_ceiling_of_the_unit_where_there_is_one_of_the_period(world: World) -> None:
    world.offering()
    world.operator.refused("/tariffs", tariff_body("offering", **FLAT), 422, "ceiling_missing")
    body = ceiling_body("offering", "100.00", charging_form="month", decision_no="D-month")
    assert world.grantor.made("/ceilings", body)["unit"] == "month"
    two_part = tariff_body("offering", model="two_part", period="year", base_price="1200.00", unit_price="0.10")
    world.operator.refused("/tariffs", two_part, 422, "ceiling_missing")
    made = world.operator.made("/tariffs", tariff_body("offering", **FLAT))
    assert (made["ceiling"], made["proration"]) == (None, "by_day")
    assert made["fixed_ceiling"] == {"price": "100.00", "period": "month", "decision_no": "D-month"}
    assert world.quote()["net"] == "100.00"
    problem = world.grantor.refused("/ceilings", {**body, **BASE}, 400, "malformed")
    assert list(problem["errors"]) == ["base_price"]


def test_where_more_use_costs_less_the_tariff_and_its_quotes_warn(world: World) -> None:
    world.offering()
    world.ceiling(price="20.00")
    warnings = world.tariff(model="volume", tiers=INVERTED)["warnings"]
    assert [(told["quantity"], told["amount"], told["more_quantity"], told["more_amount"]) for told in warnings] == [
        ("100", "210.00", "100.000001", "100.00"),
        ("200", "200.00", "200.000001", "150.00"),
    ]
    told = {
        quantity: world.quote(quantity=quantity)["lines"][0]["warnings"] for quantity in ("40", "60", "100.5", "201")
    }
    assert (told["40"], told["201"]) == ([], [])
    assert [(each["code"], each["more_quantity"], each["more_amount"]) for each in told["60"]] == [
        ("volume_inversion", "100.000001", "100.00")
    ]
    assert told["100.5"] == []
    at_bound = world.quote(quantity="200")["lines"][0]["warnings"][0]
    assert (at_bound["quantity"], at_bound["amount"], at_bound["more_amount"]) == ("200", "200.00", "150.00")
    assert "200.000001" in at_bound["text_en"]
    assert "150.00" in at_bound["text_zh"]


def test_what_is_billed_in_advance_and_never_released_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.offering()
    world.ceiling(price="0.50", **BASE)
    world.tariff(**FLAT)
    contract = world.accepted()
    world.clock("2025-05-01")
    world.invoice(contract, "2025-03")
    require_sound_books(world)
    monkeypatch.setattr(invoices, "_release_legs", lambda *_given: [])
    world.invoice(contract, "2025-04")
    failed = [check for check in world.auditor.made("/ledger/verify")["checks"] if not check["ok"]]
    assert [check["check"] for check in failed] == ["liability_matches"]
    assert "by_papers=100000, by_books=110000" in failed[0]["first_fault"]


def test_what_is_billed_in_advance_is_revenue_of_the_months_that_have_begun(world: World) -> None:
    world.offering()
    world.ceiling(price="0.50", decision_no="D-1", **BASE)
    world.tariff(**FLAT)
    contract = world.accepted()
    query = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
    names = ("billed", "credited", "accrued", "actual", "billed_in_advance")

    def revenue() -> tuple[str, ...]:
        report = world.regulator.seen("/reports/cap-compliance", **query)
        assert report["reconciled"], [check for check in report["reconciliation"] if not check["agrees"]]
        period = next(row for row in report["revenue"] if row["scope"] == "period")
        position = world.regulator.seen("/reports/revenue-position", operator="operator", year=2025)
        assert [position[name] for name in names] == [period[name] for name in names]
        return tuple(period[name] for name in names)

    world.clock("2025-03-15")
    assert revenue() == ("0.00", "0.00", "100.00", "100.00", "0.00")
    world.clock("2025-04-10")
    assert revenue() == ("0.00", "0.00", "200.00", "200.00", "0.00")
    bill = world.invoice(contract, "2025-03")
    assert revenue() == ("200.00", "0.00", "0.00", "200.00", "800.00")
    world.clock("2025-06-10")
    world.invoice(contract, "2025-04")
    assert revenue() == ("400.00", "0.00", "0.00", "400.00", "600.00")
    lines = [{"position": 10, "amount": "106.00"}, {"position": 1, "amount": "53.00"}]
    credit = {"lines": lines, "reason": "service_stopped"}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", credit)
    assert revenue() == ("400.00", "50.00", "0.00", "350.00", "500.00")
    report = world.regulator.seen("/reports/cap-compliance", **query)
    assert (report["breaches"], report["price_summary"][0]["effective_ok"]) == ([], True)
    charges = world.regulator.seen("/reports/cap-compliance/charges", **query)["items"]
    assert [(each["service_month"], each["fixed_ceiling"], each["decision_no"]) for each in charges] == [
        (f"2025-{month:02d}", "1200.00 a year", "D-1") for month in range(3, 7)
    ]


def test_a_monthly_fee_that_follows_a_yearly_one_is_billed_in_its_own_month(world: World) -> None:
    world.offering()
    world.ceiling(price="1.00", base_price="200", base_price_period="month")
    world.tariff(**FLAT)
    world.tariff(effective_from="2025-07-01", model="flat_period", period="month", price="150.00")
    contract = world.contract()["id"]
    world.clock("2025-08-01")
    nets = [world.invoice(contract, f"2025-{month:02d}")["net"] for month in range(3, 8)]
    assert nets == ["400.00", "0.00", "0.00", "0.00", "150.00"]
    require_sound_books(world)


def test_an_advance_that_a_lowered_ceiling_takes_back_is_no_breach(world: World) -> None:
    world.offering()
    world.ceiling(price="1.00", **BASE)
    world.tariff(**FLAT)
    contract = world.contract()["id"]
    world.clock("2025-04-01")
    world.invoice(contract, "2025-03")
    world.ceiling(price="1.00", base_price="600", base_price_period="year", effective_from="2025-04-16")
    world.clock("2025-06-01")
    # April: 15 days at 100.00, 15 at 50.00 a month.
    assert [world.invoice(contract, month)["net"] for month in ("2025-04", "2025-05")] == ["0.00", "0.00"]
    report = world.regulator.seen(
        "/reports/cap-compliance", operator="operator", **{"from": "2025-03-01", "until": "2025-06-01"}
    )
    assert report["breaches"] == []
    [year] = [row for row in report["revenue"] if row["scope"] == "period"]
    assert (year["actual"], report["reconciled"]) == ("225.00", True)
    require_sound_books(world)


def test_the_price_of_a_unit_holds_no_part_of_a_covered_fee_and_a_corrected_month_no_relief_of_its_first_bill(
    world: World,
) -> None:
    world.offering()
    world.ceiling(price="0.50", **BASE)
    world.tariff(model="two_part", period="year", base_price="1200.00", unit_price="0.50")
    world.offering("least")
    world.ceiling("least", "0.80")
    world.tariff("least", "0.50", minimum_commitment="100.00")
    both, least = world.contract()["id"], world.contract("least")["id"]
    world.clock("2025-04-01")
    world.usage(both, "offering", "100", "2025-03-05T12:00:00+08:00")
    world.usage(least, "least", "1", "2025-03-05T12:00:00+08:00")
    assert [world.invoice(contract, "2025-03")["net"] for contract in (both, least)] == ["1250.00", "0.80"]
    world.usage(least, "least", "199", "2025-03-06T12:00:00+08:00")
    world.clock("2025-05-01")
    assert world.invoice(least, "2025-04")["net"] == "99.20"
    period = {"from": "2025-03-01", "until": "2025-04-01"}
    report = world.regulator.seen("/reports/cap-compliance", operator="operator", **period)
    tests = {row["offering"]: row for row in report["price_summary"]}
    assert (tests["offering"]["volume_weighted"], tests["offering"]["highest"]) == ("0.50", "0.50")
    assert (tests["least"]["highest_effective"], tests["least"]["effective_ok"]) == ("0.50", True)
