"""The disclosure tables of a year (Disclosure Notice, due on 31 March): the grantor's, and the operator's.

The grantor discloses whom it authorised to what, and the ceilings it set; the operator its resources, its products with
the class of each scenario, and its actual prices. Everything is as it was recorded by the report's moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from pricing.canonical import sha256_of
from pricing.errors import Malformed
from pricing.period import Span, format_instant, year_bounds
from registry.lookup import code_of
from registry.tables import Authorisation, Party, Resource
from reports.calendar import TABLES_DUE
from reports.frame import Frame, Offered, frame_of, grantor_frame
from reports.operation import due_on
from reports.price_register import ceiling_rows, offering_rows, prices_in_force, read_register
from store.unit import Unit

REPORT_VERSION: Final = "1"
DISCLOSURE_NOTICE: Final = "国家数据局综合司关于做好公共数据资源授权运营信息披露工作的通知（2026-02-10）"


class DisclosureUnclear(Malformed):
    """A disclosure of nobody, or of two."""

    code = "disclosure_unclear"


def disclosure_tables(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of an operator or of a grantor for a calendar year, with their hash.

    ``wanted``: operator or grantor, year, as_of. Raises DisclosureUnclear, NotFound for whom the caller may not see.
    """
    if (wanted["operator"] is None) == (wanted["grantor"] is None):
        message = "name the operator or the grantor whose tables they are: one of the two"
        raise DisclosureUnclear(message, errors={"operator": [message]})
    year = year_bounds(wanted["year"])
    if wanted["operator"] is not None:
        frame = frame_of(unit, wanted["operator"], year, wanted["as_of"])
        tables = _operator_tables(unit, frame)
    else:
        frame = grantor_frame(unit, wanted["grantor"], year, wanted["as_of"])
        tables = _grantor_tables(unit, frame)
    report = {"report": "disclosure", **_header(unit, frame, wanted), **tables}
    return {**report, "report_hash": sha256_of(report)}


def _header(unit: Unit, frame: Frame, wanted: Mapping[str, Any]) -> dict[str, Any]:
    law, party = unit.law, frame.operator
    discloses = "operator" if wanted["operator"] is not None else "grantor"
    return {
        "report_version": REPORT_VERSION,
        "discloses": discloses,
        "party": {"code": party.code, "name": party.name, "credit_code": party.credit_code},
        "year": wanted["year"],
        "period": {"from": frame.period.start.isoformat(), "until": frame.until.isoformat()},
        "due_on": due_on(unit, TABLES_DUE, wanted["year"]).isoformat(),
        "legal_basis": [DISCLOSURE_NOTICE],
        "zone": str(frame.zone),
        "as_of": format_instant(frame.as_of, frame.zone),
        "is_partial": frame.is_partial,
        "rule_set": {"jurisdiction": law.jurisdiction.code, "version": law.version, "hash": law.digest()},
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _grantor_tables(unit: Unit, frame: Frame) -> dict[str, Any]:
    """The authorisations that held in the year, and the ceilings."""
    operators = {
        offered.code: code_of(unit, Party, offered.offering.operator_id) for offered in frame.offerings.values()
    }
    rows = ceiling_rows(frame, read_register(unit, frame))
    return {
        "authorisations": [_authorisation(unit, frame, row) for row in _authorisations(unit, frame)],
        "ceilings": [
            {"operator": operators[row["offering"]], **row}
            for row in rows
            if row["effective_until"] is None or row["effective_until"] > frame.period.start.isoformat()
        ],
    }


def _operator_tables(unit: Unit, frame: Frame) -> dict[str, Any]:
    """The resources behind the products, the products by scenario, and the prices that held in the year."""
    register, by_code = read_register(unit, frame), {offered.code: offered for offered in frame.offerings.values()}
    return {
        "resources": _resources(unit, frame),
        "products": [_product(by_code[row["code"]], row) for row in offering_rows(unit, frame, register)],
        "prices": list(prices_in_force(frame, register)),
    }


def _authorisations(unit: Unit, frame: Frame) -> Sequence[Authorisation]:
    query = (
        select(Authorisation)
        .where(
            col(Authorisation.grantor_id) == frame.operator.id,
            col(Authorisation.recorded_at) <= frame.as_of,
            col(Authorisation.effective_from) < frame.until,
            col(Authorisation.effective_until) > frame.period.start,
        )
        .order_by(col(Authorisation.id))
    )
    return unit.session.execute(query).scalars().all()


def _authorisation(unit: Unit, frame: Frame, row: Authorisation) -> dict[str, Any]:
    operator = unit.session.get_one(Party, row.operator_id)
    return {
        "agreement_no": row.agreement_no,
        "operator": operator.code,
        "operator_name": operator.name,
        "regulator": code_of(unit, Party, row.regulator_id),
        "mode": row.mode,
        "resources": row.scope["resources"],
        "fields": row.scope["fields"],
        "scenarios": row.scope["scenarios"],
        "effective_from": row.effective_from.isoformat(),
        "effective_until": row.effective_until.isoformat(),
        "operating_since": row.operating_since.isoformat() if row.operating_since else None,
        "term_reason": row.term_reason,
        "links": {"authorisation": frame.link(f"/authorisations/{row.agreement_no}")},
    }


def _resources(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """The resources that the products are made from, by code."""
    used = {resource for offered in frame.offerings.values() for resource in offered.product.resources}
    query = select(Resource).where(col(Resource.id).in_(sorted(used)))
    rows = sorted(unit.session.execute(query).scalars(), key=lambda row: row.code)
    return [_resource(unit, frame, row) for row in rows]


def _resource(unit: Unit, frame: Frame, row: Resource) -> dict[str, Any]:
    held = Span(row.registered_on, row.registration_expires_on)
    using = {offered.product.code for offered in frame.offerings.values() if row.id in offered.product.resources}
    return {
        "resource": row.code,
        "name": row.name,
        "provider": code_of(unit, Party, row.provider_id),
        "grade": row.grade,
        "confidentiality": row.confidentiality,
        "registered_on": row.registered_on.isoformat(),
        "registration_expires_on": row.registration_expires_on.isoformat(),
        "registered": held.contains(frame.last_day),
        "products": sorted(using),
        "links": {"resource": frame.link(f"/resources/{row.code}")},
    }


def _product(offered: Offered, row: Mapping[str, Any]) -> dict[str, Any]:
    """A product in one scenario, as the register has it, with what the product itself says."""
    product = offered.product
    return {
        "product": product.code,
        "product_name": product.name,
        "form": product.form,
        "registration_level": product.registration_level,
        "delivered_on": product.delivered_on.isoformat(),
        "offering": row["code"],
        "scenario": row["scenario"],
        "scenario_name": offered.offering.scenario["name"],
        **{name: row[name] for name in _OF_REGISTER},
    }


_OF_REGISTER: Final = (
    "category",
    "status",
    "classified_from",
    "decision_no",
    "charge_reason",
    "charging_basis",
    "unit",
    "agreement_no",
    "registration_code",
    "registration_expires_on",
    "links",
)
