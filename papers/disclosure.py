"""The disclosure tables of a grantor and of an operator (Disclosure Notice): their sections, and their three forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from papers import compliance
from papers.layout import Column
from papers.report import Form, Section, report_csv, report_pdf, report_xlsx
from papers.wording import Label, Lang

_OF_COMPLIANCE: Final = {section.key: section for section in compliance.SECTIONS}
_FROM: Final = Column("effective_from", Label("生效（含）", "Effective from"), "date")
_UNTIL: Final = Column("effective_until", Label("失效（不含）", "Effective until"), "date")
_OPERATOR: Final = Column("operator", Label("运营机构", "Operator"))

HEADER: Final = (
    Column("party", Label("披露主体", "Disclosed by")),
    Column("year", Label("年度", "Year")),
    Column("due_on", Label("披露截止", "Due on"), "date"),
    *(column for column in compliance.HEADER if column.key not in ("operator", "grantor", "regulator")),
)

_AUTHORISATIONS: Final = Section(
    "authorisations",
    Label("授权运营协议", "Authorisations"),
    (
        Column("agreement_no", Label("协议编号", "Agreement no.")),
        _OPERATOR,
        Column("operator_name", Label("运营机构名称", "Operator's name")),
        Column("regulator", Label("价格主管部门", "Price authority")),
        Column("mode", Label("授权模式", "Mode"), words="authorisation_mode"),
        Column("resources", Label("数据资源范围", "Resources")),
        Column("fields", Label("领域", "Fields")),
        Column("scenarios", Label("场景", "Scenarios")),
        _FROM,
        _UNTIL,
        Column("operating_since", Label("运营起始", "Operating since"), "date"),
        Column("term_reason", Label("超期理由", "Reason for the term")),
    ),
)
_CEILINGS: Final = Section(
    "ceilings", Label("上限收费标准", "Ceiling prices"), (_OPERATOR, *_OF_COMPLIANCE["ceilings"].columns)
)
_RESOURCES: Final = Section(
    "resources",
    Label("公共数据资源", "Resources"),
    (
        Column("resource", Label("编码", "Resource")),
        Column("name", Label("名称", "Name")),
        Column("provider", Label("数据提供部门", "Provider")),
        Column("grade", Label("数据分级", "Grade"), words="grade"),
        Column("confidentiality", Label("密级", "Confidentiality"), words="confidentiality"),
        Column("registered_on", Label("登记日期", "Registered on"), "date"),
        Column("registration_expires_on", Label("登记到期", "Expires on"), "date"),
        Column("registered", Label("登记有效", "Registered"), "yesno"),
        Column("products", Label("所用产品", "Used by")),
    ),
)
_PRODUCTS: Final = Section(
    "products",
    Label("产品清单与场景类别", "Products and the class of their scenarios"),
    (
        Column("product", Label("产品", "Product")),
        Column("product_name", Label("产品名称", "Product name")),
        Column("form", Label("形态", "Form"), words="form"),
        Column("offering", Label("编码", "Offering")),
        Column("scenario_name", Label("应用场景", "Scenario")),
        Column("category", Label("类别", "Category"), words="category"),
        Column("status", Label("状态", "Status"), words="classification_status"),
        Column("charge_reason", Label("收费理由", "Reason to charge")),
        Column("charging_basis", Label("计费依据", "Charging basis"), words="charging_basis"),
        Column("unit", Label("单位", "Unit"), words="unit"),
        Column("agreement_no", Label("授权协议", "Authorisation")),
        Column("registration_level", Label("登记层级", "Level"), words="level"),
        Column("registration_code", Label("登记编码", "Registration code")),
        Column("registration_expires_on", Label("登记到期", "Expires on"), "date"),
        Column("delivered_on", Label("交付日期", "Delivered on"), "date"),
    ),
)
_NOT_PUBLISHED: Final = frozenset({"source", "buyer", "status", "follows", "effective_unit_price", "quantity"})
_PRICES: Final = Section(
    "prices",
    Label("具体收费标准", "Actual prices"),
    tuple(column for column in _OF_COMPLIANCE["prices"].columns if column.key not in _NOT_PUBLISHED),
)

OPERATOR_FORM: Final = Form(
    Label("公共数据资源授权运营信息披露表（运营机构）", "Disclosure Tables of the Operator"),
    HEADER,
    (_RESOURCES, _PRODUCTS, _PRICES),
    notes=compliance.FORM.notes,
)
GRANTOR_FORM: Final = Form(
    Label("公共数据资源授权运营信息披露表（实施机构）", "Disclosure Tables of the Grantor"),
    HEADER,
    (_AUTHORISATIONS, _CEILINGS),
)
_FORMS: Final = {"operator": OPERATOR_FORM, "grantor": GRANTOR_FORM}


def disclosure_form(report: Mapping[str, Any]) -> Form:
    """The form of the party that discloses."""
    return _FORMS[report["discloses"]]


def disclosure_pdf(report: Mapping[str, Any], lang: Lang) -> bytes:
    """The tables as PDF, A4 across."""
    return report_pdf(_with_header(report), disclosure_form(report), lang)


def disclosure_xlsx(report: Mapping[str, Any], lang: Lang) -> bytes:
    """The tables as a workbook, a sheet each."""
    return report_xlsx(_with_header(report), disclosure_form(report), lang)


def disclosure_csv(report: Mapping[str, Any], section: str | None = None) -> bytes:
    """One of the tables as CSV, the last one if none is named; raises `SectionUnknown`."""
    form = disclosure_form(report)
    return report_csv(_with_header(report), form, section or form.sections[-1].key)


def _with_header(report: Mapping[str, Any]) -> Mapping[str, object]:
    """The report with the party that discloses as the one that issues it."""
    return {"header": {**report, "operator": report["party"]}, **report}
