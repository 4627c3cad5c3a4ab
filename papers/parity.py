"""The price-parity report: the table of its sections, and its three forms (Opinion 三, 五; Operation Rules 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from papers.layout import Column
from papers.report import Form, Section, report_csv, report_pdf, report_xlsx
from papers.wording import Label, Lang

_SAME: Final = (
    Column("offering", Label("编码", "Offering")),
    Column("offering_name", Label("名称", "Name")),
    Column("unit", Label("单位", "Unit"), words="unit"),
    Column("service_month", Label("服务月", "Service month")),
    Column("price_basis", Label("计价口径", "Price basis"), words="price_basis"),
    Column("band", Label("档次", "Band")),
)

HEADER: Final = (
    Column("operator", Label("运营机构", "Operator")),
    Column("is_partial", Label("仅含本授权主体的产品", "Offerings of the grantor alone"), "yesno"),
    Column("period.from", Label("期间起（含）", "Period from"), "date"),
    Column("period.until", Label("期间止（不含）", "Until (exclusive)"), "date"),
    Column("service_months.from", Label("服务月起（含）", "Service months from")),
    Column("service_months.until", Label("服务月止（不含）", "Service months until")),
    Column("zone", Label("时区", "Time zone")),
    Column("as_of", Label("数据截至", "As of"), "instant"),
    Column("report_version", Label("报告版本", "Report version")),
    Column("rule_set.version", Label("规则集版本", "Rule set")),
    Column("currency", Label("币种", "Currency")),
    Column("unexplained", Label("未说明差异组数", "Groups with unexplained differences"), "integer"),
    Column("rule_set.hash", Label("规则集摘要", "Rule set digest"), "digest"),
)

FORM: Final = Form(
    Label("价格公平性报告", "Price-parity Report"),
    HEADER,
    (
        Section(
            "groups",
            Label("同等条件价格比较", "Prices for the same"),
            (
                *_SAME,
                Column("buyers", Label("主体数", "Data users"), "integer"),
                Column("contracts", Label("合同数", "Contracts"), "integer"),
                Column("quantity", Label("数量", "Quantity"), "quantity"),
                Column("lowest", Label("最低单价", "Lowest"), "price"),
                Column("highest", Label("最高单价", "Highest"), "price"),
                Column("weighted", Label("加权平均单价", "Volume-weighted"), "price"),
                Column("spread", Label("差幅", "Spread"), "price", difference_of=("highest", "lowest")),
                Column("unexplained", Label("有未说明差异", "Unexplained"), "yesno"),
            ),
        ),
        Section(
            "prices",
            Label("各主体价格及依据", "Prices by data user, with their grounds"),
            (
                *_SAME,
                Column("buyer", Label("数据使用主体", "Data user")),
                Column("contract", Label("合同", "Contract")),
                Column("quantity", Label("数量", "Quantity"), "quantity"),
                Column("amount", Label("金额", "Amount"), "money", total=True),
                Column("credited", Label("已冲减", "Credited"), "money", total=True),
                Column("nominal_unit_price", Label("名义单价", "Nominal price"), "price"),
                Column("charged_unit_price", Label("计费单价", "Charged price"), "price"),
                Column("unit_price", Label("实付单价", "Price paid"), "price"),
                Column("difference", Label("高于最低", "Above the lowest"), "price"),
                Column("grounds_said", Label("公布依据", "Published grounds")),
                Column("explained", Label("差异已说明", "Explained"), "yesno"),
            ),
        ),
    ),
)


def parity_pdf(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as PDF, A4 across."""
    return report_pdf(_with_header(report), FORM, lang)


def parity_xlsx(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as a workbook: a cover, then a sheet a section, totals and differences as live formulas."""
    return report_xlsx(_with_header(report), FORM, lang)


def parity_csv(report: Mapping[str, object], section: str = "prices") -> bytes:
    """One section of the report as CSV; raises `SectionUnknown`."""
    return report_csv(_with_header(report), FORM, section)


def _with_header(report: Mapping[str, object]) -> Mapping[str, object]:
    """The report as `report.py` reads it: its own top members are the header."""
    return {"header": report, **report}
