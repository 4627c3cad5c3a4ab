"""Use read from the books: what was accepted of an offering under a contract, and what of it may be charged.

How postings are read (architecture: use is booked in the same ledger as money): ``usage`` debits unbilled or free use
of a service month and day, ``usage_reversal`` credits it; ``bill_use`` and ``credit_use`` move use of a month and name
no day, so that they leave the days alone; ``use_writeoff`` takes unbilled use of a month from its days;
``use_rerated`` takes free use of days from a grant, and debits another contract with it, as unbilled use of those days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, select, text
from sqlmodel import col

from ledger.tables import Account, Entry, Transaction
from metering.accounts import BILLED, CONTRACT_KINDS, FREE, UNBILLED, WRITTEN_OFF
from pricing.period import Span
from registry.contracts import contract_offerings, find_contract
from registry.lookup import code_of, find, missing
from registry.relations import product_of
from registry.tables import Offering
from store.columns import Day, Whole
from store.exact import worded
from store.unit import Unit

USAGE: Final = "usage"
"""The kind of transaction by which use enters the books."""
REVERSAL: Final = "usage_reversal"
"""The kind by which use that should not have been counted leaves them again."""
RERATED: Final = "use_rerated"
"""The kind by which free use found to have been commercial goes from its grant to a contract that is billed."""

_MONTH: Final = (
    "SELECT entry.service_on, exact_sum(CASE entry.side WHEN 'D' THEN entry.amount ELSE -entry.amount END) AS amount "
    "FROM account JOIN ledger_entry AS entry ON entry.account_id = account.id "
    "WHERE account.contract_id = :contract_id AND account.offering_id = :offering_id AND account.kind = :kind "
    "AND entry.service_month = :month GROUP BY entry.service_on"
)
_MONTHS: Final = {
    dialect: text(worded(_MONTH, dialect)).columns(service_on=Day, amount=Whole) for dialect in ("sqlite", "postgresql")
}

_SIGNED: Final = case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))


@dataclass(frozen=True)
class Use:
    """Use of one offering under one contract, in millionths of its unit.

    ``accepted`` is what the events brought, less what others reversed, and with what a re-rating brought or took
    away; the books hold it as unbilled + billed + free + written_off.
    """

    accepted: int = 0
    unbilled: int = 0
    billed: int = 0
    free: int = 0
    written_off: int = 0


@dataclass(frozen=True)
class ChargeableUse:
    """Use of one service month, in millionths of the unit.

    ``by_day`` is all use that counts for charging, billed or not (write-offs of unbilled use are gone from it);
    ``unbilled`` is what no bill has taken yet.
    """

    by_day: dict[date, int] = field(default_factory=dict)
    unbilled: int = 0


def use_of(
    unit: Unit, contract_id: str, offering_id: str, month: str | None = None, as_of: datetime | None = None
) -> Use:
    """Return the use of an offering under a contract: of one service month or of all, as of a moment or now."""
    query = (
        _entries(contract_id)
        .add_columns(col(Account.kind), col(Transaction.kind), func.sum(_SIGNED))
        .join(Transaction, col(Transaction.id) == col(Entry.transaction_id))
        .where(col(Account.offering_id) == offering_id)
        .group_by(col(Account.kind), col(Transaction.kind))
    )
    if month is not None:
        query = query.where(col(Entry.service_month) == month)
    if as_of is not None:
        query = query.where(col(Transaction.recorded_at) <= as_of)
    accepted, held = 0, dict.fromkeys(CONTRACT_KINDS, 0)
    for account_kind, posting_kind, amount in unit.connection.execute(query):
        held[account_kind] += int(amount)
        accepted += int(amount) if posting_kind in (USAGE, REVERSAL, RERATED) else 0
    return Use(accepted, held[UNBILLED], held[BILLED], held[FREE], held[WRITTEN_OFF])


def use_document(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the use that a query names as the wire says it; raises NotFound for what the caller may not see."""
    contract = find_contract(unit, wanted["contract"], "contract")
    offering_id = held_offering(unit, contract.id, wanted["offering"])
    month = wanted["month"]
    return {
        **asdict(use_of(unit, contract.id, offering_id, str(month) if month else None)),
        "contract": contract.id,
        "offering": code_of(unit, Offering, offering_id),
        "month": month,
        "unit": product_of(unit, offering_id).unit,
    }


def held_offering(unit: Unit, contract_id: str, ref: str) -> str:
    """Return the id of an offering that a contract holds; raises NotFound, naming the field ``offering``."""
    offering = find(unit, Offering, ref, "offering")
    if offering.id not in {row.offering_id for row in contract_offerings(unit, contract_id)}:
        raise missing("offering", ref, "offering")
    return offering.id


def chargeable_use(unit: Unit, contract_id: str, months: Collection[str]) -> dict[tuple[str, str], ChargeableUse]:
    """Return the chargeable use of some months of a contract by (offering id, service month).

    One statement reads it all, so that days and unbilled quantity are of one moment; lock the contract first.
    """
    columns = (col(Account.offering_id), col(Entry.service_month), col(Entry.service_on))
    query = (
        _entries(contract_id)
        .add_columns(*columns, func.sum(_SIGNED))
        .where(col(Account.kind) == UNBILLED, col(Entry.service_month).in_(sorted(months)))
        .group_by(*columns)
        .order_by(*columns)
    )
    days: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    unbilled: dict[tuple[str, str], int] = defaultdict(int)
    for offering_id, month, day, amount in unit.connection.execute(query):
        unbilled[offering_id, month] += int(amount)
        if day is not None and amount:
            days[offering_id, month][day] = int(amount)
    return {key: ChargeableUse(days[key], amount) for key, amount in unbilled.items()}


def month_of_use(unit: Unit, contract_id: str, offering_id: str, month: str) -> ChargeableUse:
    """Return the chargeable use of one offering and service month: what ``chargeable_use`` says of it, read at once.

    It adds up the postings of that account and month, day by day, as ceilings and tariffs of a day ask: no bucket
    tells days apart. What bounds it is how often one contract's use of one offering is posted in a month: once a
    batch and day, so that a gateway that sends every event by itself, 100,000 in a month, has it read as many entries.
    """
    wanted = {"contract_id": contract_id, "offering_id": offering_id, "kind": UNBILLED, "month": month}
    by_day: dict[date | None, int] = dict(unit.connection.execute(_MONTHS[unit.dialect], wanted).all())
    return ChargeableUse({day: amount for day, amount in by_day.items() if day and amount}, sum(by_day.values()))


def free_use_by_day(
    unit: Unit, contract_id: str, offering_id: str, days: Span, month: str | None = None
) -> dict[date, int]:
    """Return the free use of an offering under a grant's contract by day; lock the contract first.

    Naming the one ``month`` that the days are of leaves the others unread.
    """
    query = (
        select(col(Entry.service_on), func.sum(_SIGNED))
        .select_from(Account)
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .where(
            col(Account.contract_id) == contract_id,
            col(Account.offering_id) == offering_id,
            col(Account.kind) == FREE,
            col(Entry.service_on).is_not(None),
        )
        .group_by(col(Entry.service_on))
        .order_by(col(Entry.service_on))
    )
    if month is not None:
        query = query.where(col(Entry.service_month) == month)
    return {day: int(amount) for day, amount in unit.connection.execute(query) if amount and days.contains(day)}


def _entries(contract_id: str) -> Select[()]:
    return (
        select()
        .select_from(Account)
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .where(col(Account.contract_id) == contract_id, col(Account.kind).in_(CONTRACT_KINDS))
    )
