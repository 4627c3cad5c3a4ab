"""Reports as they were filed: kept byte for byte, once a period, and what a filed year does to later items."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pricing.canonical import sha256_of
from store.engine import open_engine
from store.settings import Settings
from tests.client import Client
from tests.reports.story import row
from tests.web.price_bodies import cap_body, cap_year
from tests.world import World

FILINGS = "/reports/filings"
REPORT = "/reports/cap-compliance"
YEAR = {"report": "cap_compliance", "operator": "operator", "year": 2025}


def sold(world: World) -> str:
    """Sell 100 calls of December 2025 at 1.00 and 10 that no bill has taken, under a maximum; 2026 has begun."""
    world.priced(ceiling="1.00", unit_price="1.00")
    cap = {"years": [cap_year(year, [["platform", "commercial", "100.00"]]) for year in (2025, 2026)]}
    world.regulator.made("/revenue-caps", cap_body("operator", **{**cap, "cycle_until": "2027-01-01"}))
    contract: str = world.contract(effective_from="2025-10-01")["id"]
    world.clock("2026-01-05")
    world.usage(contract, "offering", "100", "2025-11-10T12:00:00+08:00")
    for month in ("2025-10", "2025-11"):
        world.invoice(contract, month)
    world.usage(contract, "offering", "10", "2025-12-10T12:00:00+08:00")
    return contract


def test_a_filed_report_is_served_as_it_was_filed_whatever_comes_later(world: World) -> None:
    contract = sold(world)
    filing = world.operator.made(FILINGS, {**YEAR, "lang": "en"})
    served = {each["name"]: world.regulator.get(each["href"].removeprefix("/api/v1")) for each in filing["files"]}
    for told in filing["files"]:
        content = served[told["name"]].data
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (told["sha256"], told["bytes"])
        assert served[told["name"]].headers["Content-Type"] == told["media_type"]
    report = json.loads(served["report.json"].data)
    assert sha256_of({name: said for name, said in report.items() if name != "report_hash"}) == filing["report_hash"]
    assert report["as_of"] == filing["as_of"]
    assert served["report.pdf"].data.startswith(b"%PDF")
    assert {"report.xlsx", "price_tests.csv", "revenue.csv"} <= served.keys()
    revenue = list(csv.DictReader(io.StringIO(served["revenue.csv"].data.decode("utf-8-sig"))))
    assert row(revenue, scope="year", year="2025")["actual"] == "110.00"
    world.invoice(contract, "2025-12")
    assert world.auditor.get(f"{FILINGS}/{filing['id']}/files/report.json").data == served["report.json"].data
    assert world.operator.seen(f"{FILINGS}/{filing['id']}") == filing


def test_a_report_is_filed_once_unless_the_newest_is_superseded_with_a_reason(world: World) -> None:
    sold(world)
    first = world.regulator.made(FILINGS, YEAR)
    again = world.operator.refused(FILINGS, YEAR, 409, "already_filed")
    assert again["filing"] == first["id"]
    world.operator.refused(FILINGS, {**YEAR, "supersedes": first["id"]}, 400, "filing_unclear")
    second = world.operator.made(FILINGS, {**YEAR, "supersedes": first["id"], "reason": "A breach was found"})
    assert (second["supersedes"], second["reason"]) == (first["id"], "A breach was found")
    assert world.operator.seen(f"{FILINGS}/{first['id']}")["superseded_by"] == second["id"]
    body = {**YEAR, "supersedes": first["id"], "reason": "Once more"}
    assert world.operator.refused(FILINGS, body, 409, "filing_superseded")["filing"] == second["id"]
    assert [each["id"] for each in world.grantor.seen(FILINGS, year=2025)["items"]] == [first["id"], second["id"]]
    assert world.grantor.seen(FILINGS, year=2024)["items"] == []


def test_what_cannot_be_filed_is_refused_by_the_field_that_says_it(world: World, subtests: pytest.Subtests) -> None:
    days = {"report": "cap_compliance", "operator": "operator"}
    cases: list[tuple[str, dict[str, Any], int, str, str | None]] = [
        ("operator", YEAR, 409, "period_not_ended", "year"),
        ("operator", {**days, "from": "2025-01-01", "until": "2025-03-02"}, 409, "period_not_ended", "until"),
        ("operator", {**days, "from": "2025-01-01", "until": "2025-01-01"}, 422, "dates_reversed", "until"),
        ("operator", {**days, "from": "2025-01-01"}, 400, "filing_unclear", "year"),
        ("operator", days, 400, "filing_unclear", "year"),
        ("operator", {**YEAR, "grantor": "grantor"}, 400, "filing_unclear", "operator"),
        (
            "grantor",
            {"report": "annual_operation", "grantor": "grantor", "year": 2024},
            400,
            "filing_unclear",
            "grantor",
        ),
        ("operator", {**YEAR, "year": 2024, "operator": "rival"}, 404, "not_found", "operator"),
        ("operator", {**YEAR, "year": 2024, "supersedes": "fil_0", "reason": "x"}, 404, "not_found", "supersedes"),
        ("regulator", {"report": "annual_operation", "operator": "operator", "year": 2024}, 403, "forbidden", None),
        ("grantor", {**YEAR, "year": 2024}, 403, "forbidden", None),
    ]
    for role, body, status, code, field in cases:
        with subtests.test(code, role=role, body=body):
            problem = world.client(role, role).refused(FILINGS, body, status, code)
            assert field is None or field in problem["errors"]
    assert world.auditor.seen(FILINGS)["items"] == []


def test_what_is_recorded_after_the_filing_counts_in_the_year_of_its_recording(world: World) -> None:
    contract = sold(world)
    before = world.regulator.seen(REPORT, operator="operator", **{"from": "2025-01-01", "until": "2027-01-01"})
    assert row(before["revenue"], scope="year", year="2025")["actual"] == "110.00"
    world.operator.made(FILINGS, YEAR)
    world.clock("2026-02-10")
    bill = world.invoice(contract, "2025-12")["id"]
    world.operator.made(f"/invoices/{bill}/credit-notes", {"amount": "3.18", "reason": "allowance"})
    world.usage(contract, "offering", "7", "2025-10-20T12:00:00+08:00")
    world.usage(contract, "offering", "20", "2026-01-20T12:00:00+08:00")
    after = world.regulator.seen(REPORT, operator="operator", **{"from": "2025-01-01", "until": "2027-01-01"})
    frozen, running = (row(after["revenue"], scope="year", year=year) for year in ("2025", "2026"))
    assert [frozen[name] for name in ("billed", "accrued", "prior_year", "actual")] == [
        "100.00",
        "10.00",
        "0.00",
        "110.00",
    ]
    assert [running[name] for name in ("billed", "credited", "accrued", "prior_year", "actual")] == [
        "0.00",
        "0.00",
        "20.00",
        "4.00",
        "24.00",
    ]
    assert row(after["revenue"], scope="cycle")["actual"] == "134.00"
    names = ("service_month", "counted_in", "billed", "credited", "accrued", "net", "gross")
    assert [[line[name] for name in names] for line in after["prior_year_lines"]] == [
        ["2025-10", "2026", "0.00", "0.00", "7.00", "7.00", "7.42"],
        ["2025-12", "2026", "10.00", "3.00", "-10.00", "-3.00", "-3.18"],
    ]
    assert after["settings"]["late_items"] == "year_of_recording_once_filed"
    position = world.operator.seen("/reports/revenue-position", operator="operator", year=2026)
    assert (position["prior_year"], position["actual"]) == ("4.00", "24.00")
    assert [each["net"] for each in position["prior_year_lines"]] == ["7.00", "-3.00"]
    assert after["reconciled"] is True
    again = world.regulator.seen(
        REPORT, operator="operator", as_of=before["as_of"], **{"from": "2025-01-01", "until": "2027-01-01"}
    )
    assert again == before


def test_a_filing_that_supersedes_another_moves_no_revenue(world: World) -> None:
    contract = sold(world)
    first = world.operator.made(FILINGS, YEAR)
    world.usage(contract, "offering", "5", "2025-12-30T12:00:00+08:00")
    again = {**YEAR, "supersedes": first["id"], "reason": "Late use was found"}
    filing = world.operator.made(FILINGS, again)
    report = world.operator.seen(f"{FILINGS}/{filing['id']}/files/report.json")
    assert row(report["revenue"], scope="year", year="2025")["actual"] == "110.00"
    position = world.operator.seen("/reports/revenue-position", operator="operator", year=2026)
    assert position["prior_year"] == "5.00"


def test_each_report_is_filed_with_the_tables_that_it_has(world: World) -> None:
    sold(world)
    annual = {"report": "annual_operation", "operator": "operator", "year": 2025}
    own: tuple[tuple[Client, dict[str, Any], str], ...] = (
        (world.operator, annual, "costs.csv"),
        (world.operator, {**annual, "report": "disclosure"}, "prices.csv"),
        (world.grantor, {"report": "disclosure", "grantor": "grantor", "year": 2025}, "ceilings.csv"),
    )
    for client, body, table in own:
        filing = client.made(FILINGS, body)
        assert {"report.json", "report.pdf", "report.xlsx", table} <= {file["name"] for file in filing["files"]}
        report = client.seen(f"{FILINGS}/{filing['id']}/files/report.json")
        assert (report["report"], report["report_hash"]) == (body["report"], filing["report_hash"])
        assert world.regulator.seen(f"{FILINGS}/{filing['id']}")["id"] == filing["id"]
    assert len(world.regulator.seen(FILINGS, grantor="grantor")["items"]) == 1


def test_a_grantor_reads_no_report_on_offerings_that_another_authorised(world: World) -> None:
    sold(world)
    other = {"agreement_no": "other", "operator": "operator", "regulator": "other-regulator"}
    body = {"mode": "whole", "scope": {"resources": [], "fields": [], "scenarios": []}, "effective_from": "2025-06-01"}
    alone = world.operator.made(FILINGS, {**YEAR, "year": 2024})
    world.other_grantor.made("/authorisations", {**body, **other, "effective_until": "2028-06-01"})
    shared = world.operator.made(FILINGS, YEAR)
    assert [each["id"] for each in world.grantor.seen(FILINGS)["items"]] == [alone["id"]]
    assert world.grantor.get(f"{FILINGS}/{shared['id']}/files/report.json").status_code == 404
    assert len(world.regulator.seen(FILINGS)["items"]) == 2


def test_nobody_changes_what_was_filed(world: World, settings: Settings) -> None:
    world.operator.made(FILINGS, {**YEAR, "year": 2024})
    engine = open_engine(settings.database_url, 5, as_owner=True)
    for statement in (
        "UPDATE report_filing SET report_hash = 'x'",
        "UPDATE filed_file SET size = 1",
        "DELETE FROM filed_file",
    ):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
