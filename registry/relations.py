"""Who stands in which relation to whom: what a principal may see, and on whose behalf it may act.

An administrator and an auditor see everything. An operator sees its own; a grantor what lies under the authorisations
that name it; a regulator that too, and what belongs to the operators that it is appointed to; a buyer what it is the
buyer of. What lies outside does not exist for a caller.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, false, or_, select, true, union
from sqlmodel import col

from registry.cap_tables import PriceAuthorityAppointment
from registry.lookup import missing
from registry.tables import Authorisation, ContractOffering, Offering, Product
from store.unit import Unit

SEES_EVERYTHING = frozenset({"admin", "auditor"})


def require_operator(
    unit: Unit, operator_id: str, what: str = "operator", ref: str | None = None, field: str | None = None
) -> None:
    """Require that the caller acts for this operator; raises NotFound, saying ``what`` ``ref`` it did not find."""
    if unit.principal.role != "operator" or unit.principal.party != operator_id:
        raise missing(what, ref or operator_id, field)


def require_overseer(unit: Unit, operator_id: str, ref: str | None = None) -> None:
    """Require that the caller may read an operator's affairs; raises NotFound.

    It is the operator itself, a regulator or grantor that an authorisation of this operator names, a regulator that is
    appointed to it, an auditor or an administrator.
    """
    overseen = operators_overseen(unit)
    if overseen is not None and operator_id not in overseen:
        raise missing("operator", ref or operator_id)


def operators_overseen(unit: Unit) -> list[str] | None:
    """Return the ids of the operators whose affairs the caller may read, in order; None means all."""
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return None
    if role == "operator":
        return [unit.principal.party]
    found = set(unit.session.execute(select(col(Authorisation.operator_id)).where(names_caller(unit))).scalars())
    if role == "regulator":
        found |= set(unit.session.execute(_appointed_to(unit)).scalars())
    return sorted(found)


def overseers_of(unit: Unit, operator_id: str) -> set[str]:
    """Return the ids of the price authorities that an operator's authorisations name, or that are appointed to it."""
    named = select(col(Authorisation.regulator_id)).where(col(Authorisation.operator_id) == operator_id)
    appointed = select(col(PriceAuthorityAppointment.regulator_id)).where(
        col(PriceAuthorityAppointment.operator_id) == operator_id,
        col(PriceAuthorityAppointment.effective_from) <= unit.today,
    )
    return set(unit.session.execute(union(named, appointed)).scalars())


def authorisation_of(unit: Unit, offering_id: str) -> Authorisation:
    """Return the authorisation that an offering's product was made under."""
    query = (
        select(Authorisation)
        .join(Product, col(Product.authorisation_id) == col(Authorisation.id))
        .join(Offering, col(Offering.product_id) == col(Product.id))
        .where(col(Offering.id) == offering_id)
    )
    found: Authorisation = unit.session.execute(query).scalar_one()
    return found


def product_of(unit: Unit, offering_id: str) -> Product:
    """Return the product that an offering is a use of."""
    query = select(Product).join(Offering, col(Offering.product_id) == col(Product.id))
    found: Product = unit.session.execute(query.where(col(Offering.id) == offering_id)).scalar_one()
    return found


def require_grantor(unit: Unit, authorisation: Authorisation, what: str, ref: str, field: str | None = None) -> None:
    """Require that the caller is the grantor of an authorisation; raises NotFound for the object ``ref`` under it."""
    if unit.principal.role != "grantor" or unit.principal.party != authorisation.grantor_id:
        raise missing(what, ref, field)


def names_caller(unit: Unit) -> ColumnElement[bool]:
    """Return the condition that picks the authorisations to which the caller is a party."""
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    if role == "operator":
        return col(Authorisation.operator_id) == unit.principal.party
    if role == "grantor":
        return col(Authorisation.grantor_id) == unit.principal.party
    if role == "regulator":
        named = col(Authorisation.regulator_id) == unit.principal.party
        return or_(named, col(Authorisation.operator_id).in_(_appointed_to(unit)))
    return false()


def products_under(unit: Unit) -> Select[str]:
    """Return the query of the ids of products made under authorisations to which the caller is a party."""
    return (
        select(col(Product.id))
        .join(Authorisation, col(Authorisation.id) == col(Product.authorisation_id))
        .where(names_caller(unit))
    )


def offerings_under(unit: Unit) -> Select[str]:
    """Return the query of the ids of offerings of products under the caller's authorisations."""
    return select(col(Offering.id)).where(col(Offering.product_id).in_(products_under(unit)))


def contracts_under(unit: Unit) -> Select[str]:
    """Return the query of the ids of contracts that hold an offering under the caller's authorisations."""
    return select(col(ContractOffering.contract_id)).where(col(ContractOffering.offering_id).in_(offerings_under(unit)))


def _appointed_to(unit: Unit) -> Select[str]:
    """The query of the ids of the operators that the calling price authority is or was appointed to by today."""
    return select(col(PriceAuthorityAppointment.operator_id)).where(
        col(PriceAuthorityAppointment.regulator_id) == unit.principal.party,
        col(PriceAuthorityAppointment.effective_from) <= unit.today,
    )
