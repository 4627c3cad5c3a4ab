"""The cap-compliance report as PDF, workbook and CSV."""

from __future__ import annotations

import csv
import io

import pytest

from papers.compliance import FORM, SECTIONS, compliance_csv, compliance_pdf, compliance_xlsx
from papers.report import SectionUnknown
from papers.wording import Lang
from papers.workbook import sheet_name
from tests.papers.samples import REPORT, SHA256, book, cells, pages, report

TESTS_ZH, TESTS_EN = "2. 价格符合性检验", "2. Price tests against the ceilin"[:31]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "zh",
            [
                "收费标准与准许收入合规报告",
                "不含税",
                "产业发展、行业发展",
                "调整上限收费标准",
                "超限及处理",
                "无",
                "试行",
            ],
        ),
        ("en", ["Cap-compliance Report", "tax-exclusive", "commercial", "adjust ceiling prices", "none", "trial"]),
    ],
)
def test_a_report_prints_header_settings_sections_and_digest(lang: Lang, words: list[str]) -> None:
    text = "\n".join(pages(compliance_pdf(report(), lang)))
    for part in (
        *words,
        "发改价格〔2025〕65号",
        "Asia/Shanghai",
        "0.07133333",
        "9,156,000.00",
        "a_new_setting",
        "its value",
    ):
        assert part in text
    assert text.replace("\n", "").count(SHA256) == 2


def test_a_section_that_the_report_does_not_have_is_left_out_and_an_unknown_key_ignored() -> None:
    text = "\n".join(pages(compliance_pdf(report(another_section=[{"x": "y"}]), "en")))
    assert "Ceiling history" not in text
    assert "ignored" not in text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_and_sheet_of_a_sandbox_says_so(lang: Lang) -> None:
    assert all("沙盒" in text or "SANDBOX" in text for text in pages(compliance_pdf(report(), lang)))
    read = book(compliance_xlsx(report(), lang))
    for sheet in read.worksheets:
        assert any("沙盒" in str(cell.value) or "SANDBOX" in str(cell.value) for cell in sheet["A"])


def test_the_workbook_opens_a_sheet_a_section() -> None:
    names = book(compliance_xlsx(report(), "zh")).sheetnames
    revenue = ["3. 最高准许收入与实际收入", "4. 与最高准许收入比较"]
    assert names == ["封面", "1. 产品与应用场景清单", TESTS_ZH, *revenue, "5. 超限及处理"]


def test_totals_and_differences_are_live_formulas() -> None:
    rows = cells(compliance_xlsx(report(), "en"), TESTS_EN)
    values = cells(compliance_xlsx(report(), "en"), TESTS_EN, values=True)
    head = next(row for row in rows if row[0] == "Offering")
    headroom, net = head.index("Headroom"), head.index("Net")
    first = rows.index(head) + 1
    assert rows[first][headroom] == f"=ROUND(I{first + 1}-G{first + 1},8)"
    assert [row[headroom] for row in values[first : first + 2]] == [0.7, -20]
    assert rows[first + 2][net] == f"=SUM(E{first + 1}:E{first + 2})"
    assert values[first + 2][net] == 11550


def test_all_sections_together_have_sheet_names_of_their_own() -> None:
    full = report(**{section.key: [{column.key: "1" for column in section.columns}] for section in SECTIONS})
    for lang in ("zh", "en"):
        names = book(compliance_xlsx(full, lang)).sheetnames
        assert len(set(names)) == len(SECTIONS) + 1
    assert len(pages(compliance_pdf(full, "en"))) >= 1


def test_a_section_is_a_csv_under_its_keys() -> None:
    rows = list(csv.DictReader(io.StringIO(compliance_csv(report()).decode("utf-8-sig"))))
    assert [row["headroom"] for row in rows] == ["0.70", "-20.00"]
    assert [row["nominal_ok"] for row in rows] == ["true", "false"]
    assert {row["sandbox"] for row in rows} == {"true"}
    revenue = list(csv.DictReader(io.StringIO(compliance_csv(report(), "revenue").decode("utf-8-sig"))))
    assert [row["actual"] for row in revenue] == ["1001200.50"]


def test_a_section_without_rows_is_a_csv_of_its_heading() -> None:
    assert compliance_csv({"header": {}}, "breaches").decode("utf-8-sig").count("\r\n") == 1


def test_an_unknown_section_is_refused_by_the_names_of_the_known() -> None:
    with pytest.raises(SectionUnknown, match="price_tests") as refused:
        compliance_csv(REPORT, "prces")
    assert refused.value.code == "section_unknown"


def test_every_column_that_is_a_difference_names_columns_of_its_section() -> None:
    for section in FORM.sections:
        keys = {column.key for column in section.columns}
        for column in section.columns:
            assert set(column.difference_of or ()) <= keys


def test_a_sheet_name_is_one_that_spreadsheets_take() -> None:
    assert len(sheet_name("x" * 40)) == 31
    assert sheet_name("a[b]:c*d?e/f\\g") == "a b  c d e f g"
