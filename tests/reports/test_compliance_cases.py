"""The cap-compliance report on worlds made for one question each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from store.unit import Store
from tests.conftest import LOCAL
from tests.pricing import case_files
from tests.reports.story import PERIOD, REPORT, row
from tests.web.price_bodies import cap_body, cap_year, ceiling_body, new_operator, per_unit
from tests.world import World, offering_body, usage_event

AGAINST_MAXIMUM = "compliance/a-years-revenue-is-held-against-its-maximum-and-the-excess-deducted-from-the-next.yaml"
NOON = "2025-03-10T12:00:00+08:00"


def report(world: World, **query: str) -> Any:
    return world.regulator.seen(REPORT, **{**PERIOD, **query})


def sold_by(world: World, operator: str) -> tuple[Any, str]:
    """A new operator that sells calls at 0.01: its client, and its contract."""
    client, offering = new_operator(world, operator), f"offering-{operator}"
    client.made("/offerings", {**offering_body(offering), "product": f"product-{operator}"})
    world.confirm(offering)
    world.grantor.made("/ceilings", ceiling_body(offering, "0.01"))
    client.made("/tariffs", per_unit(offering, "0.01"))
    contract = {"buyer": "buyer", "offerings": [offering], "effective_from": "2025-03-01", "consent_reference": "c-1"}
    return client, client.made("/contracts", contract)["id"]


def test_a_years_revenue_is_held_against_its_maximum(world: World, subtests: pytest.Subtests) -> None:
    world.clock("2025-03-11")
    for number, case in enumerate(case_files.read(AGAINST_MAXIMUM)["cases"]):
        with subtests.test(case["name"]):
            operator = f"operator-{number}"
            client, contract = sold_by(world, operator)
            world.regulator.made("/revenue-caps", cap_body(operator))
            calls = str(int(Decimal(case["actual"]) * 100))
            event = usage_event("e-1", contract, f"offering-{operator}", calls, NOON)
            assert client.made("/usage-events", {"events": [event]})["accepted"] == 1
            revenue = report(world, operator=operator)["revenue"]
            year, cycle = row(revenue, scope="year"), row(revenue, scope="cycle")
            assert (year["accrued"], year["actual"]) == (case["actual"], case["actual"])
            assert (year["deviation_percent"], year["exceeds_line"]) == (case["percent"], case["exceeds"])
            assert (year["duty"], cycle["deduction_proposed"]) == (case["duty"], case["deduction"])
            later = {"cycle_from": "2026-01-01", "cycle_until": "2027-01-01", "carry_in": cycle["deduction_proposed"]}
            base = cap_year(2026, [["platform", "commercial", "1050000.00"]])
            world.regulator.made("/revenue-caps", cap_body(operator, years=[base], **later))
            position = world.regulator.seen("/reports/revenue-position", operator=operator, year=2026)
            assert position["maximum_after_deduction"] == case["next_maximum"]


def test_accrued_use_is_valued_as_the_next_bills_charge_it(world: World) -> None:
    world.priced("plain", ceiling="0.80", unit_price="0.333333")
    world.priced("taxed", ceiling="0.80", unit_price="0.57", price_basis="tax_inclusive")
    tiers = [{"up_to": "100", "unit_price": "0.60"}, {"up_to": None, "unit_price": "0.305"}]
    world.offering("tiered")
    world.ceiling("tiered", "0.60")
    world.tariff("tiered", effective_from="2025-03-20", model="graduated", tiers=tiers)
    world.tariff("tiered", effective_from="2025-01-01", unit_price="0.50")
    contracts = [world.contract("plain", "tiered")["id"], world.contract("taxed")["id"]]
    world.clock("2025-04-20")
    for time in ("2025-03-05T12:00:00+08:00", "2025-03-25T12:00:00+08:00", "2025-04-10T12:00:00+08:00"):
        world.usage(contracts[0], "plain", "7.1", time)
        world.usage(contracts[0], "tiered", "90.05", time)
        world.usage(contracts[1], "taxed", "11.3", time)
    for contract in contracts:
        world.invoice(contract, "2025-03")
    world.usage(contracts[0], "tiered", "55.5", "2025-03-06T12:00:00+08:00")
    world.usage(contracts[1], "taxed", "3", "2025-03-06T12:00:00+08:00")
    world.clock("2025-05-02")
    before = row(report(world)["revenue"], scope="period")
    bills = [world.invoice(contract, "2025-04") for contract in contracts]
    after = row(report(world)["revenue"], scope="period")
    assert Decimal(before["accrued"]) == sum(Decimal(bill["net"]) for bill in bills)
    assert Decimal(before["accrued"]) > 0
    assert (after["accrued"], after["actual"]) == ("0.00", before["actual"])


def test_use_that_makes_a_billed_month_cheaper_is_accrued_below_zero(world: World) -> None:
    tiers = [{"up_to": "100", "unit_price": "1.00"}, {"up_to": None, "unit_price": "0.50"}]
    world.offering("bulk")
    world.ceiling("bulk", "1.00")
    world.tariff("bulk", model="volume", tiers=tiers)
    contract = world.contract("bulk")["id"]
    world.clock("2025-04-02")
    world.usage(contract, "bulk", "100", NOON)
    world.invoice(contract, "2025-03")
    world.usage(contract, "bulk", "1", NOON)
    assert row(report(world)["revenue"], scope="period")["accrued"] == "-49.50"
    world.clock("2025-05-02")
    world.invoice(contract, "2025-04")
    period = row(report(world)["revenue"], scope="period")
    assert (period["billed"], period["credited"], period["accrued"], period["actual"]) == (
        "100.00",
        "49.50",
        "0.00",
        "50.50",
    )


def test_what_is_credited_to_be_billed_anew_is_accrued_until_it_is(world: World) -> None:
    world.priced("calls", ceiling="1.00", unit_price="1.00")
    contract = world.contract("calls")["id"]
    world.clock("2025-04-02")
    world.usage(contract, "calls", "100", NOON)
    bill = world.invoice(contract, "2025-03")
    credit = {"amount": "106.00", "reason": "issued_in_error", "rebill": True}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", credit)
    period = row(report(world)["revenue"], scope="period")
    assert [period[name] for name in ("billed", "credited", "accrued", "actual")] == [
        "100.00",
        "100.00",
        "100.00",
        "100.00",
    ]


def test_revenue_is_counted_with_tax_where_the_maximum_holds_it(world: World) -> None:
    world.priced("calls", ceiling="1.00", unit_price="1.00")
    year = cap_year(2025, [["platform", "commercial", "1000.00"]], vat="60.00")
    world.regulator.made("/revenue-caps", cap_body("operator", years=[year], revenue_basis="tax_inclusive"))
    contract = world.contract("calls")["id"]
    world.clock("2025-04-02")
    world.usage(contract, "calls", "100", NOON)
    world.invoice(contract, "2025-03")
    world.usage(contract, "calls", "50", "2025-04-01T12:00:00+08:00")
    found = row(report(world)["revenue"], scope="year")
    assert (found["revenue_basis"], found["maximum_permitted_revenue"]) == ("tax_inclusive", "1060.00")
    assert (found["billed"], found["accrued"], found["actual"]) == ("106.00", "53.00", "159.00")


def test_a_bill_that_the_books_do_not_know_is_found(world: World, app: Flask) -> None:
    world.priced("calls", ceiling="1.00", unit_price="1.00")
    contract = world.contract("calls")["id"]
    world.clock("2025-04-02")
    world.usage(contract, "calls", "100", NOON)
    world.invoice(contract, "2025-03")
    assert report(world)["reconciled"] is True
    forge_bill(app.extensions["tariffbook"], contract)
    found = report(world)
    assert found["reconciled"] is False
    wrong = {check["check"]: check["difference"] for check in found["reconciliation"] if not check["agrees"]}
    assert wrong == {
        "billed_use": "10",
        "revenue": "15.00",
        "revenue_year": "15.00",
        "vat": "0.90",
        "receivable": "15.90",
    }
    breach = row(found["breaches"], offering="calls")
    assert [breach[name] for name in ("unit_price", "ceiling", "value", "status")] == ["1.50", "1.00", "5.00", "open"]
    assert row(found["price_summary"], offering="calls")["count_above"] == 1


def forge_bill(store: Store, contract: str) -> None:
    """Write a bill of 10 calls at 1.50 past the service: the books hear nothing of it."""
    head = (
        "INSERT INTO invoice (id, number, operator_id, buyer_id, contract_id, month, issued_on, price_basis, net, tax,"
        " gross, recorded_at) SELECT 'inv_forged', 'forged', operator_id, buyer_id, contract_id, '2025-04', issued_on,"
        " price_basis, 1500, 90, 1590, recorded_at FROM invoice WHERE contract_id = :contract"
    )
    line = (
        "INSERT INTO invoice_line (invoice_id, position, kind, offering_id, service_month, service_from,"
        " service_until, quantity, unit_price, nominal_unit_price, amount, vat_rate, net, tax, gross, tariff_id,"
        " ceiling_id, ceiling_decision_no, trial, explanation) SELECT 'inv_forged', 1, kind, offering_id, '2025-04',"
        " service_from, service_until, 10000000, '1.50', '1.50', 1500, vat_rate, 1500, 90, 1590, tariff_id,"
        " ceiling_id, ceiling_decision_no, trial, explanation FROM invoice_line"
    )

    def forge(unit: Any) -> None:
        unit.connection.execute(text(head), {"contract": contract})
        unit.connection.execute(text(line))

    store.run(LOCAL, forge)
