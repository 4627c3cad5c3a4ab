"""The revenue statement of a beneficiary as PDF, workbook and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from papers.csv_table import table_csv
from papers.layout import (
    Block,
    Column,
    Fact,
    Facts,
    Group,
    Paper,
    Row,
    Sum,
    Sums,
    Table,
    moment,
    plain,
    reach,
    total_of,
)
from papers.parts import OFFERING_ON_PAGE, SANDBOX_COLUMN, banner, facts_of, party, rows_of, with_offering
from papers.typeset import pdf
from papers.wording import Label, Lang, known_word, word
from papers.workbook import xlsx

_TAKEN: Final = Column("taken", Label("本月应得", "Taken"), "money", total=True)
_ADJUSTED: Final = Column("amount", Label("金额", "Amount"), "money", total=True)
_SHARE_COLUMNS: Final = (
    Column("step", Label("步骤", "Step")),
    Column("kind", Label("方式", "Kind"), words="step_kind"),
    Column("pool", Label("收益池", "Pool"), "money"),
    Column("due", Label("应提取", "Due"), "money", total=True),
    _TAKEN,
    Column("carried", Label("结转", "Carried"), "money", total=True),
    Column("lapsed", Label("失效", "Lapsed"), "money", total=True),
)
_PAGE_COLUMNS: Final = (OFFERING_ON_PAGE, *_SHARE_COLUMNS)
_SHEET_COLUMNS: Final = (
    Column("offering", Label("编码", "Code")),
    Column("offering_name", Label("产品与应用场景", "Offering")),
    *_SHARE_COLUMNS,
)
_ADJUSTMENT_COLUMNS: Final = (
    Column("month", Label("原月份", "Month"), "date"),
    Column("offering", Label("产品与应用场景", "Offering")),
    Column("reference", Label("凭据", "Reference")),
    Column("reason", Label("原因", "Reason"), words="credit_reason"),
    _ADJUSTED,
)
_PAYOUT_COLUMNS: Final = (
    Column("paid_on", Label("支付日期", "Paid on"), "date"),
    Column("bank_reference", Label("银行流水号", "Bank reference")),
    Column("remittance_no", Label("缴款书编号", "Remittance no.")),
    Column("amount", Label("金额", "Amount"), "money", total=True),
)
_FLAT_COLUMNS: Final = (
    Column("statement", Label("结算单编号", "Statement no.")),
    Column("beneficiary", Label("受益方", "Beneficiary")),
    Column("statement_month", Label("结算月份", "Statement month")),
    Column("entry", Label("项目", "Entry")),
    Column("offering", Label("产品与应用场景", "Offering")),
    Column("step", Label("步骤", "Step")),
    Column("kind", Label("方式", "Kind")),
    Column("month", Label("原月份", "Of month")),
    Column("reference", Label("凭据", "Reference")),
    Column("pool", Label("收益池", "Pool"), "money"),
    Column("due", Label("应提取", "Due"), "money"),
    Column("carried", Label("结转", "Carried"), "money"),
    Column("amount", Label("金额", "Amount"), "money"),
)

_PARTICULARS: Final = (
    Column("number", Label("结算单编号", "Statement no.")),
    Column("month", Label("结算月份", "Month"), "date"),
    Column("agreement.agreement_no", Label("分配协议", "Agreement")),
    Column("agreement.clause", Label("协议条款", "Clause")),
    Column("basis", Label("分配口径", "Basis"), words="basis"),
    Column("as_of", Label("数据截至", "As of"), "instant"),
)
_TREASURY: Final = (
    Column("payable_to", Label("收款方", "Payable to")),
    Column("collecting_body", Label("执收单位", "Collecting body")),
    Column("revenue_item", Label("收入项目", "Revenue item")),
)
_OPENING: Final = Column("opening", Label("期初余额", "Opening balance"), "money")
_WITHHELD: Final = Column("holdback.withheld", Label("减：本月暂扣", "Less: held back"), "money")
_RELEASED: Final = Column("holdback.released", Label("加：释放以前暂扣", "Plus: released from holdback"), "money")
_PAID: Final = Column("paid", Label("减：本月已支付", "Less: paid"), "money")
_CLOSING: Final = Column("closing", Label("期末余额", "Closing balance"), "money")
_HELD: Final = Column("holdback.held", Label("累计暂扣未释放", "Held back in all, not released"), "money")
# What the flat file calls the entries of the account that are not lines or adjustments.
_FLAT_ENTRIES_AFTER: Final = (
    ("holdback_withheld", "holdback.withheld"),
    ("holdback_released", "holdback.released"),
    ("paid", "paid"),
    ("closing", "closing"),
)


def statement_pdf(statement: Mapping[str, object], lang: Lang) -> bytes:
    """The statement as PDF.

    Required: ``number, month, as_of`` (dates the file)``, operator, beneficiary`` (``{name, code, credit_code}``)``,
    opening, closing, lines, sha256``. Printed where given: ``agreement`` (``{agreement_no, clause}``)``, basis,
    adjustments, holdback`` (``{withheld, released, held}``)``, paid, payouts, control_totals`` (key → figure)``,
    payable_to, collecting_body, revenue_item, sandbox``. ``withheld`` and ``paid`` are printed as deductions, so they
    come without a minus sign.

    A line: ``offering, offering_name, step, kind, pool, due, taken, carried, lapsed``. An adjustment: ``month,
    offering, reference, reason, amount``. A payout: ``paid_on, bank_reference, remittance_no, amount``.
    """
    lines = tuple(with_offering(line) for line in rows_of(statement, "lines"))
    return pdf(_paper(statement, lang, _lines(_PAGE_COLUMNS, lines, lang)))


def statement_xlsx(statement: Mapping[str, object], lang: Lang) -> bytes:
    """The statement as a workbook: numbers as numbers, totals as formulas over the rows."""
    return xlsx(_paper(statement, lang, _lines(_SHEET_COLUMNS, rows_of(statement, "lines"), lang)))


def statement_csv(statement: Mapping[str, object]) -> bytes:
    """The statement as one flat table for programs, a row an ``entry``, under stable keys.

    ``opening``, one ``line`` a line (``amount`` is what was taken), one ``adjustment`` an adjustment,
    ``holdback_withheld``, ``holdback_released``, ``paid``, ``closing``. Of a sandbox a column ``sandbox`` says so.
    Texts are guarded as `table_csv` says.
    """
    is_sandbox = statement.get("sandbox") is True
    same = {
        "statement": statement["number"],
        "beneficiary": statement["beneficiary"],
        "statement_month": statement["month"],
        "sandbox": is_sandbox,
    }
    columns = (*_FLAT_COLUMNS, SANDBOX_COLUMN) if is_sandbox else _FLAT_COLUMNS
    return table_csv(({**row, **same} for row in _flat_rows(statement)), columns)


def _flat_rows(statement: Row) -> Iterator[dict[str, object]]:
    yield {"entry": "opening", "amount": statement["opening"]}
    for line in rows_of(statement, "lines"):
        yield {**line, "entry": "line", "amount": line.get("taken")}
    for adjustment in rows_of(statement, "adjustments"):
        yield {**adjustment, "entry": "adjustment"}
    for entry, key in _FLAT_ENTRIES_AFTER:
        amount = reach(statement, key)
        if amount is not None:
            yield {"entry": entry, "amount": amount}


def _lines(columns: tuple[Column, ...], lines: tuple[Row, ...], lang: Lang) -> Table:
    return Table(word("statement.lines", lang), columns, lines, word("unit_note", lang), key="lines")


def _paper(statement: Row, lang: Lang, lines: Table) -> Paper:
    return Paper(
        lang=lang,
        title=word("statement.title", lang),
        number=str(statement["number"]),
        issuer=plain(reach(statement, "operator.name"), lang),
        dated_at=moment(statement["as_of"]),
        blocks=tuple(_blocks(statement, lang, lines)),
        reminder=word("statement.reminder", lang),
        banner=banner(statement, lang),
    )


def _blocks(statement: Row, lang: Lang, lines: Table) -> Iterator[Block]:
    yield Facts((Group("", facts_of(statement, _PARTICULARS, lang)),))
    yield Facts(
        (
            party(word("statement.operator", lang), statement["operator"], lang),
            party(word("statement.beneficiary", lang), statement["beneficiary"], lang),
        )
    )
    yield from _group(word("statement.treasury", lang), facts_of(statement, _TREASURY, lang))
    yield lines
    for key, columns in (("adjustments", _ADJUSTMENT_COLUMNS), ("payouts", _PAYOUT_COLUMNS)):
        if rows_of(statement, key):
            yield Table(word(f"statement.{key}", lang), columns, rows_of(statement, key), key=key)
    yield _account(statement, lang)
    yield from _group(word("statement.control_totals", lang), _control_totals(statement, lang))
    yield from _group("", (Fact(word("sha256", lang), str(statement["sha256"]), "digest"),))


def _group(title: str, facts: tuple[Fact, ...]) -> Iterator[Block]:
    if facts:
        yield Facts((Group("", facts),), title=title)


def _account(statement: Row, lang: Lang) -> Sums:
    """From the opening balance to the closing one; the shares and adjustments are the sums of the rows above."""
    shares = total_of(_TAKEN, rows_of(statement, "lines"))
    items = (
        *_sum(statement, _OPENING, lang, "+"),
        Sum(word("statement.lines", lang), str(shares), against="lines.taken", sign="+"),
        *_adjusted(rows_of(statement, "adjustments"), lang),
        *_sum(statement, _WITHHELD, lang, "-"),
        *_sum(statement, _RELEASED, lang, "+"),
        *_sum(statement, _PAID, lang, "-"),
        Sum(_CLOSING.heading.in_(lang), _CLOSING.text(statement, lang), is_main=True),
        *_sum(statement, _HELD, lang, ""),
    )
    return Sums(items)


def _sum(statement: Row, column: Column, lang: Lang, sign: Literal["", "+", "-"]) -> Iterator[Sum]:
    return (Sum(fact.label, fact.value, sign=sign) for fact in facts_of(statement, (column,), lang))


def _adjusted(adjustments: tuple[Row, ...], lang: Lang) -> Iterator[Sum]:
    if adjustments:
        total = str(total_of(_ADJUSTED, adjustments))
        yield Sum(word("statement.adjustments", lang), total, against="adjustments.amount", sign="+")


def _control_totals(statement: Row, lang: Lang) -> tuple[Fact, ...]:
    totals = statement.get("control_totals")
    if not isinstance(totals, Mapping):
        return ()
    return tuple(Fact(known_word("control", str(key), lang), plain(totals[key], lang), "money") for key in totals)
