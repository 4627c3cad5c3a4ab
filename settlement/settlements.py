"""The run of the distribution: one for an operator and month, in one transaction, never run again.

A run takes the month's bills and credits by their date of issue (billed basis) or its receipts by their date
(collected basis), bounded by what was recorded when it ran. Runs follow each other in time: what is recorded later for
a month that was run is an adjustment of the next run. Money stays in fen, and every part of a pool is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, select
from sqlmodel import col

from ledger.closing import MonthNotEnded
from pricing.errors import Conflict, Problem
from pricing.period import Month
from registry.lookup import code_of, find, missing
from registry.relations import operators_overseen, require_operator
from registry.tables import Offering, Party
from settlement.distributable import Bound
from settlement.share_entries import post_shares
from settlement.shares import Sharing
from settlement.signed_agreements import PoolKey, Versions, lock_agreements, signed_versions
from settlement.statements import Issuing
from settlement.tables import (
    DistributionAgreement,
    Settlement,
    SettlementPool,
    SettlementShare,
    SettlementTake,
    Statement,
)
from settlement.takes import Takes, Window, take
from store.horizon import advance, reached
from store.ids import new_id
from store.unit import Call, Principal, Store, Unit

Progress = Callable[[int, int], None]
STAGES = 4


class LaterMonthSettled(Conflict):
    """A month before one that was run: what it would have taken, that run took."""

    code = "later_month_settled"


@dataclass(frozen=True)
class Prepared:
    """What a run takes, computed at the horizon before its transaction, and the run that it goes on from."""

    last_id: str | None
    as_of: datetime
    versions: Versions
    takes: Takes


def settle_month(store: Store, operator_ref: str, month: Month, progress: Progress | None = None) -> str:
    """Run the distribution of an operator's month, or find the run that there is; return its id.

    ``progress`` is told how many stages are done, and of how many. Raises as ``run_settlement`` does.
    """
    advance(store)
    with store.reading(Call(Principal("admin"), "settle"), fresh=True) as unit:
        operator_id = find(unit, Party, operator_ref, "operator").id
    call = Call(Principal("operator", operator_id), "settle")
    given = {"operator": operator_id, "month": month}
    with store.reading(call, fresh=True) as unit:
        prepared = prepare_settlement(unit, given)
    return store.run(call, lambda unit: run_settlement(unit, given, prepared, progress)[0].id)


def prepare_settlement(unit: Unit, given: Mapping[str, Any]) -> Prepared | None:
    """Compute what a run would take, which is long, on a snapshot and without a lock.

    What was recorded by the horizon never changes, so that the run can use it as long as no other run came between.
    None where there is nothing to run, or the run will be refused: then ``run_settlement`` says so.
    """
    try:
        operator, month = _asked(unit, given), given["month"]
        last = _last(unit, operator.id)
        _require_turn(unit, month, last)
    except Problem:
        return None
    return None if last is not None and last.month == str(month) else _prepared(unit, operator, month, last)


def run_settlement(
    unit: Unit, given: Mapping[str, Any], prepared: Prepared | None = None, progress: Progress | None = None
) -> tuple[Settlement, bool]:
    """Run the distribution of the caller's month, or find the run that there is; say whether it is new.

    The horizon has to be moved before. Agreements are locked before anything is read, so that a month is run once,
    whoever asks at the same time. Raises NotFound, MonthNotEnded, LaterMonthSettled.
    """
    operator, month = _asked(unit, given), given["month"]
    lock_agreements(unit, operator.id)
    found = _of_month(unit, operator.id, month)
    if found is not None:
        unit.object_id = found.id
        return found, False
    last = _last(unit, operator.id)
    _require_turn(unit, month, last)
    if prepared is None or prepared.last_id != (last.id if last else None):
        prepared = _prepared(unit, operator, month, last)
    settlement = _run(unit, operator, month, last, prepared, progress or _unseen)
    unit.object_id = settlement.id
    return settlement, True


def find_settlement(unit: Unit, settlement_id: str) -> Settlement:
    """Return a run that the caller may see; raises NotFound."""
    query = visible_settlements(unit).where(col(Settlement.id) == settlement_id)
    row: Settlement | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("settlement", settlement_id)
    return row


def visible_settlements(unit: Unit) -> Select[Settlement]:
    """Return the query of the runs of the operators whose affairs the caller may read."""
    overseen = operators_overseen(unit)
    query = select(Settlement)
    return query if overseen is None else query.where(col(Settlement.operator_id).in_(overseen))


def settlement_document(unit: Unit, row: Settlement) -> dict[str, Any]:
    """Return a run as the wire says it, before formatting."""
    statements = select(Statement).where(col(Statement.settlement_id) == row.id).order_by(col(Statement.id))
    return {
        **row.model_dump(include={"id", "month", "as_of", "pool", "output_vat", "recorded_at"}),
        "operator": code_of(unit, Party, row.operator_id),
        "currency": "CNY",
        "pools": _pool_documents(unit, row),
        "statements": [
            {
                "id": statement.id,
                "beneficiary": code_of(unit, Party, statement.beneficiary_id),
                "closing": statement.closing,
            }
            for statement in unit.session.execute(statements).scalars()
        ],
        "sandbox": unit.sandbox,
    }


def _pool_documents(unit: Unit, row: Settlement) -> list[dict[str, Any]]:
    query = (
        select(SettlementPool, DistributionAgreement)
        .join(DistributionAgreement, col(DistributionAgreement.id) == col(SettlementPool.agreement_id))
        .where(col(SettlementPool.settlement_id) == row.id)
        .order_by(col(SettlementPool.agreement_id), col(SettlementPool.offering_id))
    )
    return [
        {
            **pool.model_dump(include={"agreement_id", "distributed", "reversed", "output_vat", "outstanding"}),
            "agreement": agreement.agreement_no,
            "clause": agreement.clause,
            "basis": agreement.basis,
            "offering": code_of(unit, Offering, pool.offering_id),
            "pool": pool.distributed - pool.reversed,
        }
        for pool, agreement in unit.session.execute(query)
    ]


def _of_month(unit: Unit, operator_id: str, month: Month) -> Settlement | None:
    query = select(Settlement).where(col(Settlement.operator_id) == operator_id, col(Settlement.month) == str(month))
    row: Settlement | None = unit.session.execute(query).scalar_one_or_none()
    return row


def _last(unit: Unit, operator_id: str) -> Settlement | None:
    query = select(Settlement).where(col(Settlement.operator_id) == operator_id)
    newest = query.order_by(col(Settlement.month).desc()).limit(1)
    row: Settlement | None = unit.session.execute(newest).scalar_one_or_none()
    return row


def _require_turn(unit: Unit, month: Month, last: Settlement | None) -> None:
    if month.until > unit.today:
        message = f"{month} has not ended; today is {unit.today}: run it from {month.until} on"
        raise MonthNotEnded(message, errors={"month": [message]})
    if last is not None and last.month > str(month):
        message = f"{last.month} was run already, with all that was there by then; the past is not run again"
        raise LaterMonthSettled(message, errors={"month": [message]})


def _asked(unit: Unit, given: Mapping[str, Any]) -> Party:
    """Return the operator whose month the caller may run; raises NotFound."""
    operator = find(unit, Party, given["operator"], "operator")
    require_operator(unit, operator.id, ref=given["operator"], field="operator")
    return operator


def _prepared(unit: Unit, operator: Party, month: Month, last: Settlement | None) -> Prepared:
    as_of = reached(unit)
    versions = signed_versions(unit, operator.id, as_of)
    window = Window(operator.id, _bound(last), Bound(month.until, as_of))
    return Prepared(last.id if last else None, as_of, versions, take(unit, window, versions))


def _run(
    unit: Unit, operator: Party, month: Month, last: Settlement | None, prepared: Prepared, progress: Progress
) -> Settlement:
    progress(1, STAGES)
    versions = prepared.versions
    sharing = Sharing(unit, operator.id, month, versions)
    sharing.share(unit, prepared.takes)
    progress(2, STAGES)
    parties = _parties(unit, operator, versions)
    settlement = _store(unit, operator, month, prepared, sharing, parties)
    payees = {
        code: parties[payee.payable_to] if payee else None
        for version in versions.by_id.values()
        for code, payee in version.payees.items()
    }
    booked_on = month.until - timedelta(days=1)
    post_shares(unit, settlement.id, operator, booked_on, sharing, parties, payees)
    progress(3, STAGES)
    Issuing(unit, settlement, operator, sharing).issue(last, parties)
    progress(STAGES, STAGES)
    return settlement


def _store(
    unit: Unit, operator: Party, month: Month, prepared: Prepared, sharing: Sharing, parties: Mapping[str, Party]
) -> Settlement:
    pools = _pool_rows(prepared.takes, sharing)
    settlement = Settlement(
        id=new_id("stl"),
        operator_id=operator.id,
        month=str(month),
        as_of=prepared.as_of,
        pool=sum(pool["distributed"] - pool["reversed"] for pool in pools),
        output_vat=sum(pool["output_vat"] for pool in pools),
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(settlement)
    unit.session.flush()
    party_ids = {code: party.id for code, party in parties.items()}
    rows_of: list[tuple[Any, list[dict[str, Any]]]] = [
        (SettlementPool, [{"settlement_id": settlement.id, **pool} for pool in pools]),
        (SettlementTake, prepared.takes.rows(settlement.id)),
        (SettlementShare, sharing.rows(settlement.id, party_ids)),
    ]
    for table, rows in rows_of:
        if rows:
            unit.connection.execute(insert(table), rows)
    return settlement


def _pool_rows(takes: Takes, sharing: Sharing) -> list[dict[str, Any]]:
    """Return the pools of the run: those whose agreement is in force, and those in which anything moved."""
    given_back: dict[PoolKey, int] = {}
    for earlier, reversal in takes.reversals.items():
        given_back[earlier.pool] = given_back.get(earlier.pool, 0) + reversal.amount
    changes = (takes.gained, given_back, takes.output_vat, takes.outstanding)
    moved = {key for change in changes for key, amount in change.items() if amount}
    return [
        {
            "agreement_id": key.agreement_id,
            "offering_id": key.offering_id,
            "distributed": takes.gained.get(key, 0),
            "reversed": given_back.get(key, 0),
            "output_vat": takes.output_vat.get(key, 0),
            "outstanding": sharing.states[key].outstanding,
            "odd_fen": {party: str(owed) for party, owed in sharing.states[key].odd_fen.items()},
        }
        for key in sorted(sharing.in_force | moved)
    ]


def _parties(unit: Unit, operator: Party, versions: Versions) -> dict[str, Party]:
    """Return everybody whom the operator's agreements name, by code."""
    codes = {operator.code}
    for version in versions.by_id.values():
        codes |= set(version.payees) | {payee.payable_to for payee in version.payees.values() if payee}
    found: dict[str, Party] = {}
    ordered = sorted(codes)
    for start in range(0, len(ordered), 500):
        query = select(Party).where(col(Party.code).in_(ordered[start : start + 500]))
        found |= {party.code: party for party in unit.session.execute(query).scalars()}
    return found


def _bound(last: Settlement | None) -> Bound | None:
    return Bound(Month.parse(last.month).until, last.as_of) if last is not None else None


def _unseen(_done: int, _of: int) -> None:
    """Tell nobody."""
