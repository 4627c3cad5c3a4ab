"""The cap-compliance report to the price authority: the table of its sections, and its three forms.

A section or column is added here and nowhere else. What the report's JSON holds beyond this table is not printed.
Source of the report: Price Notice (发改价格〔2025〕65号) parts 三 to 五.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from papers.layout import Column
from papers.report import Form, Section, report_csv, report_pdf, report_xlsx
from papers.wording import Label, Lang

_OFFERING: Final = Column("offering", Label("编码", "Offering"))
_NAME: Final = Column("offering_name", Label("名称", "Name"))
_UNIT: Final = Column("unit", Label("单位", "Unit"), words="unit")
_PER: Final = Column("per_quantity", Label("每数量", "Per quantity"), "quantity")
_FROM: Final = Column("effective_from", Label("生效（含）", "Effective from"), "date")
_UNTIL: Final = Column("effective_until", Label("失效（不含）", "Effective until"), "date")
_DECISION: Final = Column("decision_no", Label("决定文号", "Decision no."))
_PRICE_BASIS: Final = Column("price_basis", Label("计价口径", "Price basis"), words="price_basis")
_TRIAL: Final = Column("trial", Label("试行", "Trial"), "yesno")

HEADER: Final = (
    Column("operator", Label("运营机构", "Operator")),
    Column("grantor", Label("授权主体", "Grantor")),
    Column("regulator", Label("价格主管部门", "Price authority")),
    Column("period.from", Label("期间起（含）", "Period from"), "date"),
    Column("period.until", Label("期间止（不含）", "Until (exclusive)"), "date"),
    Column("zone", Label("时区", "Time zone")),
    Column("as_of", Label("数据截至", "As of"), "instant"),
    Column("report_version", Label("报告版本", "Report version")),
    Column("rule_set.version", Label("规则集版本", "Rule set")),
    Column("currency", Label("币种", "Currency")),
    Column("legal_basis", Label("依据", "Legal basis")),
    Column("decision_numbers", Label("决定文号", "Decisions")),
    Column("rule_set.hash", Label("规则集摘要", "Rule set digest"), "digest"),
)

SECTIONS: Final = (
    Section(
        "offerings",
        Label("产品与应用场景清单", "Register of offerings"),
        (
            Column("code", Label("编码", "Offering")),
            Column("name", Label("名称", "Name")),
            Column("product", Label("产品", "Product")),
            Column("scenario", Label("应用场景", "Scenario")),
            Column("category", Label("类别", "Category"), words="category"),
            Column("charging_basis", Label("计费依据", "Charging basis"), words="charging_basis"),
            _UNIT,
            Column("classified_from", Label("分类生效", "Classified from"), "date"),
            _DECISION,
            Column("registration_code", Label("登记编码", "Registration code")),
        ),
    ),
    Section(
        "ceilings",
        Label("上限收费标准沿革", "Ceiling history"),
        (
            _OFFERING,
            _NAME,
            Column("unit_price", Label("上限收费标准", "Ceiling price"), "price"),
            _PER,
            _UNIT,
            Column("charging_form", Label("收费方式", "Charging form"), words="charging_form"),
            _PRICE_BASIS,
            Column("base_price", Label("基本费上限", "Base price"), "price"),
            _FROM,
            _UNTIL,
            _DECISION,
            Column("report_no", Label("报告文号", "Report no.")),
            Column("reported_on", Label("报告日期", "Reported on"), "date"),
        ),
    ),
    Section(
        "prices",
        Label("执行、报价与合同价格", "Prices in force, quoted and contracted"),
        (
            _OFFERING,
            _NAME,
            Column("source", Label("来源", "Source"), words="price_source"),
            Column("reference", Label("凭据", "Reference")),
            Column("buyer", Label("数据使用主体", "Data user")),
            Column("model", Label("收费形式", "Model"), words="model"),
            Column("unit_price", Label("单价", "Unit price"), "price"),
            Column("band", Label("档次", "Band")),
            _UNIT,
            _PRICE_BASIS,
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _FROM,
            _UNTIL,
            _TRIAL,
        ),
    ),
    Section(
        "price_tests",
        Label("价格符合性检验", "Price tests against the ceiling"),
        (
            _OFFERING,
            _NAME,
            _UNIT,
            Column("quantity", Label("数量", "Quantity"), "quantity"),
            Column("charges", Label("计费笔数", "Charges"), "integer", total=True),
            Column("net", Label("不含税金额", "Net"), "money", total=True),
            Column("lowest", Label("最低单价", "Lowest"), "price"),
            Column("highest", Label("最高单价", "Highest"), "price"),
            Column("volume_weighted", Label("加权平均单价", "Volume-weighted"), "price"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            Column("headroom", Label("空间", "Headroom"), "price", difference_of=("ceiling", "highest")),
            Column("count_above", Label("超限笔数", "Count above"), "integer", total=True),
            Column("value_above", Label("超限金额", "Value above"), "money", total=True),
            Column("nominal_ok", Label("名义价合规", "Nominal"), "yesno"),
            Column("effective_ok", Label("实际价合规", "Effective"), "yesno"),
            _TRIAL,
        ),
    ),
    Section(
        "free_use",
        Label("免费使用登记", "Free-use register"),
        (
            Column("grant", Label("授权编号", "Grant")),
            _OFFERING,
            _NAME,
            Column("buyer", Label("数据使用主体", "Data user")),
            Column("purpose_statement", Label("用途", "Purpose")),
            Column("status", Label("状态", "Status"), words="grant_status"),
            _FROM,
            _UNTIL,
            Column("quantity_limit", Label("数量上限", "Limit"), "quantity"),
            Column("quantity", Label("免费用量", "Free use"), "quantity"),
            _UNIT,
            Column("reference_offering", Label("参照", "Reference")),
            Column("reference_price", Label("参照单价", "Reference price"), "price"),
            Column("value_forgone", Label("放弃价值", "Value forgone"), "money", total=True),
        ),
    ),
    Section(
        "revenue",
        Label("最高准许收入与实际收入", "Maximum permitted and actual revenue"),
        (
            Column("year", Label("年度", "Year")),
            Column("decision_no", Label("决定文号", "Decision no.")),
            Column("revenue_basis", Label("税收口径", "Tax basis"), words="price_basis"),
            Column("maximum", Label("最高准许收入", "Maximum permitted"), "money"),
            Column("deduction", Label("本期扣减", "Deduction"), "money"),
            Column("maximum_after_deduction", Label("扣减后最高准许收入", "Maximum after deduction"), "money"),
            Column("billed", Label("已出账", "Billed"), "money"),
            Column("credited", Label("已冲减", "Credited"), "money"),
            Column("accrued", Label("未出账", "Accrued"), "money"),
            Column("prior_year", Label("以前年度项目", "Prior-year items"), "money"),
            Column("actual", Label("实际收入", "Actual"), "money"),
            Column(
                "deviation", Label("偏离额", "Deviation"), "money", difference_of=("actual", "maximum_after_deduction")
            ),
            Column("deviation_percent", Label("偏离（%）", "Deviation (%)"), "percent"),
            Column("ten_percent_line", Label("百分之十线", "10 % line"), "money"),
            Column("exceeds_line", Label("超过百分之十", "Above 10 %"), "yesno"),
            Column("duty", Label("应采取措施", "Duty"), words="duty"),
            Column("deduction_proposed", Label("建议下一周期扣减", "Deduction proposed"), "money"),
        ),
    ),
    Section(
        "breaches",
        Label("超限及处理", "Breaches and what followed"),
        (
            Column("breach", Label("编号", "No.")),
            _OFFERING,
            Column("buyer", Label("数据使用主体", "Data user")),
            Column("found_on", Label("发现日期", "Found on"), "date"),
            Column("unit_price", Label("收费单价", "Price"), "price"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _DECISION,
            Column("quantity", Label("数量", "Quantity"), "quantity"),
            Column("value", Label("超限金额", "Value above"), "money", total=True),
            Column("refunded", Label("已退还", "Refunded"), "money", total=True),
            Column("status", Label("状态", "Status"), words="breach_status"),
            Column("closed_on", Label("办结日期", "Closed on"), "date"),
            Column("followed", Label("处理情况", "What followed")),
        ),
    ),
    Section(
        "reconciliation",
        Label("勾稽核对", "Reconciliation"),
        (
            Column("check", Label("核对项目", "Check")),
            Column("left_label", Label("左方", "Left side")),
            Column("left", Label("左方数", "Left"), "quantity"),
            Column("right_label", Label("右方", "Right side")),
            Column("right", Label("右方数", "Right"), "quantity"),
            Column("difference", Label("差额", "Difference"), "quantity", difference_of=("left", "right")),
        ),
    ),
    Section(
        "parameters",
        Label("所用规则参数", "Parameters of law used"),
        (
            Column("parameter", Label("参数", "Parameter")),
            Column("value", Label("取值", "Value")),
            _UNIT,
            Column("source", Label("来源文件", "Source")),
            Column("article", Label("条款", "Article")),
            _FROM,
            Column("verified", Label("已核对原文", "Verified"), "yesno"),
        ),
    ),
)

FORM: Final = Form(
    Label("收费标准与准许收入合规报告", "Cap-compliance Report"),
    HEADER,
    SECTIONS,
    notes=(
        (
            "trial",
            Label(
                "标注为试行的收费标准，系运营机构尚无一个完整运营年度期间，经授权主体书面指导制定。",
                "A price marked as trial is set under the grantor's recorded guidance while the operator has no "
                "complete operating year.",
            ),
        ),
    ),
)


def compliance_pdf(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as PDF, A4 across.

    ``report``: ``header`` (as `HEADER` reads it, ``as_of`` and ``operator`` required, ``settings`` printed whole,
    ``sandbox``)``, ``the sections of `SECTIONS` by their keys, ``report_hash``.
    """
    return report_pdf(report, FORM, lang)


def compliance_xlsx(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as a workbook: a cover, then a sheet a section, totals and differences as live formulas."""
    return report_xlsx(report, FORM, lang)


def compliance_csv(report: Mapping[str, object], section: str = "price_tests") -> bytes:
    """One section of the report as CSV; without ``section`` the price tests per offering.

    Errors: `SectionUnknown`.
    """
    return report_csv(report, FORM, section)
