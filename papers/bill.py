"""The bill (账单) as PDF and as workbook. It is never a tax invoice (发票), and says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from papers.layout import (
    Block,
    Column,
    Facts,
    Group,
    Note,
    Paper,
    Row,
    Sum,
    Sums,
    Table,
    moment,
    plain,
    reach,
)
from papers.parts import OFFERING_ON_PAGE, banner, facts_of, party, rows_of, with_offering
from papers.typeset import pdf
from papers.wording import Label, Lang, known_word, word
from papers.workbook import xlsx

_NUMBER: Final = Column("no", Label("序号", "No."), "integer")
_MONTH: Final = Column("service_month", Label("服务月份", "Service month"), "date")
_QUANTITY: Final = Column("quantity", Label("数量", "Quantity"), "quantity")
_UNIT: Final = Column("unit", Label("单位", "Unit"), words="unit")
_UNIT_PRICE: Final = Column("unit_price", Label("单价", "Unit price"), "price")
_NET: Final = Column("net", Label("不含税金额", "Net"), "money", total=True)
_TAX: Final = Column("tax", Label("税额", "VAT"), "money", total=True)
_GROSS: Final = Column("gross", Label("价税合计", "Gross"), "money", total=True)

# The page has room for eight columns: what else a line says stands small under the name of the offering.
_PAGE_COLUMNS: Final = (
    _NUMBER,
    OFFERING_ON_PAGE,
    _MONTH,
    _QUANTITY,
    _UNIT,
    _UNIT_PRICE,
    _NET,
    _TAX,
)
_SHEET_COLUMNS: Final = (
    Column("offering", Label("编码", "Code")),
    Column("offering_name", Label("产品与应用场景", "Offering")),
    Column("kind", Label("类别", "Kind"), words="line_kind"),
    _MONTH,
    _QUANTITY,
    _UNIT,
    _UNIT_PRICE,
    _NET,
    _TAX,
    _GROSS,
    Column("corrects", Label("更正账单", "Corrects bill")),
    Column("ceiling_decision_no", Label("上限收费标准文号", "Ceiling decision")),
    Column("in_advance", Label("预收", "In advance"), "yesno"),
    Column("rerated_by", Label("改按收费的决定", "Re-rated by")),
    Column("trial", Label("试行", "Trial price"), "yesno"),
    Column("description", Label("说明", "Description")),
)
_CREDIT_COLUMNS: Final = (
    Column("number", Label("编号", "No.")),
    Column("issued_on", Label("日期", "Date"), "date"),
    Column("reason", Label("原因", "Reason"), words="credit_reason"),
    Column("net", Label("不含税金额", "Net"), "money"),
    Column("tax", Label("税额", "VAT"), "money"),
    Column("gross", Label("价税合计", "Gross"), "money", total=True),
)
_PAYMENT_COLUMNS: Final = (
    Column("received_on", Label("到账日期", "Received on"), "date"),
    Column("bank_reference", Label("银行流水号", "Bank reference")),
    Column("amount", Label("金额", "Amount"), "money", total=True),
)
_PARTICULARS: Final = (
    Column("number", Label("账单编号", "Bill no.")),
    Column("month", Label("账单月份", "Billing month"), "date"),
    Column("issued_on", Label("出具日期", "Issued on"), "date"),
    Column("contract", Label("合同", "Contract")),
    Column("price_basis", Label("计价口径", "Price basis"), words="price_basis"),
    Column("fapiao_no", Label("已开具发票号码", "Tax invoice no.")),
    Column("fapiao_issued_on", Label("发票开具日期", "Tax invoice issued on"), "date"),
)
_SETTLED: Final = (
    Column("credited", Label("已冲减", "Credited"), "money"),
    Column("paid", Label("已收款", "Paid"), "money"),
    Column("outstanding", Label("尚未支付", "Outstanding"), "money"),
)
_HOW_TO_PAY: Final = (
    Column("account_name", Label("收款户名", "Account name")),
    Column("bank", Label("开户银行", "Bank")),
    Column("account_no", Label("账号", "Account no.")),
    Column("due_on", Label("付款期限", "Due on"), "date"),
    Column("reference", Label("汇款附言", "Payment reference")),
    Column("remark", Label("备注", "Remark")),
)


def bill_pdf(bill: Mapping[str, object], lang: Lang) -> bytes:
    """The bill as PDF.

    Required: ``number, month, issued_on`` (dates the file)``, seller, buyer`` (``{name, code, credit_code}``)``,
    net, tax, gross, gross_in_words, lines``. Printed where given: ``contract`` (text, or an object with name and
    code)``, price_basis, vat_rate_percent, credited, paid, outstanding, credit_notes, payments, how_to_pay``
    (``account_name, bank, account_no, due_on, reference, remark``)``, fapiao_no, fapiao_issued_on, sandbox``.

    A line: ``offering`` (code)``, offering_name, kind, service_month, quantity, unit, unit_price, net, tax, gross,
    corrects`` (the number of the bill)``, ceiling_decision_no, in_advance, rerated_by, trial, description``.
    """
    lines = tuple(
        {**with_offering(line, _kind(line, lang), _remarks(line, lang)), "no": place}
        for place, line in enumerate(rows_of(bill, "lines"), start=1)
    )
    return pdf(_paper(bill, lang, _lines(_PAGE_COLUMNS, lines, lang)))


def bill_xlsx(bill: Mapping[str, object], lang: Lang) -> bytes:
    """The same bill as a workbook, of the same input.

    Numbers are numbers, totals are formulas over the lines, and beside the bill's own sums stands what they differ by.
    """
    return xlsx(_paper(bill, lang, _lines(_SHEET_COLUMNS, rows_of(bill, "lines"), lang)))


def _paper(bill: Row, lang: Lang, lines: Table) -> Paper:
    blocks: list[Block] = [
        Note(word("bill.not_a_tax_invoice", lang), is_warning=True),
        Facts((Group("", facts_of(bill, _PARTICULARS, lang)),)),
        Facts(
            (
                party(word("bill.seller", lang), bill["seller"], lang),
                party(word("bill.buyer", lang), bill["buyer"], lang),
            )
        ),
        lines,
        _sums(bill, lang),
        *_notes(bill, lang),
        *_settled(bill, lang),
        *_how_to_pay(bill, lang),
    ]
    return Paper(
        lang=lang,
        title=word("bill.title", lang),
        number=str(bill["number"]),
        issuer=plain(reach(bill, "seller.name"), lang),
        dated_at=moment(bill["issued_on"]),
        blocks=tuple(blocks),
        reminder=word("bill.reminder", lang),
        banner=banner(bill, lang),
    )


def _lines(columns: tuple[Column, ...], lines: tuple[Row, ...], lang: Lang) -> Table:
    return Table(word("bill.lines", lang), columns, lines, word("unit_note", lang), key="lines")


def _kind(line: Row, lang: Lang) -> str:
    return known_word("line_kind", plain(line.get("kind"), lang), lang)


def _remarks(line: Row, lang: Lang) -> tuple[str, ...]:
    """The small lines under an offering: what is corrected, how it was reckoned, the ceiling, in advance, trial."""
    return (
        _worded("line.corrects", "bill", line.get("corrects"), lang),
        plain(line.get("description"), lang),
        _worded("line.ceiling", "decision", line.get("ceiling_decision_no"), lang),
        word("line.in_advance", lang) if line.get("in_advance") is True else "",
        _worded("line.rerated", "decision", line.get("rerated_by"), lang),
        word("line.trial", lang) if line.get("trial") is True else "",
    )


def _worded(key: str, place: str, value: object, lang: Lang) -> str:
    return word(key, lang).format_map({place: plain(value, lang)}) if value else ""


def _sums(bill: Row, lang: Lang) -> Sums:
    rate = bill.get("vat_rate_percent")
    tax_label = word("bill.tax", lang) if rate is None else word("bill.tax_at", lang).format(rate=rate)
    items = [
        Sum(word("bill.net", lang), str(bill["net"]), against="lines.net", sign="+"),
        Sum(tax_label, str(bill["tax"]), against="lines.tax", sign="+"),
        Sum(word("bill.gross", lang), str(bill["gross"]), is_main=True),
        Sum(word("bill.in_words", lang), str(bill["gross_in_words"]), "text"),
    ]
    settled = (Sum(fact.label, fact.value) for fact in facts_of(bill, _SETTLED, lang))
    return Sums((*items, *settled))


def _notes(bill: Row, lang: Lang) -> list[Block]:
    lines = rows_of(bill, "lines")
    notes: list[Block] = [] if lines else [Note(word("bill.no_lines", lang))]
    if any(line.get("trial") is True for line in lines):
        notes.append(Note(word("bill.trial_note", lang), is_warning=True))
    return notes


def _settled(bill: Row, lang: Lang) -> list[Block]:
    tables = (("credit_notes", _CREDIT_COLUMNS), ("payments", _PAYMENT_COLUMNS))
    return [
        Table(word(f"bill.{key}", lang), columns, rows_of(bill, key)) for key, columns in tables if rows_of(bill, key)
    ]


def _how_to_pay(bill: Row, lang: Lang) -> list[Block]:
    ways = bill.get("how_to_pay")
    if not isinstance(ways, Mapping):
        return []
    return [Facts((Group("", facts_of(ways, _HOW_TO_PAY, lang)),), title=word("bill.how_to_pay", lang))]
