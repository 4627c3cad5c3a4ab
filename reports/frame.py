"""What a report of an operator is bounded by: the operator, the period, the moment, and the offerings to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from pricing.errors import Refusal
from pricing.parameters import Law
from pricing.period import YEAR_MAX, Month, Span, day_of, format_instant
from registry.lookup import missing, party_of_kind
from registry.relations import SEES_EVERYTHING, names_caller, require_overseer
from registry.spans import years_after
from registry.tables import Authorisation, Offering, Party, Product
from store.unit import Unit

API: Final = "/api/v1"
"""Where the rows behind a figure are found."""
YEARS_MAX: Final = 20
"""A report is of so many years at most."""
_DAY: Final = timedelta(days=1)


class PeriodTooLong(Refusal):
    """A report of more years than any cycle, agreement or duty has."""

    code = "period_too_long"


@dataclass(frozen=True)
class Offered:
    """An offering with the product and authorisation that it was made under."""

    offering: Offering
    product: Product
    authorisation: Authorisation

    @property
    def code(self) -> str:
        """The code under which everybody knows it."""
        return self.offering.code

    @property
    def name(self) -> str:
        """The product's name and the scenario's."""
        return f"{self.product.name} · {self.offering.scenario['name']}"


@dataclass(frozen=True)
class Frame:
    """The bounds of a report; nothing recorded after ``as_of`` is in it. ``operator`` is the party it is on.

    ``offerings`` are those that the caller may see: all of the operator's, or (``is_partial``) those under the
    authorisations of the grantor that asks.
    """

    operator: Party
    period: Span
    as_of: datetime
    zone: ZoneInfo
    offerings: Mapping[str, Offered]
    is_partial: bool
    law: Law

    @property
    def until(self) -> date:
        """The first day after the period."""
        return self.period.end or date.max

    @property
    def last_day(self) -> date:
        """The last day of the period."""
        return self.until - _DAY

    @property
    def today(self) -> date:
        """The business day of ``as_of``."""
        return day_of(self.as_of, self.zone)

    @property
    def months(self) -> Span:
        """The whole service months that the period touches: revenue is counted by month of service."""
        return whole_months(self.period)

    def link(self, path: str, **query: object) -> str:
        """The address of the rows behind a figure."""
        said = {name: str(value) for name, value in query.items() if value is not None}
        return f"{API}{path}?{urlencode(said)}" if said else f"{API}{path}"

    def link_at(self, path: str, **query: object) -> str:
        """The same, as of the report's moment."""
        return self.link(path, **query, as_of=format_instant(self.as_of, self.zone))

    def charges(self, offering: str | None = None, span: Span | None = None) -> str:
        """The address of the charges behind a figure: of the period or another span, of one offering if named."""
        days = span or self.period
        query = {"operator": self.operator.code, "from": days.start, "until": days.end, "offering": offering}
        return self.link_at("/reports/cap-compliance/charges", **query)


def frame_of(unit: Unit, operator: str, period: Span, as_of: datetime) -> Frame:
    """Return the bounds of a report on an operator, by code or id, that the caller oversees; raises NotFound."""
    party = party_of_kind(unit, operator, "operator", "operator")
    require_overseer(unit, party.id, operator)
    _require_bounded(period)
    is_partial = unit.principal.role == "grantor"
    offered = _offered(unit, party.id, as_of, unit.principal.party if is_partial else None)
    return Frame(party, period, as_of, unit.zone, offered, is_partial, unit.law)


def grantor_frame(unit: Unit, grantor: str, period: Span, as_of: datetime) -> Frame:
    """Return the bounds of a grantor's own table, on all offerings under its authorisations; raises NotFound.

    It is the grantor's, and of those that oversee an operator which it authorised.
    """
    party = party_of_kind(unit, grantor, "grantor", "grantor")
    if unit.principal.role != "grantor" or unit.principal.party != party.id:
        under = select(col(Authorisation.id)).where(col(Authorisation.grantor_id) == party.id, names_caller(unit))
        if unit.session.execute(under.limit(1)).first() is None and unit.principal.role not in SEES_EVERYTHING:
            raise missing("grantor", grantor, "grantor")
    return Frame(party, period, as_of, unit.zone, _offered(unit, None, as_of, party.id), is_partial=False, law=unit.law)


def _require_bounded(period: Span) -> None:
    end = period.end or date.max
    if end > years_after(period.start, YEARS_MAX) or (end - _DAY).year > YEAR_MAX:
        message = f"a report is of at most {YEARS_MAX} years, and not from {period.start} until {period.end}"
        raise PeriodTooLong(message, errors={"until": [message]})


def whole_months(period: Span) -> Span:
    """Return the days of all months that a period, which ends, touches.

    >>> whole_months(Span(date(2026, 1, 15), date(2026, 2, 2)))
    Span(start=datetime.date(2026, 1, 1), end=datetime.date(2026, 3, 1))
    """
    last = (period.end or date.max) - _DAY
    return Span(Month.from_date(period.start).first_day, Month.from_date(last).until)


def in_months(service_month: Any, days: Span) -> ColumnElement[bool]:
    """Return the condition that a column of service months lies in a span of whole months."""
    wanted: ColumnElement[bool] = service_month >= str(Month.from_date(days.start))
    return wanted if days.end is None else wanted & (service_month < str(Month.from_date(days.end)))


def _offered(unit: Unit, operator_id: str | None, as_of: datetime, grantor_id: str | None) -> dict[str, Offered]:
    query = (
        select(Offering, Product, Authorisation)
        .join(Product, col(Product.id) == col(Offering.product_id))
        .join(Authorisation, col(Authorisation.id) == col(Product.authorisation_id))
        .where(col(Offering.recorded_at) <= as_of)
    )
    if operator_id is not None:
        query = query.where(col(Offering.operator_id) == operator_id)
    if grantor_id is not None:
        query = query.where(col(Authorisation.grantor_id) == grantor_id)
    # Sorted here: the databases do not agree on the order of texts.
    found = sorted((Offered(*row) for row in unit.session.execute(query)), key=lambda offered: offered.code)
    return {offered.offering.id: offered for offered in found}
