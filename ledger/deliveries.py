"""How much use of an offering the books hold, whoever used it: since a day, and by service month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlmodel import col

from ledger.tables import Account, Entry
from pricing.period import Month
from store.unit import Unit

DELIVERED = "delivered_use"


@dataclass(frozen=True)
class DeliveredUse:
    """The accepted use of one offering in one service month, in millionths of the asset's unit."""

    offering_id: str
    asset: str
    month: str
    quantity: int


def delivered_since(unit: Unit, offering_id: str, day: date) -> bool:
    """Say whether any use of an offering on or after a business day has been accepted."""
    query = (
        select(col(Entry.leg))
        .join(Account, col(Account.id) == col(Entry.account_id))
        .where(
            col(Account.offering_id) == offering_id,
            col(Account.kind) == DELIVERED,
            col(Entry.side) == "C",
            # the month narrows the index down; the day decides
            col(Entry.service_month) >= str(Month.from_date(day)),
            col(Entry.service_on) >= day,
        )
        .limit(1)
    )
    return unit.connection.execute(query).first() is not None


def delivered_by_month(
    unit: Unit, offerings: Sequence[str] | None, month: str | None, after: tuple[str, str] | None
) -> Iterator[DeliveredUse]:
    """Give the accepted use of each offering and month that come after ``after`` in that order, as it is asked for.

    One account after the other is summed up, so that a page costs what it shows and not what the books hold.
    """
    for account_id, offering_id, asset in _accounts(unit, offerings, after):
        later_than = after[1] if after is not None and after[0] == offering_id else None
        for service_month, quantity in _months(unit, account_id, month, later_than):
            yield DeliveredUse(offering_id, asset, service_month, quantity)


def _accounts(
    unit: Unit, offerings: Sequence[str] | None, after: tuple[str, str] | None
) -> Sequence[tuple[int | None, str, str]]:
    query = select(col(Account.id), col(Account.offering_id), col(Account.asset)).where(col(Account.kind) == DELIVERED)
    if offerings is not None:
        query = query.where(col(Account.offering_id).in_(offerings))
    if after is not None:
        query = query.where(col(Account.offering_id) >= after[0])
    rows = unit.connection.execute(query.order_by(col(Account.offering_id)))
    return [(number, str(offering_id), asset) for number, offering_id, asset in rows]


def _months(unit: Unit, account_id: int | None, month: str | None, later_than: str | None) -> Sequence[tuple[str, int]]:
    delivered = func.sum(case((col(Entry.side) == "C", col(Entry.amount)), else_=-col(Entry.amount)))
    query = (
        select(col(Entry.service_month), delivered)
        .where(col(Entry.account_id) == account_id, col(Entry.service_month).is_not(None))
        .group_by(col(Entry.service_month))
        .order_by(col(Entry.service_month))
    )
    if month is not None:
        query = query.where(col(Entry.service_month) == month)
    if later_than is not None:
        query = query.where(col(Entry.service_month) > later_than)
    return [(str(found), int(quantity)) for found, quantity in unit.connection.execute(query)]
