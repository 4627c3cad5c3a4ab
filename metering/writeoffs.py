"""Write-offs: unbilled use of a month that will not be billed is moved away, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import col

from ledger.books import Leg, Posting, credit, debit, post
from ledger.tables import Account, Entry, Transaction
from metering.accounts import UNBILLED, WRITTEN_OFF, use_account
from metering.tables import UsageWriteoff
from metering.use import RERATED, USAGE, chargeable_use, held_offering
from pricing.errors import Refusal
from pricing.money import format_quantity
from registry.contracts import find_contract, visible_contracts
from registry.lookup import code_of, missing
from registry.relations import product_of, require_operator
from registry.tables import Contract, Offering
from store.ids import new_id
from store.unit import Unit

WRITEOFF: Final = "use_writeoff"


class WriteoffExceedsUnbilled(Refusal):
    """More use would be written off than there is unbilled."""

    code = "writeoff_exceeds_unbilled"


def write_off_use(unit: Unit, given: Mapping[str, Any]) -> UsageWriteoff:
    """Move unbilled use of a month to written-off use; raises NotFound, WriteoffExceedsUnbilled.

    The books keep use by day, so that each day is charged at its own price. A write-off is taken from the days whose
    use is unbilled, the newest first, which leaves the earlier use where its price was first due.
    """
    contract = find_contract(unit, given["contract"], "contract")
    require_operator(unit, contract.operator_id, "contract", given["contract"], "contract")
    offering_id = held_offering(unit, contract.id, given["offering"])
    month = str(given["month"])
    # Bills and other write-offs wait for this lock; what may still be moved is read after it.
    unit.session.get(Contract, contract.id, with_for_update=True)
    use = chargeable_use(unit, contract.id, [month]).get((offering_id, month))
    unbilled = use.unbilled if use else 0
    if use is None or given["quantity"] > unbilled:
        message = (
            f"{format_quantity(unbilled)} of {given['offering']} are unbilled in {month}, less than the "
            f"{format_quantity(given['quantity'])} to write off: write off what there is, or credit the bill"
        )
        raise WriteoffExceedsUnbilled(message, errors={"quantity": [message]}, unbilled=format_quantity(unbilled))
    writeoff = UsageWriteoff(
        id=new_id("uwo"),
        operator_id=contract.operator_id,
        contract_id=contract.id,
        offering_id=offering_id,
        month=month,
        quantity=given["quantity"],
        reason=given["reason"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(writeoff)
    unit.object_id = writeoff.id
    days = unbilled_days(_accepted_lately(unit, contract.id, offering_id, month), use.by_day, unbilled)
    _book(unit, writeoff, newest_first(days, given["quantity"]))
    return writeoff


def unbilled_days(
    accepted_lately: Iterable[tuple[date, int]], by_day: Mapping[date, int], unbilled: int
) -> dict[date, int]:
    """Return the days of what is unbilled, of all use by day that counts: what was accepted last.

    A bill takes all that is there, so that what it left is what came after it; use that a credit note made unbilled
    again has no day of its own. ``accepted_lately`` is days and quantities, the last accepted first.

    >>> early, late = date(2025, 3, 5), date(2025, 3, 20)
    >>> unbilled_days([(early, 30), (late, 70)], {early: 30, late: 70}, 30)
    {datetime.date(2025, 3, 5): 30}
    """
    days: dict[date, int] = {}
    for day, quantity in accepted_lately:
        part = min(quantity, by_day.get(day, 0) - days.get(day, 0), unbilled)
        if part > 0:
            days[day] = days.get(day, 0) + part
            unbilled -= part
        if not unbilled:
            break
    return days


def newest_first(by_day: Mapping[date, int], quantity: int) -> dict[date, int]:
    """Return how much of a quantity is taken from each day, the newest first.

    >>> newest_first({date(2025, 3, 1): 5, date(2025, 3, 2): 3}, 4)
    {datetime.date(2025, 3, 2): 3, datetime.date(2025, 3, 1): 1}
    """
    taken: dict[date, int] = {}
    for day in sorted(by_day, reverse=True):
        part = min(by_day[day], quantity)
        if part > 0:
            taken[day] = part
            quantity -= part
    return taken


def visible_writeoffs(unit: Unit, wanted: Mapping[str, Any]) -> Select[UsageWriteoff]:
    """Return the query of the write-offs under contracts that the caller may see."""
    contracts = visible_contracts(unit).with_only_columns(col(Contract.id))
    query = select(UsageWriteoff).where(col(UsageWriteoff.contract_id).in_(contracts))
    if wanted.get("contract"):
        query = query.where(col(UsageWriteoff.contract_id) == wanted["contract"])
    return query


def find_writeoff(unit: Unit, writeoff_id: str) -> UsageWriteoff:
    """Return a write-off that the caller may see; raises NotFound."""
    query = visible_writeoffs(unit, {}).where(col(UsageWriteoff.id) == writeoff_id)
    found: UsageWriteoff | None = unit.session.execute(query).scalar_one_or_none()
    if found is None:
        raise missing("usage write-off", writeoff_id)
    return found


def writeoff_document(unit: Unit, row: UsageWriteoff) -> dict[str, Any]:
    """Return a write-off as the wire says it, before formatting."""
    return {
        **row.model_dump(include={"id", "month", "quantity", "reason", "recorded_at"}),
        "contract": row.contract_id,
        "offering": code_of(unit, Offering, row.offering_id),
    }


def _accepted_lately(unit: Unit, contract_id: str, offering_id: str, month: str) -> Iterable[tuple[date, int]]:
    """Yield the days and quantities of a month's use, the last accepted first."""
    query = (
        select(col(Entry.service_on), col(Entry.amount))
        .select_from(Account)
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .join(Transaction, col(Transaction.id) == col(Entry.transaction_id))
        .where(
            col(Account.contract_id) == contract_id,
            col(Account.offering_id) == offering_id,
            col(Account.kind) == UNBILLED,
            col(Entry.service_month) == month,
            col(Transaction.kind).in_((USAGE, RERATED)),
        )
        .order_by(col(Transaction.recorded_at).desc(), col(Entry.service_on).desc())
    )
    for day, amount in unit.connection.execute(query):
        if day is not None:
            yield day, int(amount)


def _book(unit: Unit, writeoff: UsageWriteoff, taken: Mapping[date, int]) -> None:
    asset = product_of(unit, writeoff.offering_id).asset
    place = (writeoff.operator_id, writeoff.contract_id, writeoff.offering_id, asset)
    legs: list[Leg] = debit(use_account(WRITTEN_OFF, *place), writeoff.quantity, writeoff.month)
    for day, part in taken.items():
        legs += credit(use_account(UNBILLED, *place), part, writeoff.month, day)
    posting = Posting(
        key=f"{WRITEOFF}:{writeoff.id}",
        kind=WRITEOFF,
        book=writeoff.operator_id,
        effective_on=unit.today,
        legs=tuple(legs),
        document_id=writeoff.id,
    )
    post(unit, [posting])
