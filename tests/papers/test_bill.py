"""The bill as PDF and workbook."""

from __future__ import annotations

import io
import re

import pytest
from openpyxl.worksheet.worksheet import Worksheet
from pypdf import PdfReader

from papers.bill import bill_pdf, bill_xlsx
from papers.wording import Lang
from tests.papers.samples import bill, book, cells, pages

LANGS: tuple[Lang, Lang] = ("zh", "en")


def test_a_chinese_bill_says_what_it_is_and_what_it_is_not() -> None:
    text = "\n".join(pages(bill_pdf(bill(), "zh")))
    for part in ("账单", "本账单不是发票", "示例数据运营有限公司", "91350100M000100Y43", "示例普惠金融股份有限公司"):
        assert part in text
    for part in ("B-2026-000123", "2026-03", "不含税价", "12,317.73", "人民币壹万贰仟叁佰壹拾柒元柒角叁分", "税率 6%"):
        assert part in text


def test_an_english_bill_keeps_the_amount_in_chinese_words() -> None:
    text = "\n".join(pages(bill_pdf(bill(), "en")))
    assert "not a tax invoice" in text
    assert "12,317.73" in text
    assert "人民币壹万贰仟叁佰壹拾柒元柒角叁分" in text


def test_no_bill_calls_itself_a_tax_invoice() -> None:
    text = "\n".join(pages(bill_pdf(bill(), "zh")))
    assert text.count("发票") == text.count("不是发票") + text.count("。发票由") + text.count("电子发票服务平台")


def test_lines_say_what_they_correct_what_capped_them_and_that_a_price_is_on_trial() -> None:
    text = "\n".join(pages(bill_pdf(bill(), "zh")))
    for part in ("更正账单 B-2026-000087", "上限减免", "上限收费标准：示例改价〔2025〕118号", "试行收费标准", "-30.00"):
        assert part in text


@pytest.mark.parametrize(("lang", "words"), [("zh", ("固定收费", "预收")), ("en", ("Fixed fee", "Billed in advance"))])
def test_a_fee_of_months_to_come_says_that_it_is_billed_in_advance(lang: Lang, words: tuple[str, str]) -> None:
    line = {**bill()["lines"][0], "kind": "fixed_fee", "service_month": "2026-04", "in_advance": True}
    text = "".join(pages(bill_pdf(bill(lines=[line]), lang)))
    assert all(word in text for word in words)
    assert words[1] not in "".join(pages(bill_pdf(bill(lines=[{**line, "in_advance": False}]), lang)))


def test_a_bill_without_trial_prices_has_no_trial_note() -> None:
    lines = [line for line in bill()["lines"] if "trial" not in line]
    assert "试行" not in "\n".join(pages(bill_pdf(bill(lines=lines), "zh")))


def test_what_was_credited_paid_and_how_to_pay_is_printed() -> None:
    text = "\n".join(pages(bill_pdf(bill(), "en")))
    for part in ("C-2026-000004", "allowance", "R20260412000045", "Outstanding", "7,211.73", "示例银行", "2026-04-30"):
        assert part in text


def test_the_number_of_the_tax_invoice_is_printed_once_it_is_known() -> None:
    text = "\n".join(pages(bill_pdf(bill(fapiao_no="26352000000012345678"), "zh")))
    assert "26352000000012345678" in text.replace("\n", "")


@pytest.mark.parametrize("lang", LANGS)
def test_every_page_of_a_sandbox_says_so(lang: Lang) -> None:
    many = bill(lines=[bill()["lines"][0]] * 60)
    texts = pages(bill_pdf(many, lang))
    assert len(texts) > 2
    assert all("沙盒环境" in text or "SANDBOX" in text for text in texts)
    assert not any("沙盒" in text or "SANDBOX" in text for text in pages(bill_pdf({**many, "sandbox": False}, lang)))


def test_two_hundred_lines_repeat_the_heading_and_count_the_pages() -> None:
    texts = pages(bill_pdf(bill(lines=[{**bill()["lines"][0], "net": f"{place}.00"} for place in range(200)]), "zh"))
    assert len(texts) >= 8
    with_lines = [text for text in texts if "CREDIT.sme-loan" in text]
    assert all("服务月份" in text for text in with_lines)
    assert all("B-2026-000123" in text for text in texts[1:])
    assert all(f"第 {place} 页，共 {len(texts)} 页" in text for place, text in enumerate(texts, start=1))
    assert "19,900.00" in "".join(texts)


def test_a_bill_over_nothing_is_still_a_bill() -> None:
    zero = bill(lines=[], net="0.00", tax="0.00", gross="0.00", gross_in_words="人民币零元整")
    assert "本月无应计费用" in "".join(pages(bill_pdf(zero, "zh")))
    assert cells(bill_xlsx(zero, "en"))


@pytest.mark.parametrize("name", ["#evil [*x*] \\ $a$", '#sys.inputs "q" `r` @l <b>', "= 1 // /* */ -- ~ _u_"])
def test_a_buyers_name_is_text_and_never_markup(name: str) -> None:
    text = "\n".join(pages(bill_pdf(bill(buyer={"name": name}), "en")))
    assert name in text


def test_a_name_cannot_turn_the_reading_direction() -> None:
    text = "\n".join(pages(bill_pdf(bill(buyer={"name": "abc\u202e fdp.exe"}), "en")))
    assert "\u202e" not in text
    assert "fdp.exe" in text


def test_very_long_words_and_texts_are_all_printed() -> None:
    line = {**bill()["lines"][0], "offering_name": "W" * 200, "description": "说明" * 3000}
    text = "".join(pages(bill_pdf(bill(lines=[line], sandbox=False), "zh"))).replace("\n", "")
    assert "W" * 200 in text
    assert text.count("说明") >= 3000


def test_no_mark_of_a_break_stands_in_what_is_copied_or_searched() -> None:
    text = "".join(pages(bill_pdf(bill(), "zh")))
    assert not any(mark in text for mark in "\u200b\u00ad\u2060")
    assert "TRAFFIC.logistics" in text


def test_a_long_word_is_broken_where_its_column_ends() -> None:
    line = {**bill()["lines"][0], "offering_name": "W" * 200, "offering": "x" * 200}
    text = "\n".join(pages(bill_pdf(bill(lines=[line], buyer={"name": "y" * 200}), "en")))
    for letter, longest in (("W", 24), ("x", 60), ("y", 48)):
        assert max(map(len, re.findall(f"{letter}+", text))) <= longest


def test_the_widest_amounts_stand_apart() -> None:
    line = {
        **bill()["lines"][0],
        "quantity": "999999999.999999",
        "unit_price": "99999999.12345678",
        "net": "99999999999.99",
        "tax": "-99999999999.99",
    }
    text = "".join(pages(bill_pdf(bill(lines=[line]), "en")))
    for part in ("999,999,999.999999", "99,999,999.12345678", " 99,999,999,999.99", "-99,999,999,999.99"):
        assert part in text


@pytest.mark.parametrize("lang", LANGS)
def test_the_file_names_its_title_author_language_and_day(lang: Lang) -> None:
    read = PdfReader(io.BytesIO(bill_pdf(bill(), lang)))
    assert read.metadata is not None
    assert read.metadata.title == ("账单 B-2026-000123" if lang == "zh" else "Bill B-2026-000123")
    assert read.metadata.author == "示例数据运营有限公司"
    assert str(read.metadata.creation_date) == "2026-04-01 16:00:00+00:00"
    assert str(read.root_object["/Lang"]).startswith(lang)


def test_the_workbook_sums_the_lines_by_formulas() -> None:
    rows = cells(bill_xlsx(bill(), "zh"))
    values = cells(bill_xlsx(bill(), "zh"), values=True)
    head = next(place for place, row in enumerate(rows) if row[0] == "编码" and row[7] == "不含税金额")
    total = next(row for row in rows[head:] if row[0] == "合计")
    assert total[7] == f"=SUM(H{head + 2}:H{head + 5})"
    assert next(row for row in values[head:] if row[0] == "合计")[7:10] == [11620.5, 697.23, 12317.73]


def test_the_workbook_holds_numbers_as_numbers_with_their_places() -> None:
    sheet = book(bill_xlsx(bill(), "zh")).active
    assert isinstance(sheet, Worksheet)
    formats = {cell.value: cell.number_format for row in sheet.iter_rows() for cell in row if cell.data_type == "n"}
    assert formats[10700] == "#,##0.00"
    assert formats[200.000001] == "#,##0.000000"
    assert formats[150000] == "#,##0"
    assert formats[0.5025] == "#,##0.0000"


def test_the_workbook_checks_the_bills_sums_against_the_lines() -> None:
    wrong = bill(net="11620.51")
    rows = {row[0]: row for row in cells(bill_xlsx(wrong, "en"))}
    values = {row[0]: row for row in cells(bill_xlsx(wrong, "en"), values=True)}
    assert rows["Net amount"][3].startswith("=ROUND(")
    assert values["Net amount"][3] == 0.01
    assert values["VAT at 6%"][3] == 0
    assert values["Total incl. VAT"][3] == -0.01


def test_a_number_that_a_spreadsheet_cannot_hold_exactly_stays_text() -> None:
    line = {**bill()["lines"][0], "unit_price": "12345678.12345678"}
    values = [cell for row in cells(bill_xlsx(bill(lines=[line]), "en")) for cell in row]
    assert "12345678.12345678" in values


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(1)", "http://example.org", "{=1}"]
)
def test_no_text_of_a_workbook_becomes_a_formula_or_a_link(name: str) -> None:
    line = {**bill()["lines"][0], "offering_name": name, "description": name, "net": name}
    sheet = book(bill_xlsx(bill(lines=[line], buyer={"name": name}), "zh")).active
    assert isinstance(sheet, Worksheet)
    found = [cell for row in sheet.iter_rows() for cell in row if cell.value == name]
    assert len(found) >= 3
    assert {cell.data_type for cell in found} <= {"s", "f"}
    assert not any(cell.hyperlink for cell in found)
    assert all(cell.data_type == "s" for cell in found)
