"""The words that documents print, each in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Lang: TypeAlias = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Label:
    """One term in both languages."""

    zh: str
    en: str

    def in_(self, lang: Lang) -> str:
        """The term in one of them."""
        return self.zh if lang == "zh" else self.en


def word(key: str, lang: Lang) -> str:
    """The term in a language; a key that is not in the table is a `KeyError`.

    >>> word("bill.title", "zh"), word("bill.title", "en")
    ('账单', 'Bill')
    """
    return WORDS[key].in_(lang)


def known_word(group: str, value: str, lang: Lang) -> str:
    """The term for a coded wire value, in whatever case; the value itself where the table does not know it.

    >>> known_word("basis", "billed", "en"), known_word("unit", "CALL", "zh"), known_word("unit", "GB", "zh")
    ('as billed', '次', 'GB')
    """
    label = WORDS.get(f"{group}.{value.lower()}")
    return value if label is None else label.in_(lang)


WORDS: Final[Mapping[str, Label]] = {
    # general
    "yes": Label("是", "yes"),
    "no": Label("否", "no"),
    "none": Label("无", "none"),
    "list_separator": Label("；", "; "),
    "name_and_code": Label("{name}（{code}）", "{name} ({code})"),
    "total": Label("合计", "Total"),
    "difference": Label("核对差额（应为 0）", "Check (should be 0)"),
    "unit_note": Label("金额单位：人民币元", "Amounts in CNY"),
    "page": Label("第 {page} 页，共 {pages} 页", "Page {page} of {pages}"),
    "sha256": Label("内容摘要（SHA-256）", "Content digest (SHA-256)"),
    "banner.sandbox": Label(
        "沙盒环境文件：仅供试用、教学与测试，不具任何效力",
        "SANDBOX DOCUMENT: for trial, teaching and testing only, without any effect",
    ),
    # the bill
    "bill.seller": Label("运营机构", "Operator"),
    "bill.buyer": Label("数据使用主体", "Data user"),
    "bill.title": Label("账单", "Bill"),
    "bill.not_a_tax_invoice": Label(
        "本账单不是发票。发票由运营机构依申请通过税务机关电子发票服务平台另行开具。",
        "This bill is not a tax invoice. The tax invoice (fapiao) is issued separately, on application, "
        "on the tax authority's platform.",
    ),
    "bill.reminder": Label("本账单不是发票", "This bill is not a tax invoice"),
    "bill.lines": Label("费用明细", "Charges"),
    "bill.no_lines": Label("本月无应计费用。", "Nothing was charged for this month."),
    "bill.net": Label("不含税金额", "Net amount"),
    "bill.tax": Label("增值税税额", "VAT"),
    "bill.tax_at": Label("增值税税额（税率 {rate}%）", "VAT at {rate}%"),
    "bill.gross": Label("价税合计", "Total incl. VAT"),
    "bill.in_words": Label("大写金额", "In words"),
    "bill.credit_notes": Label("贷项通知", "Credit notes"),
    "bill.payments": Label("收款记录", "Payments received"),
    "bill.how_to_pay": Label("付款方式", "How to pay"),
    "bill.trial_note": Label(
        "标注为试行收费标准的，系运营机构尚无一个完整运营年度期间，经授权主体书面指导制定的收费标准。",
        "A price marked as trial price is set under the grantor's recorded guidance while the operator has no "
        "complete operating year.",
    ),
    "line.corrects": Label("更正账单 {bill}", "Corrects bill {bill}"),
    "line.ceiling": Label("上限收费标准：{decision}", "Ceiling decision: {decision}"),
    "line.in_advance": Label("预收", "Billed in advance"),
    "line.rerated": Label("经认定属商业使用，补计：{decision}", "Free use found commercial by decision {decision}"),
    "line.trial": Label("试行收费标准", "Trial price"),
    "unit.item": Label("件", "item"),
    "unit.call": Label("次", "call"),
    "unit.record": Label("条", "record"),
    "unit.hour": Label("小时", "hour"),
    "unit.day": Label("天", "day"),
    "unit.month": Label("月", "month"),
    "unit.year": Label("年", "year"),
    "line_kind.usage": Label("使用费", "Use"),
    "line_kind.correction": Label("更正", "Correction"),
    "line_kind.minimum": Label("最低消费", "Minimum commitment"),
    "line_kind.fixed_fee": Label("固定收费", "Fixed fee"),
    "line_kind.package": Label("套餐费", "Package"),
    "line_kind.free": Label("免费使用", "Free use"),
    "line_kind.relief": Label("减免", "Relief"),
    "line_kind.ceiling_relief": Label("上限减免", "Ceiling relief"),
    "line_kind.discount": Label("优惠", "Discount"),
    "line_kind.calculated_not_collected": Label("计费不收费", "Calculated, not collected"),
    "price_basis.tax_exclusive": Label("不含税价", "tax-exclusive prices"),
    "price_basis.tax_inclusive": Label("含税价", "tax-inclusive prices"),
    "credit_reason.issued_in_error": Label("开具有误", "issued in error"),
    "credit_reason.returned": Label("退回", "returned"),
    "credit_reason.allowance": Label("折让", "allowance"),
    "credit_reason.service_stopped": Label("服务中止", "service stopped"),
    "credit_reason.late_use": Label("迟到用量", "late use"),
    "credit_reason.fee_changed": Label("固定收费调整", "fixed fee changed"),
    "credit_reason.above_ceiling": Label("超出上限收费标准", "above the ceiling"),
    # the statement
    "statement.title": Label("收益分配结算单", "Revenue Statement"),
    "statement.reminder": Label("本结算单不是发票", "This statement is not a tax invoice"),
    "statement.operator": Label("运营机构", "Operator"),
    "statement.payouts": Label("支付记录", "Payouts"),
    "statement.beneficiary": Label("受益方", "Beneficiary"),
    "statement.treasury": Label("非税收入缴库信息", "Treasury particulars"),
    "statement.lines": Label("本月应得份额", "Shares of this month"),
    "statement.adjustments": Label("以前月份调整", "Adjustments of earlier months"),
    "statement.control_totals": Label("控制总数", "Control totals"),
    "basis.billed": Label("按出账", "as billed"),
    "basis.collected": Label("按实收", "as collected"),
    "step_kind.fixed_fee": Label("固定费用", "Fixed fee"),
    "step_kind.cost_recovery": Label("成本补偿", "Cost recovery"),
    "step_kind.percentage": Label("按比例", "Percentage"),
    "step_kind.holdback": Label("暂扣", "Holdback"),
    "step_kind.residual": Label("剩余分配", "Residual share"),
    "control.pool": Label("收益池", "Pool"),
    "control.output_vat": Label("销项税额", "Output VAT"),
    "control.shares": Label("各方份额合计", "Sum of all shares"),
    "control.taken": Label("各方应得合计", "Taken by all parties"),
    "control.difference": Label("差额", "Difference"),
    "control.lines": Label("明细行数", "Number of lines"),
    "control.gross": Label("含税金额", "Gross"),
    # reports
    "report.reminder": Label("依据系统账簿生成", "Produced from the books of the service"),
    "report.settings": Label("口径与设置", "Bases and settings"),
    "report.hash": Label("报告摘要（SHA-256）", "Report digest (SHA-256)"),
    "report.cover": Label("封面", "Cover"),
    "setting.tax_basis": Label("税收口径", "Tax basis"),
    "setting.comparison": Label("比较方式", "Comparison"),
    "setting.deviation_sign": Label("偏离方向", "Sign of deviation"),
    "setting.rounding": Label("舍入规则", "Rounding"),
    "setting.operating_year": Label("运营年度", "Operating year"),
    "setting.cycle": Label("监管周期", "Cycle"),
    "setting.deviation_line_percent": Label("偏离警戒线（%）", "Deviation line (%)"),
    "setting.price_basis": Label("计价口径", "Price basis"),
    "setting_value.tax_exclusive": Label("不含税", "tax-exclusive"),
    "setting_value.tax_inclusive": Label("含税", "tax-inclusive"),
    "setting_value.annual": Label("按年度", "annual"),
    "setting_value.cycle": Label("按周期", "by cycle"),
    "setting_value.annual_and_cycle": Label("按年度与按周期均计算", "annual and by cycle, both computed"),
    "setting_value.both": Label("正负偏离均报告", "both reported"),
    "setting_value.calendar_year": Label("公历年度", "calendar year"),
    "setting.revenue_counted_by": Label("收入归属", "Revenue counted by"),
    "setting.accrual": Label("未出账用量计价", "Unbilled use valued"),
    "setting.late_items": Label("以后项目归属", "Later items counted in"),
    "setting.price_compared_in": Label("价格比较口径", "Prices compared in"),
    "setting_value.service_month": Label("服务月", "month of service"),
    "setting_value.rated_as_billed": Label("按出账同一规则计价", "rated as bills are"),
    "setting_value.year_of_recording_once_filed": Label(
        "年度报告报送后记录的，计入记录年度", "the year of recording, once the year's report is filed"
    ),
    "setting_value.basis_of_the_bill": Label("账单计价口径", "the tax basis of the bill"),
    "setting_value.twelve_months": Label("自运营起满十二个月", "twelve months from the start"),
    "setting_value.half_up": Label("四舍五入（远离零），至分", "half up, away from zero, to the fen"),
    "category.public_interest": Label("公共治理、公益事业", "public interest"),
    "category.commercial": Label("产业发展、行业发展", "commercial"),
    "charging_basis.item": Label("按件", "per item"),
    "charging_basis.call": Label("按次", "per call"),
    "charging_basis.duration": Label("按时长", "by duration"),
    "charging_basis.volume": Label("按数据量", "by volume"),
    "charging_form.item": Label("按件", "per item"),
    "charging_form.call": Label("按次", "per call"),
    "charging_form.duration": Label("按时长", "by duration"),
    "charging_form.volume": Label("按数据量", "by volume"),
    "charging_form.month": Label("按月", "per month"),
    "charging_form.year": Label("按年", "per year"),
    "model.per_unit": Label("单价", "per unit"),
    "model.graduated": Label("分档累加", "graduated"),
    "model.volume": Label("分档全量", "volume"),
    "model.package": Label("套餐", "package"),
    "model.flat_period": Label("包干", "flat per period"),
    "model.two_part": Label("两部制", "two-part"),
    "price_source.in_force": Label("公布执行", "in force"),
    "price_source.published": Label("公布执行", "published"),
    "price_source.quoted": Label("报价", "quoted"),
    "price_source.contracted": Label("合同约定", "contracted"),
    "price_source.public_tariff": Label("公布价格", "public tariff"),
    "classification_status.proposed": Label("拟定", "proposed"),
    "classification_status.confirmed": Label("已确认", "confirmed"),
    "quote_status.open": Label("有效", "open"),
    "quote_status.accepted": Label("已接受", "accepted"),
    "quote_status.withdrawn": Label("已撤回", "withdrawn"),
    "quote_status.expired": Label("已过期", "expired"),
    "relief_kind.none": Label("无", "none"),
    "relief_kind.discount": Label("优惠", "discount"),
    "relief_kind.calculated_not_collected": Label("计费不收费", "calculated, not collected"),
    "adjustment.ceiling": Label("上限收费标准", "ceiling"),
    "adjustment.tariff": Label("具体收费标准", "actual price"),
    "revenue_scope.year": Label("年度", "year"),
    "revenue_scope.cycle": Label("监管周期", "cycle"),
    "revenue_scope.period": Label("报告期", "period"),
    "reconciliation.use": Label("用量守恒", "use conserved"),
    "reconciliation.billed_use": Label("已计费用量", "billed use"),
    "reconciliation.revenue": Label("收入", "revenue"),
    "reconciliation.revenue_year": Label("年度收入", "revenue of the year"),
    "reconciliation.cost": Label("运营成本", "operating cost"),
    "reconciliation.cost_clearing": Label("运营成本合计", "all operating cost"),
    "reconciliation_side.items_cost": Label("成本明细减冲销", "items less reversals"),
    "reconciliation_side.books_cost": Label("账簿：成本科目", "books: cost account"),
    "reconciliation_side.books_accrued_cost": Label("账簿：暂估成本", "books: accrued cost"),
    "reconciliation.vat": Label("增值税", "VAT"),
    "reconciliation.receivable": Label("应收与预收", "owed by buyers"),
    "reconciliation.payable": Label("应付收益分成", "payable shares"),
    "reconciliation.distributable": Label("可分配收入", "distributable revenue"),
    "reconciliation.pools": Label("收益池", "pools"),
    "reconciliation.shares": Label("各方份额", "shares"),
    "reconciliation_side.books_delivered": Label("账簿：已提供用量", "books: use delivered"),
    "reconciliation_side.books_contracts": Label("账簿：各合同用量", "books: use of the contracts"),
    "reconciliation_side.books_billed_use": Label("账簿：已计费用量", "books: billed use"),
    "reconciliation_side.books_revenue": Label("账簿：收入减减免", "books: revenue less reliefs"),
    "reconciliation_side.books_vat": Label("账簿：销项税额", "books: output VAT"),
    "reconciliation_side.books_owed": Label("账簿：应收减预收", "books: receivable less balances"),
    "reconciliation_side.books_payable": Label("账簿：应付与应缴", "books: payables"),
    "reconciliation_side.papers_quantity": Label("账单数量减退回", "bills: quantity less returns"),
    "reconciliation_side.papers_net": Label("账单净额减贷项", "bills: net less credits"),
    "reconciliation_side.papers_tax": Label("账单税额减贷项税额", "bills: tax less credits"),
    "reconciliation_side.papers_owed": Label("账单减贷项减收款", "bills less credits and payments"),
    "reconciliation_side.papers_payable": Label("结算份额减支付", "shares less payouts"),
    "reconciliation_side.papers_covered": Label("协议覆盖的账单净额", "bills: net under agreements"),
    "reconciliation_side.runs_taken": Label("已分配加待分配", "taken and outstanding"),
    "reconciliation_side.runs_taken_only": Label("自账单提取", "taken from bills"),
    "reconciliation_side.runs_pools": Label("各收益池", "pools"),
    "reconciliation_side.runs_shares": Label("各方份额", "shares"),
    "cost_head.platform": Label("平台建设和运维", "platform"),
    "cost_head.data_processing": Label("数据传输、汇聚、存储、处理", "data processing"),
    "cost_head.personnel": Label("人力", "personnel"),
    "cost_head.data_acquisition": Label("公共数据获取", "data acquisition"),
    "cost_head.period_expense": Label("期间费用", "period expense"),
    "account.cost_platform_commercial": Label("平台建设和运维（产业发展、行业发展）", "platform, commercial"),
    "account.cost_platform_public_interest": Label("平台建设和运维（公共治理、公益事业）", "platform, public interest"),
    "account.cost_data_processing_commercial": Label(
        "数据传输、汇聚、存储、处理（产业发展、行业发展）", "data processing, commercial"
    ),
    "account.cost_data_processing_public_interest": Label(
        "数据传输、汇聚、存储、处理（公共治理、公益事业）", "data processing, public interest"
    ),
    "account.cost_personnel_commercial": Label("人力（产业发展、行业发展）", "personnel, commercial"),
    "account.cost_personnel_public_interest": Label("人力（公共治理、公益事业）", "personnel, public interest"),
    "account.cost_data_acquisition_commercial": Label(
        "公共数据获取（产业发展、行业发展）", "data acquisition, commercial"
    ),
    "account.cost_data_acquisition_public_interest": Label(
        "公共数据获取（公共治理、公益事业）", "data acquisition, public interest"
    ),
    "account.cost_period_expense_commercial": Label("期间费用（产业发展、行业发展）", "period expense, commercial"),
    "account.cost_period_expense_public_interest": Label(
        "期间费用（公共治理、公益事业）", "period expense, public interest"
    ),
    "setting.product_basis": Label("产品收入口径", "Revenue of products"),
    "setting.cost_rule": Label("成本分摊规则", "Costs divided"),
    "setting.cost_counted_by": Label("成本归属", "Costs counted by"),
    "setting_value.named_product_then_by_revenue": Label(
        "指明产品的归该产品，其余按产品收入分摊（最大余数法）",
        "to the product named, the rest by revenue (largest remainder)",
    ),
    "authorisation_mode.whole": Label("整体授权", "whole"),
    "authorisation_mode.field": Label("分领域授权", "by field"),
    "authorisation_mode.scenario": Label("依场景授权", "by scenario"),
    "form.dataset": Label("数据集", "data set"),
    "form.api": Label("接口", "API"),
    "form.model": Label("模型", "model"),
    "form.verification": Label("核验", "verification"),
    "form.index": Label("指数", "index"),
    "form.report": Label("报告", "report"),
    "grade.general": Label("一般数据", "general"),
    "grade.important": Label("重要数据", "important"),
    "grade.core": Label("核心数据", "core"),
    "confidentiality.open": Label("开放", "open"),
    "confidentiality.controlled": Label("受控", "controlled"),
    "confidentiality.classified": Label("涉密", "classified"),
    "level.national": Label("国家级", "national"),
    "level.local": Label("地方", "local"),
    "law_origin.law": Label("法规", "law"),
    "law_origin.platform": Label("平台规则", "rule of the platform"),
    "grant_status.pending": Label("待批准", "pending"),
    "grant_status.approved": Label("已批准", "approved"),
    "grant_status.suspended": Label("已中止", "suspended"),
    "grant_status.revoked": Label("已撤销", "revoked"),
    "grant_status.expired": Label("已到期", "expired"),
    "breach_status.open": Label("处理中", "open"),
    "breach_status.ordered": Label("已责令", "ordered"),
    "breach_status.answered": Label("已答复", "answered"),
    "breach_status.refunded": Label("已退还", "refunded"),
    "breach_status.closed": Label("已办结", "closed"),
    "registration_level.national": Label("国家级", "national"),
    "registration_level.local": Label("地方级", "local"),
    "duty_role.operator": Label("运营机构", "operator"),
    "duty_role.grantor": Label("授权主体", "grantor"),
    "duty_status.open": Label("未履行", "open"),
    "duty_status.fulfilled": Label("已履行，待确认", "fulfilled, to be confirmed"),
    "duty_status.confirmed": Label("已确认", "confirmed"),
    "due_given_by.regulator": Label("价格主管部门指定", "price authority"),
    "due_given_by.platform": Label("平台参数", "platform's own"),
    "duty.none": Label("无", "none"),
    "duty.guide_actual_prices": Label("指导运营机构调整具体收费标准", "guide the operator to adjust actual prices"),
    "duty.adjust_ceilings": Label("调整上限收费标准", "adjust ceiling prices"),
}
