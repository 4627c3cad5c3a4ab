"""The annual operating report (Price Notice 五): the table of its sections, and its three forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from papers import compliance
from papers.layout import Column
from papers.report import Form, Section, report_csv, report_pdf, report_xlsx
from papers.wording import Label, Lang

_PRODUCT: Final = Column("product", Label("产品", "Product"))
_PRODUCT_NAME: Final = Column("product_name", Label("产品名称", "Product name"))
_UNIT: Final = Column("unit", Label("单位", "Unit"), words="unit")
_QUANTITY: Final = Column("quantity", Label("使用量", "Use"), "quantity")
_FREE: Final = Column("free_quantity", Label("其中免费", "Free use"), "quantity")
_BILLED: Final = Column("billed", Label("已出账", "Billed"), "money", total=True)
_CREDITED: Final = Column("credited", Label("已冲减", "Credited"), "money", total=True)
_ACCRUED: Final = Column("accrued", Label("未出账", "Accrued"), "money", total=True)
_PRIOR: Final = Column("prior_year", Label("以前年度项目", "Of prior years"), "money", total=True)
_REVENUE: Final = ("billed", "-credited", "accrued", "prior_year")
_OF_COMPLIANCE: Final = {section.key: section for section in compliance.SECTIONS}

HEADER: Final = (
    Column("year", Label("年度", "Year")),
    Column("due_on", Label("报送截止", "Due on"), "date"),
    *compliance.HEADER,
)

SECTIONS: Final = (
    Section(
        "overview",
        Label("总体经营情况", "Overall operation"),
        (
            Column("products", Label("产品数", "Products"), "integer"),
            Column("offerings", Label("产品与场景数", "Offerings"), "integer"),
            Column("commercial_offerings", Label("其中收费", "Commercial"), "integer"),
            Column("public_interest_offerings", Label("其中公益", "Public interest"), "integer"),
            Column("contracts", Label("合同数", "Contracts"), "integer"),
            Column("free_use_grants", Label("免费授权数", "Free-use grants"), "integer"),
            Column("buyers", Label("数据使用主体数", "Data users"), "integer"),
            Column("actual", Label("实际收入（不含税）", "Actual revenue, without tax"), "money"),
            Column("cost_commercial", Label("产业用途成本", "Cost of commercial use"), "money"),
            Column("cost_public_interest", Label("公益用途成本", "Cost of public-interest use"), "money"),
            Column("profit", Label("利润", "Profit"), "money"),
        ),
    ),
    Section(
        "costs",
        Label("成本情况", "Costs by head and use"),
        (
            Column("head", Label("成本项目", "Head"), words="cost_head"),
            Column("items", Label("明细数", "Items"), "integer", total=True),
            Column("commercial", Label("产业发展、行业发展", "Commercial"), "money", total=True),
            Column("public_interest", Label("公共治理、公益事业", "Public interest"), "money", total=True),
            Column("total", Label("合计", "Total"), "money", total=True, sum_of=("commercial", "public_interest")),
        ),
    ),
    Section(
        "products",
        Label("各产品收入与利润", "Volume, revenue and profit by product"),
        (
            _PRODUCT,
            _PRODUCT_NAME,
            _QUANTITY,
            _FREE,
            _UNIT,
            _BILLED,
            _CREDITED,
            _ACCRUED,
            _PRIOR,
            Column("revenue", Label("收入（不含税）", "Revenue"), "money", total=True, sum_of=_REVENUE),
            Column("cost_own", Label("直接成本", "Own costs"), "money", total=True),
            Column("cost_shared", Label("分摊成本", "Shared costs"), "money", total=True),
            Column(
                "profit",
                Label("利润", "Profit"),
                "money",
                total=True,
                sum_of=("revenue", "-cost_own", "-cost_shared"),
            ),
        ),
    ),
    Section(
        "public_interest",
        Label("公益用途成本", "Costs of public-interest use"),
        (_PRODUCT, _PRODUCT_NAME, Column("cost", Label("成本", "Cost"), "money", total=True)),
    ),
    Section(
        "offerings",
        Label("各产品与场景使用量", "Volume and revenue by offering"),
        (
            Column("offering", Label("编码", "Offering")),
            Column("offering_name", Label("名称", "Name")),
            _PRODUCT,
            Column("category", Label("类别", "Category"), words="category"),
            _QUANTITY,
            _FREE,
            _UNIT,
            Column("revenue", Label("收入（不含税）", "Revenue"), "money", total=True),
        ),
    ),
    *(_OF_COMPLIANCE[key] for key in ("revenue", "comparison", "prior_year_lines", "adjustments", "reconciliation")),
)

FORM: Final = Form(Label("年度经营情况报告", "Annual Operating Report"), HEADER, SECTIONS)


def operation_pdf(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as PDF, A4 across."""
    return report_pdf({"header": report, **report}, FORM, lang)


def operation_xlsx(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as a workbook: a sheet a section; sums, profits and totals as live formulas."""
    return report_xlsx({"header": report, **report}, FORM, lang)


def operation_csv(report: Mapping[str, object], section: str = "products") -> bytes:
    """One section of the report as CSV; raises `SectionUnknown`."""
    return report_csv({"header": report, **report}, FORM, section)
