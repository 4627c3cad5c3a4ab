"""Price authorities: who determines an operator's maximum, by the level at which its products are registered.

Price Notice 三: the level of registration, national or local, decides which price authority determines. An appointment
holds from a day on until the next one of its level, or until the end that it states. Where none was made, the regulator
that an authorisation of a product of the level names determines, as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Refusal
from pricing.period import Span
from registry.cap_tables import PriceAuthorityAppointment
from registry.lookup import code_of, missing, party_of_kind
from registry.price_rules import hold_prices
from registry.prices import OverlappingVersion
from registry.relations import operators_overseen
from registry.spans import require_span
from registry.tables import Authorisation, Party, Product
from store.ids import new_id
from store.unit import Unit

LEVELS: Final = ("national", "local")


class NotPriceAuthority(Refusal):
    """A determination by somebody who oversees the operator, and is not its price authority for this level."""

    code = "not_price_authority"


def appoint_price_authority(unit: Unit, given: Mapping[str, Any]) -> PriceAuthorityAppointment:
    """Record whose products of a level a price authority determines the maximum for.

    Raises NotFound, DatesReversed, OverlappingVersion.
    """
    operator = party_of_kind(unit, given["operator"], "operator", "operator")
    regulator = party_of_kind(unit, given["regulator"], "regulator", "regulator")
    hold_prices(unit, operator.id)
    _require_room(unit, operator, given["registration_level"], require_span(given))
    row = PriceAuthorityAppointment(
        id=new_id("paa"),
        operator_id=operator.id,
        regulator_id=regulator.id,
        registration_level=given["registration_level"],
        effective_from=given["effective_from"],
        effective_until=given["effective_until"],
        decision_no=given["decision_no"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def appointment_on(unit: Unit, operator_id: str, level: str, day: date) -> PriceAuthorityAppointment | None:
    """Return the appointment that holds for an operator's products of a level on a day; None where there is none."""
    begun = [row for row in _appointments(unit, operator_id, level) if row.effective_from <= day]
    if not begun or (begun[-1].effective_until is not None and begun[-1].effective_until <= day):
        return None
    return begun[-1]


def require_price_authority(unit: Unit, operator: Party, level: str | None, regulator_id: str) -> None:
    """Require that a regulator is today's price authority of an operator for a level, or for all without one.

    For all levels it must be the one appointed to each level that has an appointment. Raises NotPriceAuthority.
    """
    for each in LEVELS if level is None else (level,):
        appointed = appointment_on(unit, operator.id, each, unit.today)
        if appointed is not None and appointed.regulator_id != regulator_id:
            raise _not_authority(unit, operator, each, appointed)
        if appointed is None and level is not None and regulator_id not in _named(unit, operator.id, level):
            raise _not_authority(unit, operator, level, None)


def find_appointment(unit: Unit, appointment_id: str) -> PriceAuthorityAppointment:
    """Return an appointment for an operator that the caller oversees or is; raises NotFound."""
    query = visible_appointments(unit).where(col(PriceAuthorityAppointment.id) == appointment_id)
    row: PriceAuthorityAppointment | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("appointment", appointment_id)
    return row


def visible_appointments(unit: Unit, operator: str | None = None) -> Select[Any]:
    """Return the query of the appointments that the caller may read, of one operator if named."""
    query: Select[Any] = select(PriceAuthorityAppointment)
    overseen = operators_overseen(unit)
    if overseen is not None:
        query = query.where(col(PriceAuthorityAppointment.operator_id).in_(overseen))
    if operator is not None:
        party = party_of_kind(unit, operator, "operator", "operator")
        query = query.where(col(PriceAuthorityAppointment.operator_id) == party.id)
    return query


def appointment_document(unit: Unit, row: PriceAuthorityAppointment) -> dict[str, Any]:
    """Return an appointment as the wire says it, before formatting."""
    return {
        **row.model_dump(exclude={"recorded_by"}),
        "operator": code_of(unit, Party, row.operator_id),
        "regulator": code_of(unit, Party, row.regulator_id),
    }


def _appointments(unit: Unit, operator_id: str, level: str) -> Sequence[PriceAuthorityAppointment]:
    query = (
        select(PriceAuthorityAppointment)
        .where(
            col(PriceAuthorityAppointment.operator_id) == operator_id,
            col(PriceAuthorityAppointment.registration_level) == level,
        )
        .order_by(col(PriceAuthorityAppointment.effective_from))
    )
    return unit.session.execute(query).scalars().all()


def _named(unit: Unit, operator_id: str, level: str) -> set[str]:
    """The regulators that the authorisations of an operator's products of a level name."""
    query = (
        select(col(Authorisation.regulator_id))
        .join(Product, col(Product.authorisation_id) == col(Authorisation.id))
        .where(col(Product.operator_id) == operator_id, col(Product.registration_level) == level)
    )
    return set(unit.session.execute(query).scalars())


def _require_room(unit: Unit, operator: Party, level: str, new: Span) -> None:
    for row in _appointments(unit, operator.id, level):
        held = Span(row.effective_from, row.effective_until)
        earlier, later = sorted((held, new), key=lambda span: span.start)
        if held.start != new.start and (earlier.end is None or later.start >= earlier.end):
            continue
        message = (
            f"decision {row.decision_no} appoints {code_of(unit, Party, row.regulator_id)} for the {level} products of "
            f"{operator.code} from {held.start}{f' until {held.end}' if held.end else ' on'}; choose other days"
        )
        raise OverlappingVersion(message, errors={"effective_from": [message]}, overlaps=row.id)


def _not_authority(
    unit: Unit, operator: Party, level: str, appointed: PriceAuthorityAppointment | None
) -> NotPriceAuthority:
    who = (
        f"is {code_of(unit, Party, appointed.regulator_id)} by decision {appointed.decision_no}"
        if appointed is not None
        else "is whom an authorisation of a product of this level names, and none names you"
    )
    message = (
        f"the price authority for the {level} products of {operator.code} {who} (Price Notice, 三: the level of "
        "registration decides)"
    )
    return NotPriceAuthority(message, errors={"registration_level": [message]}, registration_level=level)
