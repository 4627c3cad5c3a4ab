"""Actual prices (具体收费标准): the operator's dated, published tariff of an offering, at or under its ceiling.

Price Notice 三: not above the ceiling, published, the same for all in the same case. Without a complete operating year
it is a trial price (试行收费标准) under the grantor's recorded guidance.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select
from sqlmodel import col

from pricing.ceiling import require_within, strictest
from pricing.errors import PriceBasisMismatch, Refusal
from pricing.inversions import inversions
from pricing.period import Span
from pricing.tariff import Tariff
from registry.lookup import code_of, find, missing
from registry.price_rules import (
    UsedSince,
    hold_prices,
    require_chargeable,
    require_not_backdated,
    trial_required,
    trial_until,
)
from registry.prices import (
    PERIOD_FORMS,
    ceiling_on,
    ceiling_value,
    fixed_ceiling_value,
    fixed_ceilings_on,
    require_no_overlap,
    span_of,
    tariff_value,
    tariff_versions,
)
from registry.relations import authorisation_of, product_of, require_operator
from registry.tables import CeilingVersion, Contract, ContractOffering, Offering, Party, Product, TariffVersion
from store.ids import new_id
from store.unit import Unit


class CeilingMissing(Refusal):
    """A formal tariff of an offering that has no ceiling on that day (Price Notice 三)."""

    code = "ceiling_missing"


class TrialNotAllowed(Refusal):
    """A trial price under a formal ceiling, after a complete operating year (Price Notice 二, 三)."""

    code = "trial_not_allowed"


def publish_tariff(unit: Unit, given: Mapping[str, Any], used_since: UsedSince) -> TariffVersion:
    """Publish a tariff of the calling operator's offering, from a day on; ``given["tariff"]`` is the value.

    Raises NotFound, OfferingNotChargeable, TrialRequired, TrialNotAllowed, CeilingMissing, PriceBasisMismatch,
    PriceAboveCeiling, OverlappingVersion, Backdated.
    """
    offering = find(unit, Offering, given["offering"], "offering")
    require_operator(unit, offering.operator_id, "offering", given["offering"], "offering")
    hold_prices(unit, offering.operator_id)
    day, tariff = given["effective_from"], given["tariff"]
    require_chargeable(unit, offering, day)
    product = product_of(unit, offering.id)
    ceiling = ceiling_of_tariff(unit, offering.id, product.charging_basis, tariff, day)
    _require_regime(unit, offering, day, ceiling, trial=given["trial"])
    _require_within_ceilings(unit, offering, product, tariff, day)
    require_no_overlap(tariff_versions(unit, offering.id), Span(day))
    require_not_backdated(unit, offering, day, given["backdate_reason"], used_since)
    _require_followable(unit, offering, tariff, day)
    row = _version(unit, offering, given, ceiling)
    unit.session.add(row)
    unit.object_id = row.id
    return row


def _require_followable(unit: Unit, offering: Offering, tariff: Tariff, day: date) -> None:
    """Refuse a tax basis that contracts at the public tariff cannot follow: a contract has one basis for good."""
    other_basis = unit.session.execute(
        select(col(Contract.id))
        .join(ContractOffering, col(ContractOffering.contract_id) == col(Contract.id))
        .where(
            col(ContractOffering.offering_id) == offering.id,
            col(Contract.kind) == "public_tariff",
            col(Contract.price_basis) != tariff.price_basis.value,
            or_(col(Contract.effective_until).is_(None), col(Contract.effective_until) > day),
        )
        .limit(1)
    ).scalar_one_or_none()
    if other_basis is not None:
        message = (
            f"contracts at the public tariff, such as {other_basis}, follow this offering in the other tax basis; "
            f"publish a price that is not {tariff.price_basis.value}, or let those contracts end first"
        )
        raise PriceBasisMismatch(message, errors={"price_basis": [message]})


def visible_tariffs(unit: Unit, offering: str | None) -> Select[Any]:
    """Return the query of all tariffs, of one offering if named: they are published."""
    query: Select[Any] = select(TariffVersion)
    if offering is not None:
        query = query.where(col(TariffVersion.offering_id) == find(unit, Offering, offering, "offering").id)
    return query


def find_tariff(unit: Unit, tariff_id: str) -> TariffVersion:
    """Return a tariff; raises NotFound."""
    row = unit.session.get(TariffVersion, tariff_id)
    if row is None:
        raise missing("tariff", tariff_id)
    return row


def tariff_document(unit: Unit, row: TariffVersion) -> dict[str, Any]:
    """Return a tariff as the wire says it, before formatting; the fields of its model are wire text already."""
    ceiling = unit.session.get(CeilingVersion, row.ceiling_id) if row.ceiling_id else None
    return {
        **row.model_dump(exclude={"recorded_by", "tariff", "operator_id"}),
        **row.tariff,
        **ceiling_named(unit, row, ceiling, row.effective_from),
        "offering": code_of(unit, Offering, row.offering_id),
        "operator": code_of(unit, Party, row.operator_id),
        "unit": product_of(unit, row.offering_id).unit,
        "effective_until": span_of(unit, row).end,
        "warnings": [inversion.as_wire() for inversion in inversions(tariff_value(row))],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def ceiling_named(unit: Unit, row: TariffVersion, ceiling: CeilingVersion | None, day: date) -> dict[str, Any]:
    """Return a tariff's ceiling as papers name it, and that of its fixed part on a day where it has one."""
    is_of_unit = ceiling is not None and ceiling.charging_form not in PERIOD_FORMS
    fixed = None
    if tariff_value(row).fixed is not None:
        form = product_of(unit, row.offering_id).charging_basis
        limits = (fixed_ceiling_value(each) for each in fixed_ceilings_on(unit, row.offering_id, form, day))
        fixed = strictest(limit for limit in limits if limit is not None)
    return {
        "ceiling": ceiling_value(ceiling).as_wire() if ceiling is not None and is_of_unit else None,
        "fixed_ceiling": fixed.as_wire() if fixed else None,
    }


def ceiling_of_tariff(
    unit: Unit, offering_id: str, charging_form: str, tariff: Tariff, day: date
) -> CeilingVersion | None:
    """Return the ceiling under which a tariff may be published: that of the unit, or else of the fixed part.

    The latter is enough where the tariff has no price for a unit.
    """
    ceiling = ceiling_on(unit, offering_id, charging_form, day)
    if ceiling is None and tariff.fixed is not None and not tariff.priced_fields():
        return next(iter(fixed_ceilings_on(unit, offering_id, charging_form, day)), None)
    return ceiling


def _require_regime(unit: Unit, offering: Offering, day: date, ceiling: CeilingVersion | None, *, trial: bool) -> None:
    """A trial price before the first complete operating year, a formal one under a ceiling after it."""
    authorisation = authorisation_of(unit, offering.id)
    first = trial_until(unit, authorisation)
    formal = first is not None and day >= first
    if trial and formal and ceiling is not None:
        message = (
            f"a complete operating year has passed and the ceiling of decision {ceiling.decision_no} is in force: "
            "publish a formal tariff, without trial"
        )
        raise TrialNotAllowed(message, errors={"trial": [message]}, decision_no=ceiling.decision_no)
    if trial:
        return
    if first is not None and not formal:
        raise trial_required(unit, authorisation, first, "trial", "send trial: true with guidance_no")
    if ceiling is None:
        message = f"offering {offering.code} has no ceiling in force on {day}: its grantor has to decide one first"
        raise CeilingMissing(message, errors={"effective_from": [message]}, offering=offering.code)


def _require_within_ceilings(unit: Unit, offering: Offering, product: Product, tariff: Tariff, day: date) -> None:
    """Hold the prices against the ceiling of their first day and, where that is past, against today's too.

    A ceiling that is lowered later caps what is billed; it takes no published price back.
    """
    for judged in sorted({day, max(day, unit.today)}):
        require_within_ceilings(unit, offering, product, tariff, judged)


def require_within_ceilings(unit: Unit, offering: Offering, product: Product, tariff: Tariff, day: date) -> None:
    """Refuse prices above the ceilings in force on a day; raises PriceAboveCeiling, PriceBasisMismatch."""
    ceiling = ceiling_on(unit, offering.id, product.charging_basis, day)
    rows = fixed_ceilings_on(unit, offering.id, product.charging_basis, day) if tariff.fixed else []
    fixed = [limit for row in rows if (limit := fixed_ceiling_value(row)) is not None]
    require_within(tariff, ceiling_value(ceiling) if ceiling else None, fixed, product.unit, offering=offering.code)


def _version(unit: Unit, offering: Offering, given: Mapping[str, Any], ceiling: CeilingVersion | None) -> TariffVersion:
    tariff: Tariff = given["tariff"]
    return TariffVersion(
        id=new_id("trf"),
        offering_id=offering.id,
        operator_id=offering.operator_id,
        effective_from=given["effective_from"],
        price_basis=tariff.price_basis.value,
        model=tariff.model.name,
        tariff=tariff.document(),
        trial=given["trial"],
        guidance_no=given["guidance_no"],
        ground=tariff.ground,
        backdate_reason=given["backdate_reason"],
        ceiling_id=ceiling.id if ceiling else None,
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
