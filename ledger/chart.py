"""The chart of accounts: every kind of account, its code in the enterprise accounting standard, and its names.

Money accounts carry the standard's four-digit code; accounts of use are memorandum accounts (U…). Tax details share
the code of taxes payable (2221) and are told apart by their names, as the standard's own sub-accounts are.
"""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "CNY"
CURRENCY_SCALE = 2
USE_SCALE = 6


@dataclass(frozen=True)
class AccountKind:
    """A kind of account: standard code, names in both languages, normal side (D or C), whether it counts use."""

    kind: str
    standard_code: str
    name_zh: str
    name_en: str
    normal_side: str
    of_use: bool = False


_COST_HEADS = {
    "platform": ("6401", "平台建设和运维", "platform"),
    "data_processing": ("6401", "数据传输、汇聚、存储、处理", "data processing"),
    "personnel": ("6401", "人力", "personnel"),
    "data_acquisition": ("6401", "公共数据获取", "data acquisition"),
    "period_expense": ("6602", "期间费用", "period expense"),
}
_COST_USES = {
    "commercial": ("产业发展、行业发展", "commercial"),
    "public_interest": ("公共治理、公益事业", "public interest"),
}
_COST_OF = {"6401": "主营业务成本", "6602": "管理费用"}
# Price Notice 五: costs of authorised operation by head, those of commercial and of public-interest use apart.
_COSTS = tuple(
    AccountKind(
        f"cost_{head}_{use}",
        code,
        f"{_COST_OF[code]}—授权运营（{head_zh}，{use_zh}）",
        f"Operating cost, {head_en}, {use_en}",
        "D",
    )
    for head, (code, head_zh, head_en) in _COST_HEADS.items()
    for use, (use_zh, use_en) in _COST_USES.items()
)
_KINDS = (
    AccountKind("bank", "1002", "银行存款", "Bank", "D"),
    AccountKind("receivable", "1122", "应收账款", "Receivable", "D"),
    AccountKind("contract_liability", "2204", "合同负债", "Contract liability", "C"),
    AccountKind("buyer_balance", "2203", "预收账款", "Buyer's balance", "C"),
    AccountKind("output_vat", "2221", "应交税费—应交增值税（销项税额）", "Output VAT", "C"),
    AccountKind("red_pending_vat", "2221", "应交税费—待红字确认销项税额", "VAT pending red confirmation", "D"),
    AccountKind("revenue", "6001", "主营业务收入—公共数据运营服务费", "Revenue", "C"),
    AccountKind("revenue_relief", "6001", "主营业务收入—减免", "Revenue relief", "D"),
    AccountKind("revenue_share_cost", "6401", "主营业务成本—收益分成", "Cost of revenue share", "D"),
    AccountKind("accrued_share", "2202", "应付账款—暂估收益分成", "Accrued share", "C"),
    AccountKind("payable", "2202", "应付账款—收益分成", "Payable", "C"),
    AccountKind("treasury_payable", "2241", "其他应付款—应缴财政", "Payable to treasury", "C"),
    *_COSTS,
    AccountKind("accrued_operating_cost", "2202", "应付账款—暂估授权运营成本", "Accrued operating cost", "C"),
    AccountKind("unbilled_use", "U101", "未计费用量", "Unbilled use", "D", of_use=True),
    AccountKind("billed_use", "U102", "已计费用量", "Billed use", "D", of_use=True),
    AccountKind("free_use", "U103", "免费用量", "Free use", "D", of_use=True),
    AccountKind("written_off_use", "U104", "核销用量", "Written-off use", "D", of_use=True),
    AccountKind("delivered_use", "U201", "已提供用量", "Delivered use", "C", of_use=True),
)

CHART: dict[str, AccountKind] = {kind.kind: kind for kind in _KINDS}
