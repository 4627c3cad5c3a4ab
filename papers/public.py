"""What is published, as tables for programs: catalogue, prices, ceilings, authorisations, and use by month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from papers.csv_table import table_csv
from papers.layout import Column, Row
from papers.wording import Label

_SANDBOX: Final = Column("sandbox", Label("沙盒", "Sandbox"), "yesno")
_OFFERING: Final = Column("offering", Label("编码", "Offering"))
_OPERATOR: Final = (
    Column("operator.code", Label("运营机构编码", "Operator's code")),
    Column("operator.name", Label("运营机构", "Operator")),
)
_GRANTOR: Final = (
    Column("grantor.code", Label("授权主体编码", "Grantor's code")),
    Column("grantor.name", Label("授权主体", "Grantor")),
)
_UNIT: Final = Column("unit", Label("单位", "Unit"))
_BASIS: Final = Column("price_basis", Label("计价口径", "Price basis"))
_UNIT_PRICE: Final = Column("unit_price", Label("单价", "Unit price"), "price")
_CURRENCY: Final = Column("currency", Label("币种", "Currency"))
_KIND: Final = Column("kind", Label("种类", "Kind"))
_STANDING: Final = (
    Column("effective_from", Label("生效（含）", "Effective from"), "date"),
    Column("effective_until", Label("失效（不含）", "Effective until"), "date"),
    Column("status", Label("状态", "Status")),
)
_GROUND: Final = (
    Column("legal_ground.source", Label("依据文件", "Source")),
    Column("legal_ground.article", Label("条款", "Article")),
)
_BACKDATED: Final = Column("backdate_reason", Label("追溯理由", "Reason for back-dating"))

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "catalogue": (
        _OFFERING,
        Column("product.code", Label("产品", "Product")),
        Column("product.name", Label("产品名称", "Product name")),
        Column("product.form", Label("形态", "Form")),
        Column("product.registration_level", Label("登记层级", "Level")),
        Column("scenario.code", Label("场景编码", "Scenario's code")),
        Column("scenario.name", Label("应用场景", "Scenario")),
        Column("scenario.description", Label("场景说明", "Description")),
        Column("scenario.purpose", Label("用途", "Purpose")),
        *_OPERATOR,
        *_GRANTOR,
        Column("agreement_no", Label("授权协议", "Authorisation")),
        Column("charging_basis", Label("计费依据", "Charging basis")),
        _UNIT,
        Column("classification.category", Label("类别", "Category")),
        Column("classification.status", Label("分类状态", "Classification")),
        Column("classification.decision_no", Label("决定文号", "Decision no.")),
        Column("charge_reason", Label("收费理由", "Reason to charge")),
        *_GROUND,
        _SANDBOX,
    ),
    "prices": (
        _OFFERING,
        *_OPERATOR,
        _KIND,
        Column("model", Label("收费形式", "Model")),
        _BASIS,
        _UNIT_PRICE,
        Column("tiers", Label("档次", "Tiers")),
        Column("package_size", Label("套餐数量", "Package size"), "quantity"),
        Column("package_price", Label("套餐价", "Package price"), "price"),
        Column("period", Label("周期", "Period")),
        Column("base_price", Label("基本费", "Base price"), "price"),
        Column("price", Label("包干价", "Flat price"), "price"),
        Column("tier_period", Label("累计周期", "Tier period")),
        Column("minimum_commitment", Label("最低消费", "Minimum"), "money"),
        Column("relief", Label("减免", "Relief")),
        Column("discount_percent", Label("优惠（%）", "Discount (%)"), "percent"),
        Column("ground", Label("减免依据", "Ground")),
        _UNIT,
        _CURRENCY,
        Column("trial", Label("试行", "Trial"), "yesno"),
        Column("guidance_no", Label("指导文号", "Guidance no.")),
        _BACKDATED,
        Column("ceiling.unit_price", Label("上限", "Ceiling"), "price"),
        Column("ceiling.per_quantity", Label("每数量", "Per quantity"), "quantity"),
        Column("ceiling.decision_no", Label("决定文号", "Decision no.")),
        *_STANDING,
        *_GROUND,
        _SANDBOX,
    ),
    "ceilings": (
        _OFFERING,
        *_OPERATOR,
        *_GRANTOR,
        _KIND,
        Column("charging_form", Label("收费方式", "Charging form")),
        _BASIS,
        _UNIT_PRICE,
        Column("per_quantity", Label("每数量", "Per quantity"), "quantity"),
        Column("base_price", Label("基本费上限", "Base price"), "price"),
        Column("base_price_period", Label("基本费周期", "Base price period")),
        _UNIT,
        _CURRENCY,
        Column("decision_no", Label("决定文号", "Decision no.")),
        Column("report_no", Label("报告文号", "Report no.")),
        _BACKDATED,
        *_STANDING,
        *_GROUND,
        _SANDBOX,
    ),
    "authorisations": (
        Column("agreement_no", Label("授权协议", "Authorisation")),
        *_GRANTOR,
        *_OPERATOR,
        Column("regulator.code", Label("价格主管部门编码", "Price authority's code")),
        Column("regulator.name", Label("价格主管部门", "Price authority")),
        Column("mode", Label("授权模式", "Mode")),
        Column("scope.resources", Label("数据资源范围", "Resources")),
        Column("scope.fields", Label("领域", "Fields")),
        Column("scope.scenarios", Label("场景", "Scenarios")),
        Column("operating_since", Label("运营起始", "Operating since"), "date"),
        Column("term_reason", Label("超期理由", "Reason for the term")),
        *_STANDING,
        *_GROUND,
        _SANDBOX,
    ),
    "usage": (
        _OFFERING,
        Column("month", Label("服务月", "Service month")),
        Column("accepted", Label("使用量", "Use"), "quantity"),
        _UNIT,
        _SANDBOX,
    ),
}
"""The columns of each list of what is published, under its name."""


def public_csv(name: str, rows: Iterable[Row]) -> bytes:
    """A list of what is published as CSV under its keys; ``rows`` as the API answers them."""
    return table_csv(rows, TABLES[name])
