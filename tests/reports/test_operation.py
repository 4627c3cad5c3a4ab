"""The annual operating report and the disclosure tables, every figure known by hand."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cli.reporting import report as report_command
from papers.disclosure import GRANTOR_FORM, OPERATOR_FORM
from papers.operation import SECTIONS
from pricing.canonical import sha256_of
from store.engine import open_engine
from store.settings import Settings
from tests.client import Client
from tests.papers.samples import pages
from tests.reports.spreadsheet import formulas_held, require_numbers, told_in
from tests.reports.story import row
from tests.settlement.test_operating_costs import item
from tests.web.price_bodies import cap_body, cap_year
from tests.world import World

OPERATION = "/reports/annual-operation"
DISCLOSURE = "/reports/disclosure"
YEAR = {"operator": "operator", "year": 2025}


def lived(world: World) -> World:
    """A year with two products: 110.00 and 40.00 of revenue, 135.00 of commercial and 27.00 of other costs."""
    world.product("second", name="Scores")
    world.priced("checks", ceiling="1.00", unit_price="1.00")
    world.operator.made("/offerings", {**_offering("scores"), "product": "second"})
    world.confirm("scores")
    world.ceiling("scores", "1.00")
    world.tariff("scores", "1.00")
    world.offering("welfare", "public_welfare", reference_offering="checks")
    years = [cap_year(year, [["platform", "commercial", "100.00"]]) for year in (2025, 2026)]
    world.regulator.made("/revenue-caps", cap_body("operator", years=years, cycle_until="2027-01-01"))
    contract = world.contract("checks", "scores", effective_from="2025-11-01")["id"]
    grant = world.grant("welfare")["contract"]
    world.clock("2025-12-31T12:00:00+08:00")
    world.usage(contract, "checks", "100", "2025-11-10T12:00:00+08:00")
    world.usage(contract, "scores", "50", "2025-11-10T12:00:00+08:00")
    bill = world.invoice(contract, "2025-11")
    lines = [line["offering"] for line in bill["lines"]]
    credit = {"lines": [{"position": lines.index("scores") + 1, "amount": "10.60"}], "reason": "allowance"}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", credit)
    world.usage(contract, "checks", "10", "2025-12-10T12:00:00+08:00")
    world.usage(grant, "welfare", "7", "2025-12-10T12:00:00+08:00")
    world.tariff("scores", "0.90", effective_from="2025-12-31")
    world.operator.made("/operating-costs", {"items": costs()})
    return world


def costs() -> list[dict[str, Any]]:
    days = {"month": "2025-11", "occurred_on": "2025-11-30"}
    return [
        item(line=1, amount="100.00", **days),
        item(line=2, head="personnel", amount="30.00", product="product", **days),
        item(line=3, head="data_processing", amount="5.00", offering="scores", **days),
        item(line=4, use="public_interest", amount="20.00", offering="welfare", **days),
        item(line=5, head="period_expense", use="public_interest", amount="7.00", **days),
    ]


def _offering(code: str) -> dict[str, Any]:
    scenario = {"code": f"s-{code}", "name": "Credit", "description": "Credit", "purpose": "industry"}
    return {"code": code, "scenario": scenario}


def test_the_report_of_a_year_says_what_it_cost_and_what_each_product_left(world: World) -> None:
    lived(world)
    report = world.operator.seen(OPERATION, **YEAR)
    assert report["due_on"] == "2026-03-31"
    told = ("cost_rule", "comparison", "deviation_sign", "late_items")
    assert [report["settings"][name] for name in told] == [
        "named_product_then_by_revenue",
        "annual_and_cycle",
        "both",
        "year_of_recording_once_filed",
    ]
    overview = report["overview"]
    counts = ("products", "commercial_offerings", "public_interest_offerings", "contracts", "buyers", "free_use_grants")
    assert [overview[name] for name in counts] == [2, 2, 1, 1, 1, 1]
    money = ("actual", "cost_commercial", "cost_public_interest", "profit")
    assert [overview[name] for name in money] == ["150.00", "135.00", "27.00", "15.00"]
    platform = row(report["costs"], head="platform")
    assert [platform[name] for name in ("items", "commercial", "public_interest", "total")] == [
        2,
        "100.00",
        "20.00",
        "120.00",
    ]
    names = (
        "quantity",
        "free_quantity",
        "billed",
        "credited",
        "accrued",
        "revenue",
        "cost_own",
        "cost_shared",
        "profit",
    )
    first, second = (row(report["products"], product=code) for code in ("product", "second"))
    assert [first[name] for name in names] == [
        "117",
        "7",
        "100.00",
        "0.00",
        "10.00",
        "110.00",
        "30.00",
        "73.33",
        "6.67",
    ]
    assert [second[name] for name in names] == ["50", "0", "50.00", "10.00", "0.00", "40.00", "5.00", "26.67", "8.33"]
    assert [(each["product"], each["cost"]) for each in report["public_interest"]] == [
        ("product", "20.00"),
        (None, "7.00"),
    ]
    assert row(report["offerings"], offering="welfare")["category"] == "public_interest"
    assert row(report["revenue"], scope="year", year="2025")["duty"] is not None
    assert {each["offering"] for each in report["adjustments"]} == {"checks", "scores"}
    assert report["reconciled"] is True
    assert sha256_of({name: said for name, said in report.items() if name != "report_hash"}) == report["report_hash"]
    partial = world.grantor.seen(OPERATION, **YEAR)
    assert (partial["is_partial"], [each["profit"] for each in partial["products"]]) == (True, ["6.67", "8.33"])


def test_the_same_moment_gives_the_same_bytes_whatever_came_later(world: World) -> None:
    lived(world)
    first = world.operator.get(OPERATION, **YEAR)
    moment = first.json["as_of"]  # type: ignore[index]
    cost = world.operator.seen("/operating-costs")["items"][0]
    world.operator.made(f"/operating-costs/{cost['id']}/reverse", {"reason": "Booked twice"}, 200)
    world.operator.made("/operating-costs", {"items": [item("V-9", amount="1.00")]})
    world.tariff("checks", "0.80", effective_from="2025-12-31", backdate_reason="decided late")
    assert world.regulator.get(OPERATION, **YEAR, as_of=moment).data == first.data
    now = world.operator.seen(OPERATION, **YEAR)
    assert (now["overview"]["cost_commercial"], now["reconciled"]) == ("36.00", True)
    tables = world.operator.get(DISCLOSURE, **YEAR, as_of=moment).data
    assert world.regulator.get(DISCLOSURE, **YEAR, as_of=moment).data == tables


def test_the_papers_say_what_the_report_says_and_the_workbook_works_it_out(world: World) -> None:
    lived(world)
    report = world.operator.seen(OPERATION, **YEAR)
    moment = {**YEAR, "as_of": report["as_of"]}
    content = world.operator.get(f"{OPERATION}.xlsx", **moment, lang="en").data
    assert sum(formulas_held(told) for told in told_in(content, SECTIONS, report)) > 30
    for told in told_in(content, SECTIONS, report):
        require_numbers(told)
    for lang, words in (("zh", "年度经营情况报告"), ("en", "Annual Operating Report")):
        printed = "\n".join(pages(world.operator.get(f"{OPERATION}.pdf", **moment, lang=lang).data))
        assert words in printed
        assert "73.33" in printed
    table = list(csv.DictReader(io.StringIO(world.operator.get(f"{OPERATION}.csv", **moment).text.lstrip("\ufeff"))))
    assert [each["profit"] for each in table] == ["6.67", "8.33"]
    assert world.operator.get(f"{OPERATION}.csv", **moment, section="nonsense").status_code == 400


def test_the_command_writes_the_same_report(
    world: World, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(world)
    report = world.operator.seen(OPERATION, **YEAR)
    monkeypatch.setenv("TARIFFBOOK_DATABASE_URL", settings.database_url)
    moment = ["--year", "2025", "--as-of", report["as_of"]]
    for name, given, path in (
        ("annual-operation", ["--operator", "operator"], OPERATION),
        ("disclosure", ["--grantor", "grantor"], DISCLOSURE),
    ):
        query = {given[0].removeprefix("--"): given[1], "year": 2025, "as_of": report["as_of"]}
        written = tmp_path / name
        for form in ("json", "xlsx"):
            options = [name, *given, *moment, "--format", form, "--output", str(written)]
            done = CliRunner().invoke(report_command, options)
            assert done.exit_code == 0, done.output
        assert written.read_bytes() == world.auditor.get(f"{path}.xlsx", **query).data


def test_the_tables_of_a_year_are_disclosed_by_operator_and_by_grantor(world: World) -> None:
    lived(world)
    tables = world.operator.seen(DISCLOSURE, **YEAR)
    assert (tables["discloses"], tables["party"]["code"], tables["due_on"]) == ("operator", "operator", "2026-03-31")
    assert [each["resource"] for each in tables["resources"]] == ["resource"]
    assert [(each["product"], each["offering"], each["category"]) for each in tables["products"]] == [
        ("product", "checks", "commercial"),
        ("second", "scores", "commercial"),
        ("product", "welfare", "public_interest"),
    ]
    assert [(each["offering"], each["unit_price"], each["effective_until"]) for each in tables["prices"]] == [
        ("checks", "1.00", None),
        ("scores", "1.00", "2025-12-31"),
        ("scores", "0.90", None),
    ]
    given = {"grantor": "grantor", "year": 2025}
    own = world.grantor.seen(DISCLOSURE, **given)
    assert [(each["agreement_no"], each["operator"]) for each in own["authorisations"]] == [("agreement", "operator")]
    assert [(each["offering"], each["operator"], each["unit_price"]) for each in own["ceilings"]] == [
        ("checks", "operator", "1.00"),
        ("scores", "operator", "1.00"),
    ]
    for client, query, form in ((world.operator, YEAR, OPERATOR_FORM), (world.grantor, given, GRANTOR_FORM)):
        for lang in ("zh", "en"):
            printed = "\n".join(pages(client.get(f"{DISCLOSURE}.pdf", **query, lang=lang).data))
            assert form.title.in_(lang) in printed.replace("\n", "")
        for section in form.sections:
            assert client.get(f"{DISCLOSURE}.csv", **query, section=section.key).status_code == 200
        assert client.get(f"{DISCLOSURE}.xlsx", **query).status_code == 200
        assert client.get(f"{DISCLOSURE}.csv", **query, section="nonsense").status_code == 400
    assert "source" not in world.grantor.get(f"{DISCLOSURE}.csv", **given).text.splitlines()[0]
    assert world.operator.get(DISCLOSURE, year=2025).json["code"] == "disclosure_unclear"  # type: ignore[index]


def test_whoever_has_nothing_to_do_with_it_finds_no_report(world: World) -> None:
    strangers: tuple[tuple[Client, dict[str, Any]], ...] = (
        (world.rival, YEAR),
        (world.other_regulator, YEAR),
        (world.other_grantor, YEAR),
        (world.rival, {"grantor": "grantor", "year": 2025}),
        (world.other_grantor, {"grantor": "grantor", "year": 2025}),
    )
    for client, query in strangers:
        for path in (OPERATION, DISCLOSURE):
            assert client.get(path, **query).status_code == (400 if path == OPERATION and "grantor" in query else 404)
    for reader in (world.regulator, world.auditor):
        assert reader.seen(DISCLOSURE, grantor="grantor", year=2025)["discloses"] == "grantor"


def test_costs_that_no_revenue_can_bear_stand_in_a_row_of_their_own(world: World) -> None:
    world.operator.made("/operating-costs", {"items": [item()]})
    report = world.operator.seen(OPERATION, **YEAR)
    assert [(each["product"], each["cost_own"], each["profit"]) for each in report["products"]] == [
        (None, "1000.00", "-1000.00")
    ]


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("UPDATE operating_cost SET amount = amount + 1 WHERE line = 1", {("cost", "2025"), ("cost_clearing", "2025")}),
        (
            "UPDATE invoice_line SET net = net + 1, gross = gross + 1 WHERE position = 1",
            {("revenue_year", "2025")},
        ),
    ],
)
def test_what_was_tampered_with_on_one_path_shows_as_a_disagreement(
    world: World, settings: Settings, statement: str, faults: set[tuple[str, str]]
) -> None:
    lived(world)
    assert world.regulator.seen(OPERATION, **YEAR)["reconciled"] is True
    engine = open_engine(settings.database_url, 5, as_owner=True)
    table = statement.split()[1]
    guards = {
        "sqlite": [f"DROP TRIGGER {table}_no_update"],
        "postgresql": [f"ALTER TABLE {table} DISABLE TRIGGER USER"],
    }
    with engine.begin() as connection:
        for each in (*guards[connection.dialect.name], statement):
            connection.execute(text(each))
    engine.dispose()
    report = world.regulator.seen(OPERATION, **YEAR)
    assert report["reconciled"] is False
    assert {(each["check"], each["year"]) for each in report["reconciliation"] if not each["agrees"]} == faults
    compliance = world.regulator.seen(
        "/reports/cap-compliance", operator="operator", **{"from": "2025-01-01", "until": "2026-01-01"}
    )
    assert faults <= {(each["check"], each["year"]) for each in compliance["reconciliation"] if not each["agrees"]}
