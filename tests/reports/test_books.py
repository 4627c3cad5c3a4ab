"""The books as other programs read them: real postings, checked by beancount (and hledger where it is installed)."""

from __future__ import annotations

import csv
import io
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.books import AccountRef, Posting, credit, debit, post
from registry.tables import Party
from reports import verification
from reports.book_export import export_beancount, export_csv, export_hledger
from reports.books import Bounds, trial_balance
from store.unit import Store, Unit
from tests.conftest import LOCAL

OPERATOR, BUYER = "pty_operator", "pty_buyer"
RECEIVABLE = AccountRef("receivable", OPERATOR, party_id=BUYER)
REVENUE = AccountRef("revenue", OPERATOR)
UNBILLED = AccountRef("unbilled_use", OPERATOR, "CALL", contract_id="con_1")
DELIVERED = AccountRef("delivered_use", OPERATOR, "CALL")


def open_parties(unit: Unit) -> None:
    for party_id, code, kind in ((OPERATOR, "运营 机构#1", "operator"), (BUYER, "buyer_1", "buyer")):
        unit.session.add(Party(id=party_id, code=code, name=code, kinds=[kind], recorded_at=unit.now))


def posting(number: int, fen: int, micro: int, day: date) -> Posting:
    legs = (
        *debit(RECEIVABLE, fen),
        *credit(REVENUE, fen, str(day)[:7]),
        *debit(UNBILLED, micro, str(day)[:7], day),
        *credit(DELIVERED, micro, str(day)[:7], day),
    )
    return Posting(f"test:{number}", "test", OPERATOR, day, legs, document_id=f"doc_{number}")


@pytest.fixture
def books(store: Store) -> Store:
    """Three hundred random transactions of money and use."""
    dice = random.Random(7)

    def fill(unit: Unit) -> None:
        open_parties(unit)
        unit.session.flush()
        days = [date(2025, 3, 1) + timedelta(days=dice.randrange(300)) for _ in range(300)]
        post(
            unit,
            [
                posting(n, dice.randint(-(10**9), 10**9) or 1, dice.randint(1, 10**12), day)
                for n, day in enumerate(days)
            ],
        )

    store.run(LOCAL, fill)
    return store


def exported(store: Store, export: Callable[[Unit, Bounds], object], name: str, folder: Path) -> Path:
    path = folder / name
    with store.reading(LOCAL) as unit:
        path.write_text("".join(export(unit, Bounds(None, unit.now))), encoding="utf-8")  # type: ignore[arg-type]
    return path


def test_beancount_finds_no_fault_in_the_export(books: Store, tmp_path: Path) -> None:
    path = exported(books, export_beancount, "books.beancount", tmp_path)
    checker = Path(sys.executable).with_name("bean-check")
    checked = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "balance" in path.read_text()


def test_beancount_finds_a_fault_that_is_put_into_the_export(books: Store, tmp_path: Path) -> None:
    path = exported(books, export_beancount, "books.beancount", tmp_path)
    content = path.read_text()
    amount = content[content.index("  Assets:Receivable") :].split()[1]
    path.write_text(content.replace(f" {amount} CNY", f" {amount[:-1]}{(int(amount[-1]) + 1) % 10} CNY", 1))
    checker = Path(sys.executable).with_name("bean-check")
    assert subprocess.run([checker, path], capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed on this machine")
def test_hledger_finds_no_fault_in_the_export(books: Store, tmp_path: Path) -> None:
    path = exported(books, export_hledger, "books.journal", tmp_path)
    hledger = str(shutil.which("hledger"))
    checked = subprocess.run([hledger, "-f", path, "check", "--strict"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_csv_export_has_every_leg_once(books: Store, tmp_path: Path) -> None:
    path = exported(books, export_csv, "books.csv", tmp_path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 300 * 4
    assert len({(row["transaction"], row["leg"]) for row in rows}) == len(rows)


def test_the_trial_balance_balances_in_each_asset_and_as_of_a_moment(books: Store) -> None:
    with books.reading(LOCAL) as unit:
        now = trial_balance(unit, Bounds(None, unit.now))
        before = trial_balance(unit, Bounds(None, unit.now - timedelta(days=1)))
        month = trial_balance(unit, Bounds(None, unit.now, date(2025, 4, 1), date(2025, 5, 1)))
    assert [total["asset"] for total in now["totals"]] == ["CALL", "CNY"]
    assert all(total["balanced"] for total in now["totals"] + month["totals"])
    assert now["items"] != month["items"]
    assert before["items"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount = 1",
        "DELETE FROM ledger_entry",
        "UPDATE ledger_transaction SET kind = 'x'",
        (
            "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
            "SELECT transaction_id, 5, account_id, asset, side, amount, recorded_month "
            "FROM ledger_entry WHERE transaction_id = 1 AND leg = 1"
        ),
        (
            "INSERT INTO ledger_transaction (key, kind, book, effective_on, recorded_at, recorded_month, legs) "
            "SELECT 'y', kind, book, effective_on, recorded_at, recorded_month, 2 FROM ledger_transaction WHERE id = 1"
        ),
        (
            "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
            "SELECT transaction_id, leg + 10, account_id, 'CALL', side, amount, recorded_month "
            "FROM ledger_entry WHERE asset = 'CNY'"
        ),
    ],
)
def test_the_database_refuses_to_change_what_is_posted(books: Store, statement: str) -> None:
    with pytest.raises(DBAPIError):
        books.run(LOCAL, lambda unit: unit.connection.execute(text(statement)))


def test_a_replacing_insert_is_refused_too(books: Store) -> None:
    if books.engine.dialect.name != "sqlite":
        pytest.skip("INSERT OR REPLACE is SQLite's")
    replace = (
        "INSERT OR REPLACE INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
        "SELECT transaction_id, leg, account_id, asset, side, 1, recorded_month "
    )
    with pytest.raises(DBAPIError, match=r"append-only|no more legs"):
        books.run(LOCAL, lambda unit: unit.connection.execute(text(replace + "FROM ledger_entry WHERE leg = 1")))


def test_verification_passes_over_books_that_are_whole(store: Store) -> None:
    store.run(LOCAL, open_parties)
    with store.reading(LOCAL) as unit:
        assert [check["check"] for check in verification.findings(unit) if not check["ok"]] == []


def test_verification_finds_revenue_that_no_bill_explains(books: Store) -> None:
    with books.reading(LOCAL) as unit:
        failed = {check["check"] for check in verification.findings(unit) if not check["ok"]}
    assert failed == {"receivables_match", "revenue_matches"}
