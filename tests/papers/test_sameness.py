"""The same input gives the same bytes: in one process, in another, in another time zone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papers.bill import bill_pdf, bill_xlsx
from papers.compliance import compliance_csv, compliance_pdf, compliance_xlsx
from papers.statement import statement_csv, statement_pdf, statement_xlsx
from tests.papers.samples import bill, book, report, statement

DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "bill_pdf": lambda: bill_pdf(bill(), "zh"),
    "bill_xlsx": lambda: bill_xlsx(bill(), "zh"),
    "statement_pdf": lambda: statement_pdf(statement(), "en"),
    "statement_xlsx": lambda: statement_xlsx(statement(), "en"),
    "statement_csv": lambda: statement_csv(statement()),
    "compliance_pdf": lambda: compliance_pdf(report(), "zh"),
    "compliance_xlsx": lambda: compliance_xlsx(report(), "zh"),
    "compliance_csv": lambda: compliance_csv(report()),
}


def digests() -> str:
    return " ".join(hashlib.sha256(make()).hexdigest() for make in DOCUMENTS.values())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_the_same_again(name: str) -> None:
    assert DOCUMENTS[name]() == DOCUMENTS[name]()


def test_a_document_is_the_same_in_another_process_and_time_zone() -> None:
    code = "from tests.papers.test_sameness import digests; print(digests())"
    environment = {**os.environ, "TZ": "America/New_York", "PYTHONHASHSEED": "7"}
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True)
    assert run.stdout.decode().strip() == digests()


def test_another_day_gives_another_file() -> None:
    assert bill_pdf(bill(), "zh") != bill_pdf(bill(issued_on="2026-04-03"), "zh")


def test_a_workbook_is_dated_by_its_document_in_utc() -> None:
    properties = book(bill_xlsx(bill(), "zh")).properties
    assert str(properties.created) == str(properties.modified) == "2026-04-01 16:00:00"
