"""The revenue statement as PDF, workbook and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from papers.statement import statement_csv, statement_pdf, statement_xlsx
from papers.wording import Lang
from tests.papers.samples import SHA256, cells, pages, statement


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "zh",
            ["收益分配结算单", "示例市数据局", "按实收", "非税收入缴库信息", "减：本月暂扣", "期末余额", "控制总数"],
        ),
        ("en", ["Revenue Statement", "示例市数据局", "as collected", "Treasury particulars", "Less: held back"]),
    ],
)
def test_a_statement_names_parties_basis_treasury_and_balances(lang: Lang, words: list[str]) -> None:
    text = "\n".join(pages(statement_pdf(statement(), lang)))
    for part in (*words, "示例数运〔2025〕7号", "350100202603200017", "5,836.33", "6,486.33", "33.67", "-50.00"):
        assert part in text
    assert SHA256 in text.replace("\n", "")


def test_a_statement_that_is_not_the_treasurys_has_no_treasury_particulars() -> None:
    plain = {
        key: value for key, value in statement().items() if key not in ("payable_to", "collecting_body", "revenue_item")
    }
    assert "缴库" not in "".join(pages(statement_pdf(plain, "zh")))


def test_a_party_that_got_nothing_still_gets_a_statement() -> None:
    nothing = statement(
        lines=[], adjustments=[], payouts=[], opening="0.00", closing="0.00", paid="0.00", holdback=None
    )
    text = "".join(pages(statement_pdf(nothing, "zh")))
    assert "期末余额" in text
    assert "无" in text


def test_the_workbook_adds_the_account_up_again() -> None:
    rows = {row[0]: row for row in cells(statement_xlsx(statement(), "en"), values=True)}
    assert rows["Shares of this month"][1] == 6486.33
    assert rows["Closing balance"][1] == 5836.33
    assert rows["Closing balance"][3] == 0
    wrong = {row[0]: row for row in cells(statement_xlsx(statement(closing="5836.34"), "en"), values=True)}
    assert wrong["Closing balance"][3] == 0.01


def test_the_csv_is_one_table_whose_amounts_lead_from_opening_to_closing() -> None:
    data = statement_csv(statement())
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    entries = ["opening", "line", "line", "adjustment", "holdback_withheld", "holdback_released", "paid", "closing"]
    assert [row["entry"] for row in rows] == entries
    assert {row["beneficiary"] for row in rows} == {"demo-bureau"}
    assert [row["amount"] for row in rows][:4] == ["1250.00", "6420.00", "66.33", "-50.00"]
    assert rows[3]["month"] == "2026-01"
    assert "sandbox" not in rows[0]


def test_the_csv_of_a_sandbox_says_so_in_every_row() -> None:
    rows = list(csv.DictReader(io.StringIO(statement_csv(statement(sandbox=True)).decode("utf-8-sig"))))
    assert {row["sandbox"] for row in rows} == {"true"}
