"""The cap-compliance report as workbook, PDF and CSV: other programs find in them what the JSON says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from papers.compliance import SECTIONS
from tests.papers.samples import pages
from tests.reports.spreadsheet import Told, formulas_held, require_numbers, told_in
from tests.reports.story import REPORT, Story, row


def tables(story: Story) -> Iterator[Told]:
    answer = story.get(f"{REPORT}.xlsx", lang="en")
    assert answer.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return told_in(answer.data, SECTIONS, story.report())


def test_the_workbook_works_out_what_the_report_says(story: Story) -> None:
    assert sum(formulas_held(told) for told in tables(story)) > 20


def test_every_number_of_the_workbook_is_that_of_the_report(story: Story) -> None:
    for told in tables(story):
        require_numbers(told)


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
