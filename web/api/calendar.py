"""The route of the calendar of duties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.calendar import calendar
from schemas.calendar import CalendarOut, CalendarQuery
from schemas.registry import ROLES
from store.unit import Unit
from web.door import Door, reads

door = Door("calendar", __name__, url_prefix="/calendar", description="What is due, by party")


@reads(door, "", roles=ROLES, answer=CalendarOut, query=CalendarQuery)
def get_calendar(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the duties of a party: reports, registrations, renewals, reviews, deviations, orders, ends of terms."""
    return calendar(unit, query)
