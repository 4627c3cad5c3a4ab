"""Routes of maximum permitted revenue: price authorities, applications, determinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.cap_applications import (
    application_document,
    apply_for_cap,
    evaluate_application,
    find_application,
    visible_applications,
)
from registry.cap_tables import PriceAuthorityAppointment, RevenueCapApplication
from registry.price_authorities import (
    appoint_price_authority,
    appointment_document,
    find_appointment,
    visible_appointments,
)
from registry.revenue_caps import (
    Carried,
    cap_document,
    determine_cap,
    determine_later_years,
    find_cap,
    visible_caps,
)
from registry.tables import RevenueCap
from reports.cap_cycle import carried_into
from schemas.revenue_caps import (
    AppointmentIn,
    AppointmentOut,
    CapApplicationIn,
    CapApplicationOut,
    CapEvaluationIn,
    CapQuery,
    LaterYearsIn,
    RevenueCapIn,
    RevenueCapOut,
)
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("regulator", "operator", "grantor", "auditor", "admin")

appointments_door = Door(
    "price authorities",
    __name__,
    url_prefix="/price-authority-appointments",
    description="Which price authority determines, by the registration level of products",
)
applications_door = Door(
    "revenue cap applications",
    __name__,
    url_prefix="/revenue-cap-applications",
    description="From trial prices to a formal maximum",
)
door = Door("revenue caps", __name__, url_prefix="/revenue-caps", description="Maximum permitted revenue by cycle")


@writes(appointments_door, "", roles=("admin",), body=AppointmentIn, answer=AppointmentOut)
def appoint(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Appoint the price authority of an operator's products of a registration level; it oversees the operator."""
    return appointment_document(unit, appoint_price_authority(unit, body))


@lists(
    appointments_door,
    "",
    roles=READERS,
    item=AppointmentOut,
    key=col(PriceAuthorityAppointment.id),
    document=appointment_document,
    query=CapQuery,
)
def list_appointments(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the appointments to operators that the caller is or oversees."""
    return visible_appointments(unit, query["operator"])


@reads(appointments_door, "/<appointment_id>", roles=READERS, answer=AppointmentOut)
def get_appointment(unit: Unit, _query: Mapping[str, Any], appointment_id: str) -> dict[str, Any]:
    """Show an appointment."""
    return appointment_document(unit, find_appointment(unit, appointment_id))


@writes(applications_door, "", roles=("operator",), body=CapApplicationIn, answer=CapApplicationOut)
def apply_for_revenue_cap(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Apply for a formal maximum, once a complete operating year lies behind."""
    return application_document(unit, apply_for_cap(unit, body))


@writes(
    applications_door,
    "/<application_id>/evaluate",
    roles=("regulator",),
    body=CapEvaluationIn,
    answer=CapApplicationOut,
    status=200,
)
def evaluate_revenue_cap_application(unit: Unit, body: Mapping[str, Any], application_id: str) -> dict[str, Any]:
    """Accept an application, as applied or with other figures, or return it; once."""
    return application_document(unit, evaluate_application(unit, application_id, body))


@lists(
    applications_door,
    "",
    roles=READERS,
    item=CapApplicationOut,
    key=col(RevenueCapApplication.id),
    document=application_document,
    query=CapQuery,
)
def list_revenue_cap_applications(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the applications of operators that the caller is or oversees."""
    return visible_applications(unit, query["operator"])


@reads(applications_door, "/<application_id>", roles=READERS, answer=CapApplicationOut)
def get_revenue_cap_application(unit: Unit, _query: Mapping[str, Any], application_id: str) -> dict[str, Any]:
    """Show an application with its evaluation."""
    return application_document(unit, find_application(unit, application_id))


@writes(door, "", roles=("regulator",), body=RevenueCapIn, answer=RevenueCapOut, prepare=carried_into)
def determine_revenue_cap(unit: Unit, body: Mapping[str, Any], carried: Carried) -> dict[str, Any]:
    """Determine the maximum permitted revenue of an operator for a cycle; the answer reckons it year by year.

    Where ``carry_in`` is left out, what the closed cycle before left is taken over; see ``/reports/carry-in``.
    """
    return cap_document(unit, determine_cap(unit, body, carried))


@writes(door, "/<cap_id>/years", roles=("regulator",), body=LaterYearsIn, answer=RevenueCapOut)
def add_revenue_cap_years(unit: Unit, body: Mapping[str, Any], cap_id: str) -> dict[str, Any]:
    """Determine years of the cycle that had no figures yet; those determined before stay as they are."""
    return cap_document(unit, determine_later_years(unit, cap_id, body))


@lists(door, "", roles=READERS, item=RevenueCapOut, key=col(RevenueCap.id), document=cap_document, query=CapQuery)
def list_revenue_caps(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the determinations about operators that the caller is or oversees."""
    return visible_caps(unit, query["operator"])


@reads(door, "/<cap_id>", roles=READERS, answer=RevenueCapOut)
def get_revenue_cap(unit: Unit, _query: Mapping[str, Any], cap_id: str) -> dict[str, Any]:
    """Show a determination."""
    return cap_document(unit, find_cap(unit, cap_id))
