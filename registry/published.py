"""What anybody may read without a key: the catalogue, prices, ceilings and authorisations.

Opinion 三 and 五, Price Notice 三 and the Disclosure Notice ask for it. Nothing here names a key, a person or a buyer.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Select, select

from pricing.explanation import PRICE_NOTICE
from pricing.period import Span
from registry.authorisations import authorisation_document
from registry.ceilings import ceiling_document
from registry.lookup import code_of
from registry.offerings import offering_document
from registry.prices import ceiling_on, span_of
from registry.relations import authorisation_of, product_of
from registry.tables import Authorisation, CeilingVersion, Offering, Party, Product, TariffVersion
from registry.tariffs import ceiling_named, tariff_document
from store.unit import Unit

OPERATION_RULES = "发改数据规〔2025〕27号"
"""公共数据资源授权运营实施规范（试行）, in force from 2025-03-01."""

ACTUAL_PRICE = "具体收费标准"
TRIAL_PRICE = "试行收费标准"
CEILING_PRICE = "上限收费标准"

UPCOMING, IN_FORCE, ENDED = "upcoming", "in_force", "ended"


def published_authorisations() -> Select[Any]:
    """Return the query of all authorisations."""
    return select(Authorisation)


def catalogue_document(unit: Unit, offering: Offering) -> dict[str, Any]:
    """Return an offering as the public catalogue shows it: who offers what for which use, under which agreement."""
    product: Product = product_of(unit, offering.id)
    authorisation = authorisation_of(unit, offering.id)
    document = offering_document(unit, offering)
    return {
        "offering": offering.code,
        "product": {
            "code": product.code,
            "name": product.name,
            "form": product.form,
            "registration_level": product.registration_level,
        },
        "scenario": offering.scenario,
        "operator": _party(unit, offering.operator_id),
        "grantor": _party(unit, authorisation.grantor_id),
        "agreement_no": authorisation.agreement_no,
        "charging_basis": product.charging_basis,
        "unit": product.unit,
        "charge_reason": offering.charge_reason,
        "classification": document["classification"],
        "legal_ground": {"source": PRICE_NOTICE, "article": "一"},
        "sandbox": unit.sandbox,
    }


def price_document(unit: Unit, row: TariffVersion) -> dict[str, Any]:
    """Return a tariff as the public sees it: the price, since when, and whether it is on trial.

    The ceiling is today's for a price in force, and that of its first day for one that is not.
    """
    standing = _standing(span_of(unit, row), unit.today)
    day = unit.today if standing["status"] == IN_FORCE else row.effective_from
    ceiling = ceiling_on(unit, row.offering_id, product_of(unit, row.offering_id).charging_basis, day)
    return {
        **tariff_document(unit, row),
        **standing,
        **ceiling_named(unit, row, ceiling, day),
        "operator": _party(unit, row.operator_id),
        "kind": TRIAL_PRICE if row.trial else ACTUAL_PRICE,
        "legal_ground": {"source": PRICE_NOTICE, "article": "二、三"},
    }


def published_ceiling_document(unit: Unit, row: CeilingVersion) -> dict[str, Any]:
    """Return a ceiling as the public sees it, with the number of the grantor's decision."""
    return {
        **ceiling_document(unit, row),
        **_standing(span_of(unit, row), unit.today),
        "grantor": _party(unit, row.grantor_id),
        "operator": _party(unit, authorisation_of(unit, row.offering_id).operator_id),
        "report_no": row.report["report_no"],
        "kind": CEILING_PRICE,
        "legal_ground": {"source": PRICE_NOTICE, "article": "二、三"},
    }


def published_authorisation_document(unit: Unit, row: Authorisation) -> dict[str, Any]:
    """Return an authorisation as the public sees it: who may operate what, until when, under whose price authority."""
    return {
        **authorisation_document(unit, row),
        **_standing(Span(row.effective_from, row.effective_until), unit.today),
        "grantor": _party(unit, row.grantor_id),
        "operator": _party(unit, row.operator_id),
        "regulator": _party(unit, row.regulator_id),
        "legal_ground": {"source": OPERATION_RULES, "article": "第十四条"},
        "sandbox": unit.sandbox,
    }


def _standing(span: Span, today: date) -> dict[str, Any]:
    """The days on which something holds, and what that is today."""
    status = UPCOMING if today < span.start else IN_FORCE if span.contains(today) else ENDED
    return {"effective_from": span.start, "effective_until": span.end, "status": status}


def _party(unit: Unit, party_id: str) -> dict[str, str]:
    return {"code": code_of(unit, Party, party_id), "name": unit.session.get_one(Party, party_id).name}
