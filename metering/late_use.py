"""Months of contracts that a later bill has to look at beside its own: use of them came when they had ended.

Without this a bill would have to read all use of its contract's life to find what came late. Rows are added by whoever
posts such use, never changed, and taken away by the bill that has dealt with them; so nobody waits for anybody here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlmodel import col

from metering.tables import LateUse
from pricing.period import Month
from store.arrays import Int64s, Texts
from store.direct import change, change_each
from store.unit import Unit

NO_TRANSACTION: Final = 0
"""In place of the transaction where use waits because no price was published for it."""

_REMEMBER: Final = "INSERT INTO late_use (contract_id, service_month, transaction_id)"
_REMEMBER_SQLITE: Final = f"{_REMEMBER} VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_REMEMBER_POSTGRESQL: Final = (
    f"{_REMEMBER} SELECT * FROM unnest("  # noqa: S608 - our own text
    "%(contract_id)b::text[], %(month)b::text[], %(transaction_id)b::bigint[]) "
    "ON CONFLICT DO NOTHING"
)
_CLOCK_MARGIN: Final = timedelta(days=1)
"""Work that read the clock before a month ended may be committed after its bill; none takes as long as this."""


def is_late(unit: Unit, day: date) -> bool:
    """Say whether the bill of a day's month may be issued before this unit is committed."""
    return Month.from_date(day).until <= unit.today + _CLOCK_MARGIN


def remember(unit: Unit, late: Iterable[tuple[str, str, int]]) -> None:
    """Have the next bills look at months, given as (contract id, service month, transaction id)."""
    given = list(late)
    if not given:
        return
    if unit.dialect == "sqlite":
        change_each(unit.connection, _REMEMBER_SQLITE, given)
        return
    contracts, months, transactions = zip(*given, strict=True)
    columns = {"contract_id": Texts(contracts), "month": Texts(months), "transaction_id": Int64s(transactions)}
    change(unit.connection, _REMEMBER_POSTGRESQL, columns)


def remembered(unit: Unit, contract_id: str, until_month: str) -> list[tuple[str, int]]:
    """Return (service month, transaction id) of what a contract's bill has to look at, up to and with a month.

    Read it before the use itself: what is committed in between is then looked at twice, and not lost.
    """
    query = (
        select(col(LateUse.service_month), col(LateUse.transaction_id))
        .where(col(LateUse.contract_id) == contract_id, col(LateUse.service_month) <= until_month)
        .order_by(col(LateUse.service_month), col(LateUse.transaction_id))
    )
    return [(row.service_month, row.transaction_id) for row in unit.connection.execute(query)]


def dealt_with(
    unit: Unit, contract_id: str, looked_at: Collection[tuple[str, int]], left_months: Collection[str]
) -> None:
    """Forget what a bill looked at, but for months of which use is left: every later bill looks at those again."""
    left = set(left_months)
    done = [{"month": month, "id": transaction_id} for month, transaction_id in looked_at if month not in left]
    if done:
        one = (col(LateUse.service_month) == bindparam("month"), col(LateUse.transaction_id) == bindparam("id"))
        unit.connection.execute(delete(LateUse).where(col(LateUse.contract_id) == contract_id, *one), done)
    remember(unit, [(contract_id, month, NO_TRANSACTION) for month in sorted(left)])
