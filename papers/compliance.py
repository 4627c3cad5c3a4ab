"""The cap-compliance report to the price authority: the table of its sections, and its three forms.

A section or column is added here and nowhere else. What the report's JSON holds beyond this table is not printed.
Source of the report: Price Notice (发改价格〔2025〕65号) parts 三 to 五.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from papers.csv_table import table_csv
from papers.layout import Column, Row
from papers.parts import SANDBOX_COLUMN
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
    Column("authorisations", Label("授权协议", "Authorisations")),
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
            Column("status", Label("状态", "Status"), words="classification_status"),
            Column("grounds", Label("分类理由", "Grounds")),
            Column("charge_reason", Label("收费理由", "Reason to charge")),
            Column("charging_basis", Label("计费依据", "Charging basis"), words="charging_basis"),
            _UNIT,
            Column("classified_from", Label("分类生效", "Classified from"), "date"),
            _DECISION,
            Column("reference_offering", Label("参照", "Reference")),
            Column("agreement_no", Label("授权协议", "Authorisation")),
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
            Column("status", Label("状态", "Status"), words="quote_status"),
            Column("model", Label("收费形式", "Model"), words="model"),
            Column("follows", Label("随行", "Follows"), words="price_source"),
            Column("unit_price", Label("单价", "Unit price"), "price"),
            Column("effective_unit_price", Label("实际单价", "Effective price"), "price"),
            Column("band", Label("档次", "Band")),
            Column("quantity", Label("数量", "Quantity"), "quantity"),
            _UNIT,
            _PRICE_BASIS,
            Column("minimum_commitment", Label("最低消费", "Minimum"), "money"),
            Column("relief", Label("减免", "Relief"), words="relief_kind"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _PER,
            _DECISION,
            _FROM,
            _UNTIL,
            _TRIAL,
        ),
    ),
    Section(
        "adjustments",
        Label("价格调整", "Price adjustments"),
        (
            Column("kind", Label("种类", "Kind"), words="adjustment"),
            _OFFERING,
            _NAME,
            _FROM,
            Column("price_before", Label("调整前", "Before")),
            Column("price_after", Label("调整后", "After")),
            _DECISION,
            Column("recorded_at", Label("记录时间", "Recorded at"), "instant"),
            Column("backdated", Label("追溯", "Back-dated"), "yesno"),
            Column("backdate_reason", Label("追溯理由", "Reason for back-dating")),
            Column("reason", Label("理由", "Reason")),
        ),
    ),
    Section(
        "price_summary",
        Label("各产品执行价格", "Prices charged by offering"),
        (
            _OFFERING,
            _NAME,
            _UNIT,
            _PRICE_BASIS,
            Column("quantity", Label("数量", "Quantity"), "quantity"),
            Column("contracts", Label("合同数", "Contracts"), "integer"),
            Column("charges", Label("计费笔数", "Charges"), "integer", total=True),
            Column("net", Label("不含税金额", "Net"), "money", total=True),
            Column("lowest", Label("最低单价", "Lowest"), "price"),
            Column("highest", Label("最高单价", "Highest"), "price"),
            Column("volume_weighted", Label("加权平均单价", "Volume-weighted"), "price"),
            Column("headroom", Label("最小空间", "Least headroom"), "price"),
            Column("highest_nominal", Label("最高名义价", "Highest nominal"), "price"),
            Column("highest_effective", Label("最高实际价", "Highest effective"), "price"),
            Column("relief", Label("上限减免", "Ceiling relief"), "money", total=True),
            Column("count_above", Label("超限月数", "Count above"), "integer", total=True),
            Column("value_above", Label("超限金额", "Value above"), "money", total=True),
            Column("nominal_ok", Label("名义价合规", "Nominal"), "yesno"),
            Column("effective_ok", Label("实际价合规", "Effective"), "yesno"),
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
            Column("count_above", Label("超限月数", "Count above"), "integer", total=True),
            Column("value_above", Label("超限金额", "Value above"), "money", total=True),
            Column("nominal_ok", Label("名义价合规", "Nominal"), "yesno"),
            Column("effective_ok", Label("实际价合规", "Effective"), "yesno"),
            _PRICE_BASIS,
            _DECISION,
            _FROM,
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
            _PRICE_BASIS,
            Column("quantity_unpriced", Label("无参照价用量", "Use without a price"), "quantity"),
            Column("value_forgone", Label("放弃价值", "Value forgone"), "money", total=True),
            Column("rerated_quantity", Label("改按收费用量", "Re-rated as commercial"), "quantity"),
            Column("review_due_on", Label("下次核查", "Review due"), "date"),
            Column("review_overdue", Label("核查逾期", "Review overdue"), "yesno"),
        ),
    ),
    Section(
        "revenue",
        Label("最高准许收入与实际收入", "Maximum permitted and actual revenue"),
        (
            Column("scope", Label("口径", "Scope"), words="revenue_scope"),
            Column("year", Label("年度", "Year")),
            Column("from", Label("起（含）", "From"), "date"),
            Column("until", Label("止（不含）", "Until"), "date"),
            Column("decision_no", Label("决定文号", "Decision no.")),
            Column("registration_level", Label("登记层级", "Level"), words="registration_level"),
            Column("revenue_basis", Label("税收口径", "Tax basis"), words="price_basis"),
            Column("billed", Label("已出账", "Billed"), "money"),
            Column("credited", Label("已冲减", "Credited"), "money"),
            Column("accrued", Label("未出账", "Accrued"), "money"),
            Column("prior_year", Label("以前年度项目", "Of prior years"), "money"),
            Column(
                "actual",
                Label("实际收入", "Actual"),
                "money",
                sum_of=("billed", "-credited", "accrued", "prior_year"),
            ),
            Column("billed_in_advance", Label("预收未提供服务", "Billed in advance"), "money"),
            Column("maximum_permitted_revenue", Label("最高准许收入", "Maximum permitted"), "money"),
            Column("deduction", Label("本期扣减", "Deduction"), "money"),
            Column(
                "maximum_after_deduction",
                Label("扣减后最高准许收入", "Maximum after deduction"),
                "money",
                difference_of=("maximum_permitted_revenue", "deduction"),
            ),
        ),
    ),
    Section(
        "comparison",
        Label("与最高准许收入比较", "Comparison with the maximum"),
        (
            Column("scope", Label("口径", "Scope"), words="revenue_scope"),
            Column("year", Label("年度", "Year")),
            Column("compared_years", Label("比较年度", "Years compared")),
            Column("compared_actual", Label("比较收入", "Revenue compared"), "money"),
            Column("maximum_after_deduction", Label("扣减后最高准许收入", "Maximum after deduction"), "money"),
            Column(
                "deviation",
                Label("偏离额", "Deviation"),
                "money",
                difference_of=("compared_actual", "maximum_after_deduction"),
            ),
            Column("deviation_percent", Label("偏离（%）", "Deviation (%)"), "percent"),
            Column("ten_percent_line", Label("百分之十线", "10 % line"), "money"),
            Column("exceeds_line", Label("超过百分之十", "Above 10 %"), "yesno"),
            Column("duty", Label("应采取措施", "Duty"), words="duty"),
            Column("provisional", Label("暂计", "Provisional"), "yesno"),
            Column("carried_over", Label("结转扣减", "Deduction carried over"), "money"),
            Column("deduction_proposed", Label("建议下一周期扣减", "Deduction proposed"), "money"),
        ),
        of="revenue",
    ),
    Section(
        "prior_year_lines",
        Label("以前年度项目（报送后记录）", "Prior-year lines, recorded after filing"),
        (
            _OFFERING,
            _NAME,
            Column("service_month", Label("服务月", "Service month")),
            Column("recorded_after", Label("记录起", "Recorded after"), "instant"),
            Column("recorded_until", Label("记录止", "Recorded until"), "instant"),
            Column("counted_in", Label("计入年度", "Counted in")),
            Column("billed", Label("出账变动", "Billed"), "money", total=True),
            Column("credited", Label("冲减变动", "Credited"), "money", total=True),
            Column("accrued", Label("未出账变动", "Accrued"), "money", total=True),
            Column("net", Label("不含税金额", "Net"), "money", total=True),
            Column("gross", Label("价税合计", "Gross"), "money", total=True),
        ),
    ),
    Section(
        "duties",
        Label("偏离引起的义务及履行", "Duties raised by deviations"),
        (
            Column("year", Label("年度", "Year")),
            Column("registration_level", Label("登记层级", "Level"), words="registration_level"),
            Column("deviation", Label("偏离额", "Deviation"), "money"),
            Column("deviation_percent", Label("偏离（%）", "Deviation (%)"), "percent"),
            Column("kind", Label("应采取措施", "Duty"), words="duty"),
            Column("party", Label("义务主体", "Party")),
            Column("party_role", Label("身份", "Role"), words="duty_role"),
            Column("raised_at", Label("提出时间", "Raised at"), "instant"),
            Column("due_on", Label("履行期限", "Due on"), "date"),
            Column("due_given_by", Label("期限依据", "Day given by"), words="due_given_by"),
            Column("status", Label("状态", "Status"), words="duty_status"),
            Column("is_overdue", Label("逾期", "Overdue"), "yesno"),
            Column("statements", Label("履行情况", "What was done")),
            Column("decisions", Label("所作价格决定", "Prices decided")),
            Column("fulfilled_at", Label("履行时间", "Fulfilled at"), "instant"),
            Column("confirmed_at", Label("确认时间", "Confirmed at"), "instant"),
        ),
    ),
    Section(
        "breaches",
        Label("超限及处理", "Breaches and what followed"),
        (
            _OFFERING,
            Column("buyer", Label("数据使用主体", "Data user")),
            Column("service_month", Label("服务月", "Service month")),
            Column("bills", Label("账单", "Bills")),
            Column("billed_on", Label("出账日期", "Billed on"), "date"),
            Column("unit_price", Label("收费单价", "Price"), "price"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _DECISION,
            _PRICE_BASIS,
            Column("quantity", Label("数量", "Quantity"), "quantity"),
            Column("value", Label("超限金额", "Value above"), "money", total=True),
            Column("refunded", Label("已退还", "Refunded"), "money", total=True),
            Column("status", Label("状态", "Status"), words="breach_status"),
        ),
    ),
    Section(
        "breach_records",
        Label("超限事项登记与处理", "Breaches recorded and what followed"),
        (
            Column("record", Label("登记编号", "Record")),
            _OFFERING,
            _NAME,
            Column("cause", Label("原因", "Cause")),
            Column("found_on", Label("发现日期", "Found on"), "date"),
            Column("from", Label("期间起（含）", "From"), "date"),
            Column("until", Label("期间止（不含）", "Until"), "date"),
            Column("buyers", Label("涉及主体", "Data users")),
            Column("value", Label("超限金额", "Value above"), "money", total=True),
            Column("refunded_net", Label("已退不含税", "Refunded net"), "money", total=True),
            Column("refunded_gross", Label("已退价税合计", "Refunded gross"), "money", total=True),
            _DECISION,
            Column("measures", Label("责令措施", "Measures")),
            Column("due_on", Label("期限", "Due on"), "date"),
            Column("answer", Label("答复", "Answer")),
            Column("close_reason", Label("办结理由", "Reason of the close")),
            Column("status", Label("状态", "Status"), words="breach_status"),
        ),
    ),
    Section(
        "complaints",
        Label("投诉反映", "Complaints"),
        (
            _OFFERING,
            _NAME,
            Column("complaints", Label("件数", "Complaints"), "integer", total=True),
            Column("complainants", Label("投诉人数", "Complainants"), "integer"),
            Column("price_too_high", Label("价格偏高", "Price too high"), "integer", total=True),
            Column("unfair_terms", Label("条款不公", "Unfair terms"), "integer", total=True),
            Column("quality", Label("质量", "Quality"), "integer", total=True),
            Column("other", Label("其他", "Other"), "integer", total=True),
            Column("answered", Label("已答复", "Answered"), "integer", total=True),
            Column("closed", Label("已办结", "Closed"), "integer", total=True),
            Column("wide_from", Label("平台自定人数线", "Platform's line"), "integer"),
            Column("price_found_too_high", Label("多数反映价格偏高", "Found too high"), "yesno"),
            Column("widely_complained", Label("反映集中", "Widely complained"), "yesno"),
        ),
    ),
    Section(
        "above_ceiling",
        Label("高于现行上限的收费标准", "Prices above the ceiling in force"),
        (
            _OFFERING,
            Column("source", Label("来源", "Source"), words="price_source"),
            Column("field", Label("价格项", "Price of")),
            Column("price", Label("收费标准", "Price"), "price"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _PER,
            _UNIT,
            _PRICE_BASIS,
            _DECISION,
            Column("since", Label("自何日起", "Since"), "date"),
            Column("contracts_touched", Label("涉及合同数", "Contracts"), "integer"),
        ),
    ),
    Section(
        "refused_attempts",
        Label("被拒绝的超限价格", "Refused attempts above the ceiling"),
        (
            Column("at", Label("时间", "At"), "instant"),
            Column("by", Label("提出方", "By")),
            Column("action", Label("操作", "Action")),
            _OFFERING,
            Column("price", Label("价格", "Price"), "price"),
            Column("ceiling", Label("上限", "Ceiling"), "price"),
            _PER,
            _UNIT,
            _DECISION,
        ),
    ),
    Section(
        "reconciliation",
        Label("勾稽核对", "Reconciliation"),
        (
            Column("check", Label("核对项目", "Check"), words="reconciliation"),
            Column("year", Label("服务年度", "Year of service")),
            Column("account", Label("科目", "Account"), words="account"),
            _OFFERING,
            _UNIT,
            Column("left_label", Label("左方", "Left side"), words="reconciliation_side"),
            Column("left", Label("左方数", "Left"), "quantity"),
            Column("right_label", Label("右方", "Right side"), words="reconciliation_side"),
            Column("right", Label("右方数", "Right"), "quantity"),
            Column("difference", Label("差额", "Difference"), "quantity", difference_of=("left", "right")),
            Column("agrees", Label("相符", "Agrees"), "yesno"),
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
            Column("origin", Label("性质", "Origin"), words="law_origin"),
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


CHARGES: Final = (
    Column("bill_number", Label("账单", "Bill")),
    Column("position", Label("行", "Line"), "integer"),
    Column("issued_on", Label("出账日期", "Issued on"), "date"),
    Column("contract", Label("合同", "Contract")),
    Column("buyer", Label("数据使用主体", "Data user")),
    Column("service_month", Label("服务月", "Service month")),
    Column("service_from", Label("服务起（含）", "Service from"), "date"),
    Column("service_until", Label("服务止（不含）", "Service until"), "date"),
    _OFFERING,
    Column("kind", Label("种类", "Kind"), words="line_kind"),
    Column("quantity", Label("数量", "Quantity"), "quantity"),
    _UNIT,
    Column("nominal_unit_price", Label("名义单价", "Nominal price"), "price"),
    Column("unit_price", Label("单价", "Unit price"), "price"),
    Column("effective_unit_price", Label("实际单价", "Effective price"), "price"),
    _PRICE_BASIS,
    Column("ceiling", Label("上限", "Ceiling"), "price"),
    _DECISION,
    Column("difference", Label("差额", "Difference"), "price"),
    Column("amount", Label("金额", "Amount"), "money"),
    Column("net", Label("不含税金额", "Net"), "money"),
    Column("tax", Label("税额", "Tax"), "money"),
    Column("gross", Label("价税合计", "Gross"), "money"),
    Column("corrects", Label("更正账单", "Corrects")),
    _TRIAL,
)
"""The charges behind the report, which are a table of their own."""


def compliance_pdf(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as PDF, A4 across.

    ``report``: what `HEADER` reads (``as_of`` and ``operator`` required, ``settings`` printed whole, ``sandbox``),
    the sections of `SECTIONS` by their keys, ``report_hash``.
    """
    return report_pdf(_with_header(report), FORM, lang)


def compliance_xlsx(report: Mapping[str, object], lang: Lang) -> bytes:
    """The report as a workbook: a cover, then a sheet a section, totals and differences as live formulas."""
    return report_xlsx(_with_header(report), FORM, lang)


def compliance_csv(report: Mapping[str, object], section: str = "price_tests") -> bytes:
    """One section of the report as CSV; without ``section`` the price tests per offering and ceiling.

    Errors: `SectionUnknown`.
    """
    return report_csv(_with_header(report), FORM, section)


def charges_csv(charges: Iterable[Row], *, sandbox: bool) -> bytes:
    """Charges as CSV; of a sandbox a column ``sandbox`` says so."""
    if sandbox:
        return table_csv(({**charge, "sandbox": True} for charge in charges), (*CHARGES, SANDBOX_COLUMN))
    return table_csv(charges, CHARGES)


def _with_header(report: Mapping[str, object]) -> Mapping[str, object]:
    """The report as `report.py` reads it: its own top members are the header."""
    return {"header": report, **report}
