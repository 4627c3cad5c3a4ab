"""The cap-compliance report over a spring whose figures are known by hand (see ``story``)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pricing.canonical import sha256_of
from tests.client import Client
from tests.reports.story import PERIOD, REPORT, Story, row
from tests.world import World

MONEY = ("billed", "credited", "accrued", "actual")


def members(found: dict[str, Any], *names: str) -> list[Any]:
    return [found[name] for name in names]


def test_the_same_moment_gives_the_same_bytes_whatever_was_recorded_since(story: Story) -> None:
    assert story.get().data == story.first_bytes
    now = story.world.regulator.seen(REPORT, **PERIOD)
    assert now["report_hash"] != json.loads(story.first_bytes)["report_hash"]


def test_the_hash_is_that_of_the_canonical_document_without_it(story: Story) -> None:
    report = story.report()
    stated = report.pop("report_hash")
    assert sha256_of(report) == stated


def test_the_header_says_who_when_and_by_which_rules(story: Story) -> None:
    report = story.report()
    assert report["operator"]["code"] == "operator"
    assert [party["code"] for party in report["grantor"] + report["regulator"]] == ["grantor", "regulator"]
    assert {"C-1", "D-1", "D-2"} <= set(report["decision_numbers"])
    assert "C-2" not in report["decision_numbers"]
    assert report["period"] == {"from": "2025-01-01", "until": "2026-01-01"}
    assert (report["zone"], report["as_of"], report["sandbox"]) == ("Asia/Shanghai", story.as_of, True)
    assert report["settings"]["tax_basis"] == "tax_exclusive"
    assert {parameter["verified"] for parameter in report["parameters"]} == {False}


def test_the_register_says_the_category_of_each_offering_and_why(story: Story) -> None:
    offerings = {offering["code"]: offering for offering in story.report()["offerings"]}
    assert sorted(offerings) == ["archive", "bundles", "checks", "floods", "scores"]
    assert offerings["floods"]["category"] == "public_interest"
    assert offerings["floods"]["reference_offering"] == "scores"
    assert offerings["checks"]["charging_basis"] == "call"
    assert offerings["checks"]["reasons"][0]["rule"] == "chargeable_for_industry"
    assert offerings["checks"]["grounds"][0] == "发改价格〔2025〕65号 一: scenario.purpose = industry → commercial"
    assert len(offerings["scores"]["decisions"]) == 1


def test_the_ceilings_are_told_with_their_decisions_and_the_days_on_which_they_hold(story: Story) -> None:
    ceilings = [ceiling for ceiling in story.report()["ceilings"] if ceiling["offering"] == "checks"]
    told = [members(ceiling, "decision_no", "unit_price", "effective_from", "effective_until") for ceiling in ceilings]
    assert told == [["D-1", "1.00", "2025-01-01", "2025-03-16"], ["D-2", "0.80", "2025-03-16", None]]


def test_prices_in_force_quoted_and_contracted_are_told(story: Story) -> None:
    prices = story.report()["prices"]
    assert row(prices, source="in_force", offering="bundles")["minimum_commitment"] == "100.00"
    assert row(prices, source="quoted", offering="checks")["status"] == "accepted"
    assert row(prices, source="quoted", offering="scores")["status"] == "open"
    assert row(prices, source="contracted", offering="checks")["unit_price"] == "1.00"
    assert row(prices, source="contracted", offering="scores")["follows"] == "public_tariff"
    assert not [price for price in prices if price["unit_price"] == "0.60"]


def test_a_lowered_ceiling_is_an_adjustment_with_what_held_before(story: Story) -> None:
    lowered = row(story.report()["adjustments"], kind="ceiling", decision_no="D-2")
    assert members(lowered, "price_before", "price_after", "backdated") == ["1.00 / 1", "0.80 / 1", False]


def test_each_ceiling_is_tested_by_what_was_charged_under_it(story: Story) -> None:
    tests = story.report()["price_tests"]
    names = ("quantity", "net", "lowest", "highest", "volume_weighted", "ceiling", "headroom", "count_above")
    first, second = row(tests, decision_no="D-1"), row(tests, decision_no="D-2")
    assert members(first, *names) == ["1000", "1000.00", "1.00", "1.00", "1.00", "1.00", "0.00", 0]
    assert members(second, *names) == ["2000", "1600.00", "0.80", "0.80", "0.80", "0.80", "0.00", 0]
    assert members(second, "nominal_ok", "effective_ok") == [False, True]


def test_an_offering_is_summed_up_over_its_ceilings(story: Story) -> None:
    checks = row(story.report()["price_summary"], offering="checks")
    names = ("quantity", "net", "lowest", "highest", "volume_weighted", "headroom", "value_above")
    assert members(checks, *names) == ["3000", "2600.00", "0.80", "1.00", "0.86666667", "0.00", "0.00"]
    idle = story.report(**{"from": "2024-01-01", "until": "2025-01-01"})["price_summary"]
    assert [members(each, "offering", "charges", "highest") for each in idle] == [
        [code, 0, None] for code in ("bundles", "checks", "scores")
    ]


def test_a_minimum_passes_the_nominal_test_and_fails_the_effective_one_and_is_relieved(story: Story) -> None:
    bundles = row(story.report()["price_summary"], offering="bundles")
    names = ("highest_nominal", "highest_effective", "highest", "net", "relief", "nominal_ok", "effective_ok")
    assert members(bundles, *names) == ["0.50", "1.00", "0.80", "80.00", "-20.00", True, False]
    assert bundles["count_above"] == 0


def test_free_use_is_registered_with_its_value_forgone_and_none_without_a_reference(story: Story) -> None:
    register = story.report()["free_use"]
    floods, archive = row(register, offering="floods"), row(register, offering="archive")
    names = ("quantity", "reference_offering", "reference_price", "value_forgone", "status")
    assert members(floods, *names) == ["500", "scores", "0.80", "400.00", "revoked"]
    assert members(archive, *names) == ["10", None, None, None, "approved"]
    assert [decision["action"] for decision in floods["decisions"]] == ["approve", "revoke"]


def test_the_year_is_billed_less_credited_plus_accrued_and_held_against_its_maximum(story: Story) -> None:
    year = row(story.report()["revenue"], scope="year")
    assert members(year, *MONEY) == ["2920.00", "100.00", "80.00", "2900.00"]
    maxima = ("maximum_permitted_revenue", "deduction", "maximum_after_deduction")
    assert members(year, *maxima) == ["2000.00", "100.00", "1900.00"]
    compared = ("deviation", "deviation_percent", "ten_percent_line", "exceeds_line", "duty", "provisional")
    assert members(year, *compared) == ["1000.00", "50.00", "200.00", True, "adjust_ceilings", True]


def test_the_cycle_proposes_what_the_next_one_has_to_deduct(story: Story) -> None:
    cycle = row(story.report()["revenue"], scope="cycle")
    assert members(cycle, "actual", "compared_years", "deduction_proposed") == ["2900.00", ["2025"], "1000.00"]


def test_a_period_without_a_whole_cap_year_is_not_compared(story: Story) -> None:
    revenue = story.report(**{"from": "2025-03-01", "until": "2025-04-01"})["revenue"]
    period, year = row(revenue, scope="period"), row(revenue, scope="year")
    assert members(period, *MONEY) == ["2920.00", "100.00", "0.00", "2820.00"]
    assert period["compared_years"] == year["compared_years"] == []
    assert year["maximum_permitted_revenue"] is None
    assert row(revenue, scope="cycle")["actual"] == "2900.00"


def test_no_charge_lies_above_a_ceiling_and_the_refused_attempt_is_told(story: Story) -> None:
    report = story.report()
    assert report["breaches"] == []
    attempt = row(report["refused_attempts"], offering="scores")
    assert members(attempt, "price", "ceiling", "by", "action") == ["0.81", "0.80", "operator", "make_tariff"]


def test_a_ceiling_decided_late_shows_what_was_charged_above_it(story: Story) -> None:
    now = story.world.regulator.seen(REPORT, **PERIOD)
    late = row(now["adjustments"], offering="checks", decision_no="D-3")
    assert members(late, "backdated", "backdate_reason") == [True, "decided late"]
    position = story.world.regulator.seen("/reports/revenue-position", operator="operator", year=2025)
    assert position["backdated"] == [each for each in now["adjustments"] if each["backdate_reason"] is not None]
    assert late in position["backdated"]
    breach = row(now["breaches"], offering="checks")
    names = ("service_month", "unit_price", "ceiling", "decision_no", "value", "refunded", "status")
    assert members(breach, *names) == ["2025-03", "1.00", "0.90", "D-3", "100.00", "100.00", "refunded"]


def test_what_a_late_ceiling_took_off_is_made_good_by_the_correction_of_the_next_bill(story: Story) -> None:
    now = story.world.regulator.seen(REPORT, **PERIOD)
    scores = row(now["price_tests"], offering="scores", ceiling="0.70")
    assert members(scores, "quantity", "count_above", "headroom") == ["450", 0, "0.00"]


def test_every_figure_agrees_by_two_ways(story: Story) -> None:
    report = story.report()
    assert report["reconciled"] is True
    checks = {(check["check"], check["offering"]): check["left"] for check in report["reconciliation"]}
    assert checks["revenue", "checks"] == "2500.00"
    assert checks["use", "floods"] == "500"
    assert checks["distributable", "scores"] == "240.00"
    assert checks["payable", None] == "0.00"
    now = story.world.regulator.seen(REPORT, **PERIOD)
    assert [check for check in now["reconciliation"] if not check["agrees"]] == []


@pytest.mark.parametrize("role", ["regulator", "auditor"])
def test_every_link_leads_to_rows_that_the_reader_may_see(story: Story, role: str) -> None:
    reader = getattr(story.world, role)
    links = {
        link.removeprefix("/api/v1")
        for section in story.report().values()
        if isinstance(section, list)
        for entry in section
        if isinstance(entry, dict)
        for link in entry.get("links", {}).values()
    }
    assert len(links) > 20
    for link in sorted(links):
        path, _, query = link.partition("?")
        assert reader.get(path, **dict(parse_qsl(query))).status_code == 200, link


def test_the_charges_behind_the_report_come_in_pages_and_add_up_to_it(story: Story) -> None:
    path, charges = f"{REPORT}/charges", []
    cursor: dict[str, str] = {}
    while True:
        page = story.get(path, limit=2, **cursor).json
        assert page is not None
        charges += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [charge["offering"] for charge in charges] == ["checks", "checks", "scores", *["bundles"] * 3]
    assert sum(int(charge["net"].replace(".", "")) for charge in charges) == 292_000
    first, second = charges[:2]
    names = ("service_from", "unit_price", "ceiling", "decision_no", "difference", "quantity", "net")
    assert members(first, *names) == ["2025-03-01", "1.00", "1.00", "D-1", "0.00", "1000", "1000.00"]
    assert members(second, *names) == ["2025-03-16", "0.80", "0.80", "D-2", "0.00", "2000", "1600.00"]
    assert story.get(path, offering="scores").json["items"] == [charges[2]]  # type: ignore[index]


def test_the_position_says_how_much_of_the_year_is_used(story: Story) -> None:
    found = story.world.operator.seen("/reports/revenue-position", operator="operator", year=2025, as_of=story.as_of)
    assert members(found, *MONEY) == ["2920.00", "100.00", "80.00", "2900.00"]
    assert members(found, "maximum_after_deduction", "percent_used", "headroom") == ["1900.00", "152.63", "-1000.00"]
    assert row(found["offerings"], offering="scores")["actual"] == "320.00"
    stated = found.pop("report_hash")
    assert sha256_of(found) == stated
    before = story.world.operator.seen("/reports/revenue-position", operator="operator", year=2026, as_of=story.as_of)
    assert members(before, "maximum_permitted_revenue", "percent_used", "actual") == [None, None, "0.00"]


def test_only_those_with_a_part_in_it_may_read_the_reports(story: Story) -> None:
    world = story.world
    for path in (REPORT, f"{REPORT}.xlsx", f"{REPORT}/charges", "/reports/revenue-position"):
        query: dict[str, Any] = {"operator": "operator", "year": 2025} if "position" in path else dict(PERIOD)
        for reader in (world.regulator, world.grantor, world.auditor, world.operator):
            assert reader.get(path, **query).status_code == 200, path
        for stranger in (world.other_regulator, world.other_grantor, world.rival):
            assert stranger.get(path, **query).status_code == 404, path
        for wrong in (world.buyer, world.provider, world.admin):
            assert wrong.get(path, **query).status_code == 403, path


def test_a_period_that_ends_before_it_begins_is_refused_and_so_is_a_moment_to_come(story: Story) -> None:
    backwards = story.get(**{"from": "2025-04-01", "until": "2025-04-01"})
    assert (backwards.status_code, backwards.json["code"]) == (422, "dates_reversed")  # type: ignore[index]
    ahead = story.get(as_of="2099-01-01T00:00:00+08:00")
    assert (ahead.status_code, ahead.json["code"]) == (422, "as_of_in_the_future")  # type: ignore[index]
    assert story.get(f"{REPORT}/charges", cursor="nonsense").status_code == 400
    assert story.get(f"{REPORT}/charges", offering="nonsense").status_code == 404
    assert story.get(f"{REPORT}.csv", section="nonsense").status_code == 400


def test_a_grantor_is_shown_the_offerings_of_its_own_authorisations(story: Story) -> None:
    world: World = story.world
    report = story.report(world.grantor)
    assert report["is_partial"] is True
    assert {check["offering"] for check in report["reconciliation"]} >= {"checks"}
    assert {check["check"] for check in report["reconciliation"] if check["offering"] is None} == {"revenue_year"}


def test_use_that_is_charged_anew_counts_once_in_the_price_tests(admin: Client) -> None:
    world = World.founded(admin)
    world.priced("errors", ceiling="1.11", unit_price="1.11")
    tiers = [{"up_to": "10", "unit_price": "1.11"}, {"up_to": None, "unit_price": "0.50"}]
    world.priced("volumes", ceiling="1.11", model="volume", tiers=tiers)
    contracts = {code: world.accepted(code) for code in ("errors", "volumes")}
    world.clock("2025-03-20")
    world.usage(contracts["errors"], "errors", "100", "2025-03-05T12:00:00+08:00")
    world.usage(contracts["volumes"], "volumes", "10", "2025-03-05T12:00:00+08:00")
    world.clock("2025-04-01")
    bills = {code: world.invoice(contract, "2025-03")["id"] for code, contract in contracts.items()}
    wrong = {"amount": "50.00", "reason": "issued_in_error", "rebill": True}
    world.operator.made(f"/invoices/{bills['errors']}/credit-notes", wrong)
    world.usage(contracts["volumes"], "volumes", "1", "2025-03-06T12:00:00+08:00")
    world.clock("2025-05-01")
    for contract in contracts.values():
        world.invoice(contract, "2025-04")
    report = world.regulator.seen(REPORT, **PERIOD)
    names = ("quantity", "net", "lowest", "highest", "volume_weighted", "value_above")
    errors, volumes = (row(report["price_summary"], offering=code) for code in ("errors", "volumes"))
    assert members(errors, *names) == ["100", "111.00", "1.11", "1.11", "1.11", "0.00"]
    assert members(volumes, *names) == ["11", "5.50", "0.50", "0.50", "0.50", "0.00"]
    assert report["breaches"] == []
    assert report["reconciled"] is True
