"""The sample jurisdiction, and the operator's monthly commands on it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from migrations.schema import migrate
from store.settings import Settings
from tests.cli.command import Command, Ended
from tests.client import Client
from tests.played import keys_said

YEAR_2025 = ("--operator", "operator", "--from", "2025-01-01", "--until", "2026-01-01")
OF_ROLE = {
    "ADMIN_KEY": "/keys",
    "OPERATOR_KEY": "/invoices",
    "GRANTOR_KEY": "/free-use-grants",
    "REGULATOR_KEY": "/revenue-caps",
    "PROVIDER_KEY": "/statements",
    "BUYER_KEY": "/quotes",
    "AUDITOR_KEY": "/audit-log",
}


def rows(command: Command, query: str) -> list[Any]:
    """Look into the SQLite database that a command works on."""
    with sqlite3.connect(command.database_url.removeprefix("sqlite:///")) as connection:
        return connection.execute(query).fetchall()


def report(command: Command, *more: str) -> dict[str, Any]:
    """The compliance report of 2025."""
    document: dict[str, Any] = json.loads(command.done("report", "cap-compliance", *YEAR_2025, *more).out)
    return document


def test_the_play_tells_its_months_and_where_to_look(sample_file: tuple[Path, Ended]) -> None:
    said = sample_file[1].text
    assert "2025-04: 8 bills" in said
    assert "2026-03: 9 bills" in said
    assert "http://127.0.0.1:8000/api/v1/docs" in said
    assert said.count("\ncurl ") == 3


def test_each_role_has_a_key_that_opens_what_is_its_own(sample: Command, sample_file: tuple[Path, Ended]) -> None:
    app = create_app(Settings(sample.database_url))
    keys = keys_said(sample_file[1])
    assert keys.keys() == OF_ROLE.keys()
    for name, path in OF_ROLE.items():
        assert Client(app, keys[name]).seen(path)["items"], path


def test_played_again_it_keeps_everything_and_makes_new_keys(sample: Command, sample_file: tuple[Path, Ended]) -> None:
    before = rows(sample, "SELECT id FROM ledger_transaction")
    again = sample.done("demo", "--url", "http://127.0.0.1:8123")
    assert "bills" not in again.text
    assert "http://127.0.0.1:8123/api/v1/docs" in again.text
    assert rows(sample, "SELECT id FROM ledger_transaction") == before
    assert not set(keys_said(again).values()) & set(keys_said(sample_file[1]).values())


def test_killed_half_way_it_goes_on_to_the_same_end(sample: Command, on_new_file: Command, tmp_path: Path) -> None:
    running = on_new_file.start("demo", log=tmp_path / "log")
    _wait_for("2025-07", tmp_path / "log", running)
    running.kill()
    running.wait()
    assert on_new_file.done("demo").text.count(": 9 bills") == 9
    for query in (
        "SELECT month, number, net, tax, gross FROM invoice ORDER BY number",
        "SELECT count(*), sum(quantity) FROM usage_event",
        "SELECT code, count(*) FROM refused_event GROUP BY code ORDER BY code",
        "SELECT month, pool, output_vat FROM settlement ORDER BY month",
        "SELECT amount, paid_on, remittance_no FROM payout ORDER BY paid_on, amount",
    ):
        assert rows(on_new_file, query) == rows(sample, query)


def test_a_sandbox_that_holds_something_else_is_left_alone(on_new_file: Command) -> None:
    migrate(Settings(on_new_file.database_url), sandbox=True)
    app = create_app(Settings(on_new_file.database_url))
    Client.administrator(app).made("/parties", {"code": "mine", "name": "Mine", "kinds": ["operator"]})
    assert "sample_elsewhere" in on_new_file.refused("demo")


def test_a_real_database_never_becomes_the_sample(on_new_file: Command) -> None:
    migrate(Settings(on_new_file.database_url))
    assert "instance_fixed" in on_new_file.refused("demo")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT DISTINCT kind FROM invoice_line", {"usage", "minimum", "correction", "relief", "ceiling_relief"}),
        ("SELECT DISTINCT model FROM tariff_version", {"per_unit", "graduated", "package"}),
        ("SELECT DISTINCT price_basis FROM tariff_version", {"tax_exclusive", "tax_inclusive"}),
        ("SELECT DISTINCT category FROM classification_decision", {"public_interest", "commercial"}),
        ("SELECT DISTINCT kind FROM contract", {"quote", "public_tariff", "grant"}),
        ("SELECT DISTINCT action FROM grant_decision", {"approve", "suspend", "revoke"}),
        ("SELECT DISTINCT outcome FROM dispute_decision", {"accepted", "rejected"}),
        ("SELECT DISTINCT basis FROM distribution_agreement", {"billed", "collected"}),
        ("SELECT DISTINCT kind FROM settlement_share", {"share", "holdback", "release", "reversal"}),
        ("SELECT DISTINCT charging_basis FROM product", {"call", "item", "volume", "duration"}),
        (
            "SELECT DISTINCT code FROM audit_entry WHERE outcome = 'refused'",
            {
                "above_maximum_needs_reason",
                "credit_exceeds_invoice",
                "markup_above_limit",
                "price_above_ceiling",
                "quote_expired",
                "quote_not_open",
                "redevelopment_by_affiliate",
                "resource_not_offerable",
                "term_needs_reason",
                "trial_required",
                "undertakings_missing",
            },
        ),
    ],
)
def test_the_story_has_what_a_year_can_bring(sample: Command, query: str, expected: set[str]) -> None:
    assert {row[0] for row in rows(sample, query)} >= expected


def test_the_books_of_the_sample_hold(sample: Command) -> None:
    assert sample.done("ledger", "verify").lines[-1] == "passed"
    assert "open" in sample.done("ledger", "export", "--format", "beancount", "--operator", "operator").text


def test_books_that_were_tampered_with_are_found_out(sample: Command) -> None:
    path = sample.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER ledger_entry_no_update")
        connection.execute("UPDATE ledger_entry SET amount = amount + 1 WHERE transaction_id = 7 AND leg = 1")
    ended = sample.end("ledger", "verify")
    assert ended.code == 1
    assert "FAILED  balanced" in ended.text
    assert ended.lines[-1] == "failed"


def test_a_month_is_billed_and_settled_once_it_has_ended(sample: Command) -> None:
    early = sample.end("invoice", "--operator", "operator", "--month", "2026-04")
    assert early.code == 1
    assert "has not ended" in early.text
    sample.done("clock", "2026-05-01T09:00:00+08:00")
    billed = sample.done("invoice", "--operator", "operator", "--month", "2026-04")
    assert billed.lines[0] == "billed now: 9"
    again = sample.done("invoice", "--operator", "operator", "--month", "2026-04")
    assert again.lines == ["billed now: 0", billed.lines[1]]
    settled = sample.done("settle", "--operator", "operator", "--month", "2026-04")
    assert settled.lines[1].startswith("pool ")
    assert settled.text.count("stm_") == 5
    assert sample.done("settle", "--operator", "operator", "--month", "2026-04").out == settled.out


def test_one_contract_is_billed_alone(sample: Command) -> None:
    [[contract]] = rows(sample, "SELECT contract_id FROM invoice WHERE number = '00000001'")
    sample.done("clock", "2026-05-01T09:00:00+08:00")
    billed = sample.done("invoice", "--operator", "operator", "--month", "2026-04", "--contract", contract)
    assert billed.lines[1].startswith("bills of 2026-04: 1, ")
    assert "not_found" in sample.refused("invoice", "--operator", "nobody", "--month", "2026-04")


def test_the_report_is_written_in_every_form(sample: Command, tmp_path: Path) -> None:
    as_of = ("--as-of", "2026-04-08T01:00:00+08:00")
    assert report(sample, *as_of)["sandbox"] is True
    asked = ("report", "cap-compliance", *YEAR_2025, *as_of, "--format")
    sample.done(*asked, "pdf", "--lang", "en", "--output", str(tmp_path / "report.pdf"))
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert sample.done(*asked, "xlsx").out.startswith(b"PK")
    assert "offering" in sample.done(*asked, "csv", "--section", "price_tests").lines[0]


def test_the_same_story_gives_the_same_figures_on_postgresql(sample: Command, sample_on_postgres: Command) -> None:
    assert sample_on_postgres.done("ledger", "verify").lines[-1] == "passed"
    here, there = report(sample), report(sample_on_postgres)
    assert there["reconciled"]
    assert _figures(there) == _figures(here)


def _figures(document: dict[str, Any]) -> Any:
    """The parts of a report that are figures, without ids, links and instants, which differ."""
    return [
        {name: value for name, value in row.items() if name not in ("links", "grant", "contract", "decisions")}
        for part in ("revenue", "price_tests", "price_summary", "free_use", "breaches")
        for row in document[part]
    ]


def _wait_for(said: str, log: Path, running: subprocess.Popen[bytes]) -> None:
    while said not in log.read_text():
        assert running.poll() is None, log.read_text()
