"""Products: what an operator makes under an authorisation, their registrations, and until when each may be sold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Refusal
from pricing.working_days import WorkingDay, add_working_days
from registry.authorisations import require_in_scope, require_not_ended
from registry.lookup import code_of, find, find_all, missing
from registry.parties import require_free
from registry.relations import products_under, require_operator
from registry.spans import require_span, years_after
from registry.tables import Authorisation, Party, Product, ProductRegistration, Resource
from registry.units import UNIT_BY_CHARGING_BASIS, asset_of
from store.ids import new_id
from store.unit import Unit

APPLICATION_WORKING_DAYS = "registration_rules.application_working_days"
VALIDITY_YEARS = "registration_rules.validity_years"
RENEWAL_WINDOW_DAYS = "registration_rules.renewal_window_days"

_SEES_OWN_ONLY = frozenset({"operator", "grantor", "regulator"})


class RegistrationLapsed(Refusal):
    """A registration that is no longer valid, or was never made in time: not for sale (Registration Rules 15)."""

    code = "registration_lapsed"


class RegistrationIncomplete(Refusal):
    """A registration of which only a part is stated."""

    code = "registration_incomplete"


class RenewalTooEarly(Refusal):
    """A renewal before the window in which registrations are renewed (Registration Rules 15)."""

    code = "renewal_too_early"


@dataclass(frozen=True)
class Standing:
    """How a product stands in the register on a day.

    ``sellable_until`` is the first day on which it may not be sold; ``due`` is the last day to apply while it is not
    registered.
    """

    registration: ProductRegistration | None
    sellable_until: date
    due: WorkingDay | None

    @property
    def status(self) -> str:
        """``registered`` or ``unregistered``; whether that still allows a sale is a matter of the day."""
        return "registered" if self.registration is not None else "unregistered"


def enter_product(unit: Unit, given: Mapping[str, Any]) -> Product:
    """Enter a product of the caller's; raises CodeTaken, NotFound, OutOfScope, AuthorisationLapsed and others."""
    require_free(unit, col(Product.code), given["code"])
    authorisation = find(unit, Authorisation, given["agreement_no"], "agreement_no")
    require_operator(unit, authorisation.operator_id, "authorisation", given["agreement_no"], "agreement_no")
    require_not_ended(authorisation, unit.today, "agreement_no")
    resources = {row.id: row.code for row in find_all(unit, Resource, given["resources"], "resources")}
    require_in_scope(authorisation, "resources", resources, "resources")
    require_in_scope(authorisation, "fields", {name: name for name in given["fields"]}, "fields")
    wanted_unit = given["unit"] or UNIT_BY_CHARGING_BASIS[given["charging_basis"]].lower()
    product = Product(
        id=new_id("prd"),
        code=given["code"],
        name=given["name"],
        form=given["form"],
        resources=list(resources),
        fields=list(dict.fromkeys(given["fields"])),
        authorisation_id=authorisation.id,
        operator_id=authorisation.operator_id,
        registration_level=given["registration_level"],
        delivered_on=given["delivered_on"],
        charging_basis=given["charging_basis"],
        unit=wanted_unit,
        asset=asset_of(wanted_unit),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(product)
    unit.session.flush()
    unit.object_id = product.id
    if any(given[name] is not None for name in _REGISTRATION_FIELDS):
        _record_registration(unit, product, given)
    return product


def register_product(unit: Unit, ref: str, given: Mapping[str, Any]) -> Product:
    """Record a registration of the caller's product: the first, or a renewal in the last days of the one before.

    Registration Rules 13 and 15; raises NotFound, RenewalTooEarly, RegistrationIncomplete, DatesReversed.
    """
    product = find(unit, Product, ref)
    require_operator(unit, product.operator_id, "product", ref)
    unit.object_id = product.id
    earlier = registrations_of(unit, product.id)
    if earlier:
        _require_renewable(unit, product, earlier[-1])
    _record_registration(unit, product, given)
    return product


def standing_on(unit: Unit, product: Product, day: date) -> Standing:
    """Return how a product stands in the register on a day, by the registrations that began by then.

    Registration Rules 9 and 13: a registration is applied for within 20 working days of delivery, so that long a
    product is sold without one; it is valid for three years, or for the operating term where that is shorter.
    """
    begun = [row for row in registrations_of(unit, product.id) if row.registered_on <= day]
    if begun:
        return Standing(begun[-1], valid_until(unit, product, begun[-1]), None)
    count = unit.law.parameter(APPLICATION_WORKING_DAYS).whole(unit.today)
    due = add_working_days(product.delivered_on, count)
    follows = timedelta(days=due.day < date.max)  # no day follows the calendar's last
    return Standing(None, due.day + follows, due)


def valid_until(unit: Unit, product: Product, registration: ProductRegistration) -> date:
    """Return the first day on which a registration is no longer valid: the earliest of the register's and the law's."""
    years = unit.law.parameter(VALIDITY_YEARS).whole(unit.today)
    authorisation = unit.session.get_one(Authorisation, product.authorisation_id)
    return min(
        registration.registration_expires_on,
        years_after(registration.registered_on, years),
        authorisation.effective_until,
    )


def require_registered(unit: Unit, product: Product, day: date) -> None:
    """Refuse a product whose registration has lapsed on a day, or was not made in time; raises RegistrationLapsed."""
    standing = standing_on(unit, product, day)
    if day < standing.sellable_until:
        return
    if standing.due is None:
        message = f"the registration of product {product.code} is valid until {standing.sellable_until}: renew it"
    else:
        message = (
            f"product {product.code} was delivered on {product.delivered_on} and had to be registered by "
            f"{standing.due.day}: record its registration"
        )
    raise RegistrationLapsed(message, product=product.code, sellable_until=standing.sellable_until.isoformat())


def registrations_of(unit: Unit, product_id: str) -> Sequence[ProductRegistration]:
    """Return the registrations of a product, the newest last."""
    query = select(ProductRegistration).where(col(ProductRegistration.product_id) == product_id)
    order = (col(ProductRegistration.registered_on), col(ProductRegistration.id))
    return unit.session.execute(query.order_by(*order)).scalars().all()


def find_product(unit: Unit, ref: str) -> Product:
    """Return a product that the caller may see; raises NotFound."""
    product = find(unit, Product, ref)
    query = visible_products(unit).where(col(Product.id) == product.id)
    if unit.session.execute(query).first() is None:
        raise missing("product", ref)
    return product


def visible_products(unit: Unit) -> Select[Product]:
    """Return the query of the products that the caller may see.

    An operator sees its own, a grantor and a regulator those under their authorisations; to everybody else the
    products are a catalogue.
    """
    if unit.principal.role in _SEES_OWN_ONLY:
        return select(Product).where(col(Product.id).in_(products_under(unit)))
    return select(Product)


def product_document(unit: Unit, product: Product) -> dict[str, Any]:
    """Return a product as the wire says it, before formatting, with how it stands in the register today."""
    standing = standing_on(unit, product, unit.today)
    rows = registrations_of(unit, product.id)
    registration = standing.registration or (rows[0] if rows else None)
    return {
        **product.model_dump(exclude={"recorded_by"}),
        "operator": code_of(unit, Party, product.operator_id),
        "agreement_no": code_of(unit, Authorisation, product.authorisation_id),
        "resources": [code_of(unit, Resource, resource) for resource in product.resources],
        **{name: getattr(registration, name, None) for name in _REGISTRATION_FIELDS},
        "sellable_until": standing.sellable_until,
        "registration_due_on": standing.due.day if standing.due else None,
        "registration_due_certain": standing.due.certain if standing.due else None,
    }


_REGISTRATION_FIELDS = ("registration_code", "registered_on", "registration_expires_on")


def _record_registration(unit: Unit, product: Product, given: Mapping[str, Any]) -> None:
    absent = [name for name in _REGISTRATION_FIELDS if given[name] is None]
    if absent:
        message = f"a registration is stated whole: add {', '.join(absent)}"
        raise RegistrationIncomplete(message, errors={name: [message] for name in absent})
    require_span(given, "registered_on", "registration_expires_on")
    unit.session.add(
        ProductRegistration(
            id=new_id("reg"),
            product_id=product.id,
            **{name: given[name] for name in _REGISTRATION_FIELDS},
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()


def _require_renewable(unit: Unit, product: Product, newest: ProductRegistration) -> None:
    window_days = unit.law.parameter(RENEWAL_WINDOW_DAYS).whole(unit.today)
    until = valid_until(unit, product, newest)
    opens_on = until - timedelta(days=window_days)
    if unit.today < opens_on:
        message = (
            f"the registration of product {product.code} is valid until {until} and can be renewed from {opens_on} on"
        )
        raise RenewalTooEarly(message, renewable_from=opens_on.isoformat())
