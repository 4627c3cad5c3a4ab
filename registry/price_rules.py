"""What a ceiling and a tariff have in common: whether an offering may have a price on a day, and from when.

Versions of one operator's prices are recorded one after the other, under a lock on the operator: each is judged by
what was recorded before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import func, select
from sqlmodel import col

from pricing.classification import PUBLIC_INTEREST
from pricing.errors import Refusal
from pricing.operating_year import OperatingYear, first_year_complete_on
from registry.offerings import category_expected, category_on
from registry.tables import Authorisation, Offering, Party, Product
from store.unit import Unit

UsedSince = Callable[[Unit, str, date], bool]
"""Says whether use of an offering (its id) on or after a day has been accepted. The books know, not the registry."""


class OfferingNotChargeable(Refusal):
    """A price for what is free of charge (Price Notice 一)."""

    code = "offering_not_chargeable"


class TrialRequired(Refusal):
    """A formal price without one complete operating year behind it (Price Notice 二, 三)."""

    code = "trial_required"


class OperatingYearIncomplete(Refusal):
    """A maximum, or an application for one, without one complete operating year behind it (Price Notice 三)."""

    code = "operating_year_incomplete"


class Backdated(Refusal):
    """A version that starts in the past, where use has been accepted since, without a reason."""

    code = "backdated"


def hold_prices(unit: Unit, operator_id: str) -> None:
    """Wait for the turn to change an operator's prices and caps, and keep it until the transaction ends."""
    unit.session.get(Party, operator_id, with_for_update={"key_share": True})


def require_chargeable(unit: Unit, offering: Offering, day: date) -> None:
    """Refuse a price for an offering that is public-interest on a day, or is going to be; raises OfferingNotChargeable.

    Price Notice 一: use for public governance and public welfare is free of charge. Where no decision is in force on
    that day, the latest one counts, or the proposal.
    """
    category = category_on(unit, offering.id, day) or category_expected(unit, offering)
    if category == PUBLIC_INTEREST:
        message = (
            f"offering {offering.code} is public-interest: it is always charged 0.00 and has neither a ceiling nor a "
            "tariff; a charge needs an offering of an industry scenario"
        )
        raise OfferingNotChargeable(message, errors={"offering": [message]}, offering=offering.code)


def trial_until(unit: Unit, authorisation: Authorisation) -> date | None:
    """Return the first day of formal prices under an authorisation; None where the start of operation is not known.

    Without ``operating_since`` the platform cannot tell, and does not judge.
    """
    since = authorisation.operating_since
    return None if since is None else first_year_complete_on(since, unit.settings.operating_year)


def operating_year_complete_on(unit: Unit, operator_id: str, level: str | None = None) -> date | None:
    """Return the first day on which an operator has one complete operating year behind it, with products of a level.

    Counted from the earliest start that its authorisations tell; None where none tells one, which is not judged.
    """
    query = select(func.min(col(Authorisation.operating_since))).where(col(Authorisation.operator_id) == operator_id)
    if level is not None:
        of_level = select(col(Product.authorisation_id)).where(
            col(Product.operator_id) == operator_id, col(Product.registration_level) == level
        )
        query = query.where(col(Authorisation.id).in_(of_level))
    since = unit.session.execute(query).scalar_one()
    return None if since is None else first_year_complete_on(since, unit.settings.operating_year)


def require_operating_year(unit: Unit, operator: Party, level: str | None, day: date, field: str) -> date | None:
    """Refuse a day before the operator has one complete operating year behind it; return the first day after it.

    Raises OperatingYearIncomplete, naming the day.
    """
    complete_on = operating_year_complete_on(unit, operator.id, level)
    if complete_on is not None and day < complete_on:
        message = (
            f"{operator.code} has one complete operating year behind it on {complete_on}, not on {day}; until then "
            "there is no maximum permitted revenue, and prices are trial prices (Price Notice, 二 and 三)"
        )
        raise OperatingYearIncomplete(message, errors={field: [message]}, complete_on=complete_on.isoformat())
    return complete_on


def trial_required(unit: Unit, authorisation: Authorisation, first: date, field: str, way_out: str) -> TrialRequired:
    """Return the refusal of a formal price before ``first``, the day on which formal prices begin."""
    year = "calendar year" if unit.settings.operating_year is OperatingYear.CALENDAR_YEAR else "year"
    message = (
        f"{authorisation.agreement_no} operates since {authorisation.operating_since}, so that the first complete "
        f"{year} ends before {first}; until then there are trial prices only: {way_out}"
    )
    return TrialRequired(
        message,
        errors={field: [message]},
        operating_since=f"{authorisation.operating_since}",
        formal_prices_from=first.isoformat(),
    )


def require_not_backdated(
    unit: Unit, offering: Offering, effective_from: date, reason: str | None, used_since: UsedSince
) -> None:
    """Refuse a start in the past where use has been accepted since and no reason is stated; raises Backdated."""
    if reason is not None or effective_from >= unit.today or not used_since(unit, offering.id, effective_from):
        return
    message = (
        f"use of offering {offering.code} on or after {effective_from} has been accepted already, and its price is "
        f"not changed afterwards; start on {unit.today} or later, or state the backdate_reason, which every report "
        "that it touches will print"
    )
    raise Backdated(message, errors={"effective_from": [message]}, today=unit.today.isoformat())
