"""The cap-compliance report as workbook, PDF and CSV: other programs find in them what the JSON says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from papers.compliance import SECTIONS
from papers.layout import Column, reach
from papers.report import Section
from tests.papers.samples import pages
from tests.reports.story import REPORT, Story, row

DIFFERENCE = re.compile(r"=ROUND\(([A-Z]+\d+)-([A-Z]+\d+),8\)")
TOTAL = re.compile(r"=SUM\(([A-Z]+)(\d+):[A-Z]+(\d+)\)")


def workbook(story: Story) -> Workbook:
    answer = story.get(f"{REPORT}.xlsx", lang="en")
    assert answer.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return load_workbook(io.BytesIO(answer.data))


def number(sheet: Worksheet, cell: str) -> Decimal:
    return recomputed(sheet, sheet[cell].value)


def recomputed(sheet: Worksheet, value: Any) -> Decimal:
    """The value of a cell as a spreadsheet works it out from the other cells."""
    if difference := DIFFERENCE.fullmatch(str(value)):
        return round(number(sheet, difference[1]) - number(sheet, difference[2]), 8)
    if total := TOTAL.fullmatch(str(value)):
        cells = [f"{total[1]}{place}" for place in range(int(total[2]), int(total[3]) + 1)]
        return sum((number(sheet, cell) for cell in cells if sheet[cell].value), Decimal())
    return Decimal(str(value))


def tables(story: Story) -> Iterator[tuple[Section, list[dict[str, Any]], Worksheet, list[Column], int]]:
    """Each section that has rows: the rows, its sheet, the columns shown, and the sheet's row of headings."""
    report, book = story.report(), workbook(story)
    for place, section in enumerate(SECTIONS, start=1):
        rows = report[section.of or section.key]
        if not rows:
            continue
        sheet: Any = book[next(name for name in book.sheetnames if name.startswith(f"{place}. "))]
        shown = [column for column in section.columns if any(reach(each, column.key) is not None for each in rows)]
        headings = [column.heading.en for column in shown]
        head = next(
            line[0].row for line in sheet.iter_rows() if [cell.value for cell in line][: len(headings)] == headings
        )
        yield section, rows, sheet, shown, head


def test_the_workbook_works_out_what_the_report_says(story: Story) -> None:
    formulas = 0
    for section, rows, sheet, shown, head in tables(story):
        for place, column in enumerate(shown, start=1):
            for line, told in enumerate(rows, start=head + 1):
                value = sheet.cell(line, place).value
                if isinstance(value, str) and value.startswith("="):
                    formulas += 1
                    assert recomputed(sheet, value) == Decimal(told[column.key]), (section.key, column.key, told)
            if column.total:
                formulas += 1
                total = sheet.cell(head + len(rows) + 1, place).value
                expected = sum((Decimal(str(told[column.key] or 0)) for told in rows), Decimal())
                assert recomputed(sheet, total) == expected, (section.key, column.key)
    assert formulas > 20


def test_every_number_of_the_workbook_is_that_of_the_report(story: Story) -> None:
    for section, rows, sheet, shown, head in tables(story):
        for line, told in enumerate(rows, start=head + 1):
            for place, column in enumerate(shown, start=1):
                if column.is_number and told[column.key] is not None:
                    found = recomputed(sheet, sheet.cell(line, place).value)
                    assert found == Decimal(str(told[column.key])), (section.key, column.key)


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", ["收费标准与准许收入合规报告", "沙盒"]), ("en", ["SANDBOX", "adjust"])]
)
def test_the_report_is_a_pdf_in_both_languages(story: Story, lang: str, words: list[str]) -> None:
    answer = story.get(f"{REPORT}.pdf", lang=lang)
    assert answer.mimetype == "application/pdf"
    text = "\n".join(pages(answer.data))
    for part in (*words, "2,600.00", "0.86666667", story.report()["report_hash"][:8]):
        assert part in text


def test_the_papers_of_one_moment_are_the_same_bytes(story: Story) -> None:
    for form in ("pdf", "xlsx", "csv"):
        assert story.get(f"{REPORT}.{form}").data == story.get(f"{REPORT}.{form}").data


def test_a_section_is_a_table_of_its_own(story: Story) -> None:
    read = csv.DictReader(io.StringIO(story.get(f"{REPORT}.csv", section="comparison").data.decode("utf-8-sig")))
    year = row(list(read), scope="year")
    assert (year["compared_actual"], year["duty"], year["sandbox"]) == ("2900.00", "adjust_ceilings", "true")
    tests = story.get(f"{REPORT}.csv")
    assert tests.mimetype == "text/csv"
    assert tests.data.decode("utf-8-sig").startswith("offering,")


def test_all_charges_are_one_table(story: Story) -> None:
    read = csv.DictReader(io.StringIO(story.get(f"{REPORT}/charges.csv").data.decode("utf-8-sig")))
    told = list(read)
    assert [charge["net"] for charge in told] == ["1000.00", "1600.00", "240.00", "50.00", "50.00", "-20.00"]
