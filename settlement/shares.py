"""The shares of a run: pools distributed by their agreements, earlier shares reversed, holdbacks released.

Every part is a row that stays. What a pool gains is distributed with what earlier runs carried forward; what it gives
back is taken from the rows of the run that distributed it, in their proportion, and never runs the split on a
negative amount.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from pricing.agreement import Agreement, Holdback
from pricing.allocation import reverse_in_proportion
from pricing.distribution import RESIDUAL, Carried, Distribution, distribute
from pricing.period import Month
from registry.tables import Party
from settlement.signed_agreements import PoolKey, Version, Versions
from settlement.tables import DistributionAgreement, Settlement, SettlementPool, SettlementShare
from settlement.takes import EarlierPool, Reversal, Takes
from store.ids import new_id
from store.unit import Unit

_DIVIDED = ("share", "holdback")


@dataclass(frozen=True)
class Share:
    """One part: of a pool by a step, or what is reversed or released of an earlier one; amounts in fen.

    ``held`` says that the amount is added to (or taken from) what is held back of the beneficiary instead of what is
    payable to it. ``month`` is that of the run whose row is reversed or released.
    """

    pool: PoolKey
    step: str
    kind: str
    beneficiary: str
    taken: int
    of_pool: int = 0
    due: int = 0
    carried: int = 0
    held: bool = False
    reverses: str | None = None
    month: str | None = None
    reversal: Reversal | None = None

    @property
    def payable(self) -> int:
        """What it adds to the beneficiary's payable."""
        return 0 if self.held else self.taken

    @property
    def held_back(self) -> int:
        """What it adds to what is held back of the beneficiary."""
        if self.kind == "release":
            return -self.taken
        return self.taken if self.held else 0

    @property
    def of_distribution(self) -> int:
        """What it adds to the beneficiary's part of the pools; a release only moves what was taken before."""
        return 0 if self.kind == "release" else self.taken


@dataclass(frozen=True)
class Held:
    """A holdback that was not released yet, and what reversals have left of it."""

    row_id: str
    pool: PoolKey
    step: str
    beneficiary: str
    month: str
    remaining: int


@dataclass
class PoolState:
    """What the runs so far left of a pool: by step what is carried and what was recovered, and the rest's odd fen."""

    carried: dict[int, int] = field(default_factory=dict)
    recovered: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    odd_fen: dict[str, Fraction] = field(default_factory=dict)
    outstanding: int = 0

    def distributed(self, pool: int, agreement: Agreement) -> Distribution:
        """Divide a pool as the next run would."""
        return distribute(pool, agreement, Carried(self.carried, self.recovered, self.odd_fen))


class Sharing:
    """The shares of one run, and the state that it leaves of every pool of the operator."""

    def __init__(self, unit: Unit, operator_id: str, month: Month, versions: Versions) -> None:
        self.month, self.versions = month, versions
        self.in_force = set(versions.in_force(str(month)))
        self.states = _states(unit, operator_id, versions)
        self.held = _held(unit, operator_id)
        self.shares: list[Share] = []

    def share(self, unit: Unit, takes: Takes) -> None:
        """Divide what the pools gained, reverse what they gave back, and release what was held back long enough."""
        gained = {key: amount for key, amount in takes.gained.items() if amount}
        for key in sorted(self.in_force | set(gained)):
            self._divide(key, gained.get(key, 0))
        for earlier, rows in _rows_of(unit, takes.reversals).items():
            self._reverse(takes.reversals[earlier], rows)
        self._release()
        for key, change in takes.outstanding.items():
            self.states[key].outstanding += change

    def agreement_of(self, key: PoolKey) -> Agreement:
        """Return the arithmetic that a pool follows in this run's month."""
        version = self.versions.by_id[key.agreement_id]
        return version.agreement if key in self.in_force else version.without_new_dues

    def held_now(self) -> dict[tuple[str, str], int]:
        """Return what is held back after this run, by beneficiary and offering."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for held in self.held.values():
            sums[held.beneficiary, held.pool.offering_id] += held.remaining
        for share in self.shares:
            sums[share.beneficiary, share.pool.offering_id] += share.held_back
        return sums

    def _divide(self, key: PoolKey, pool: int) -> None:
        state = self.states[key]
        distribution = state.distributed(pool, self.agreement_of(key))
        for row in distribution.rows:
            is_holdback = row.kind == Holdback.kind
            step = RESIDUAL if row.step is None else str(row.step)
            self.shares.append(
                Share(
                    pool=key,
                    step=step,
                    kind="holdback" if is_holdback else "share",
                    beneficiary=row.beneficiary,
                    taken=row.taken,
                    of_pool=pool,
                    due=row.due,
                    carried=row.carried,
                    held=is_holdback,
                )
            )
            if row.step is not None:
                state.carried[row.step] = row.carried
                state.recovered[row.step] += row.taken
        state.odd_fen = distribution.odd_fen

    def _reverse(self, reversal: Reversal, rows: list[_Row]) -> None:
        by_name = {row.name: row for row in rows}
        parts = reverse_in_proportion(
            {name: row.taken for name, row in by_name.items()},
            {name: row.reversed for name, row in by_name.items()},
            reversal.amount,
        )
        for name, part in parts.items():
            if part:
                self._reverse_row(by_name[name], part, reversal)

    def _reverse_row(self, row: _Row, part: int, reversal: Reversal) -> None:
        self.shares.append(
            Share(
                pool=row.pool,
                step=row.step,
                kind="reversal",
                beneficiary=row.beneficiary,
                taken=part,
                held=row.id in self.held,
                reverses=row.id,
                month=row.month,
                reversal=reversal,
            )
        )
        if row.step != RESIDUAL:
            self.states[row.pool].recovered[int(row.step)] += part

    def _release(self) -> None:
        """Release each holdback whose time has come: what this run's reversals leave of it."""
        reversed_now: dict[str | None, int] = defaultdict(int)
        for share in self.shares:
            reversed_now[share.reverses] += share.taken
        for held in self.held.values():
            if _month_number(held.month) + self._months_held(held) <= _month_number(str(self.month)):
                self.shares.append(
                    Share(
                        pool=held.pool,
                        step=held.step,
                        kind="release",
                        beneficiary=held.beneficiary,
                        taken=held.remaining + reversed_now[held.row_id],
                        reverses=held.row_id,
                        month=held.month,
                    )
                )

    def _months_held(self, held: Held) -> int:
        step = self.versions.by_id[held.pool.agreement_id].agreement.steps[int(held.step)]
        if not isinstance(step, Holdback):
            message = f"step {held.step} of agreement {held.pool.agreement_id} is no holdback"
            raise TypeError(message)
        return step.release_after_months

    def rows(self, settlement_id: str, party_ids: Mapping[str, str]) -> list[dict[str, object]]:
        """Return the rows to store, one a share."""
        return [
            {
                "id": new_id("shr"),
                "settlement_id": settlement_id,
                "agreement_id": share.pool.agreement_id,
                "offering_id": share.pool.offering_id,
                "step": share.step,
                "kind": share.kind,
                "beneficiary_id": party_ids[share.beneficiary],
                "pool": share.of_pool,
                "due": share.due,
                "taken": share.taken,
                "carried": share.carried,
                "reverses": share.reverses,
            }
            for share in self.shares
        ]


@dataclass(frozen=True)
class _Row:
    """A stored part of an earlier run, and what was reversed of it so far."""

    id: str
    pool: PoolKey
    step: str
    beneficiary: str
    taken: int
    reversed: int
    month: str

    @property
    def name(self) -> str:
        """What ties are broken by: the party's code, then the step; a blank sorts before whatever a code holds."""
        return f"{self.beneficiary} {self.step}"


def step_kind(version: Version, step: str) -> str:
    """Return the kind of a step, by the name under which shares keep it."""
    return RESIDUAL if step == RESIDUAL else version.agreement.steps[int(step)].kind.value


def _states(unit: Unit, operator_id: str, versions: Versions) -> dict[PoolKey, PoolState]:
    states = {key: PoolState() for version in versions.by_id.values() for key in version.pools}
    for row in unit.connection.execute(_latest_pools(operator_id)):
        state = states[PoolKey(row.agreement_id, row.offering_id)]
        state.outstanding = row.outstanding
        state.odd_fen = {party: Fraction(owed) for party, owed in row.odd_fen.items()}
    for row in unit.connection.execute(_latest_carried(operator_id)):
        states[PoolKey(row.agreement_id, row.offering_id)].carried[int(row.step)] = row.carried
    for row in unit.connection.execute(_recovered(operator_id)):
        states[PoolKey(row.agreement_id, row.offering_id)].recovered[int(row.step)] = int(row.recovered)
    return states


def _latest_pools(operator_id: str) -> Any:
    """Each pool as the last run that touched it left it."""
    latest = _latest(SettlementPool, operator_id)
    return (
        select(
            col(SettlementPool.agreement_id),
            col(SettlementPool.offering_id),
            col(SettlementPool.outstanding),
            col(SettlementPool.odd_fen),
        )
        .join(Settlement, col(Settlement.id) == col(SettlementPool.settlement_id))
        .join(latest, _is_latest(SettlementPool, latest))
        .where(col(Settlement.operator_id) == operator_id)
    )


def _latest_carried(operator_id: str) -> Any:
    """What each step carried forward, when its pool was last divided."""
    divided = col(SettlementShare.kind).in_(_DIVIDED)
    latest = _latest(SettlementShare, operator_id, divided)
    return (
        select(
            col(SettlementShare.agreement_id),
            col(SettlementShare.offering_id),
            col(SettlementShare.step),
            col(SettlementShare.carried),
        )
        .join(Settlement, col(Settlement.id) == col(SettlementShare.settlement_id))
        .join(latest, _is_latest(SettlementShare, latest))
        .where(col(Settlement.operator_id) == operator_id, divided, col(SettlementShare.step) != RESIDUAL)
    )


def _latest(table: type[SettlementPool | SettlementShare], operator_id: str, *conditions: ColumnElement[bool]) -> Any:
    """The month of the last run that has rows of a pool."""
    return (
        select(
            col(table.agreement_id).label("agreement_id"),
            col(table.offering_id).label("offering_id"),
            func.max(col(Settlement.month)).label("month"),
        )
        .join(Settlement, col(Settlement.id) == col(table.settlement_id))
        .where(col(Settlement.operator_id) == operator_id, *conditions)
        .group_by(col(table.agreement_id), col(table.offering_id))
        .subquery()
    )


def _is_latest(table: type[SettlementPool | SettlementShare], latest: Any) -> ColumnElement[bool]:
    return and_(
        latest.c.agreement_id == col(table.agreement_id),
        latest.c.offering_id == col(table.offering_id),
        latest.c.month == col(Settlement.month),
    )


def _recovered(operator_id: str) -> Any:
    """What each step has taken in all runs, less what was reversed of it."""
    columns = (col(SettlementShare.agreement_id), col(SettlementShare.offering_id), col(SettlementShare.step))
    return (
        select(*columns, func.sum(col(SettlementShare.taken)).label("recovered"))
        .join(DistributionAgreement, col(DistributionAgreement.id) == col(SettlementShare.agreement_id))
        .where(
            col(DistributionAgreement.operator_id) == operator_id,
            col(SettlementShare.kind) != "release",
            col(SettlementShare.step) != RESIDUAL,
        )
        .group_by(*columns)
    )


def _held(unit: Unit, operator_id: str) -> dict[str, Held]:
    """Return the holdbacks that no run has released yet, by their rows' ids."""
    released, acting = aliased(SettlementShare), aliased(SettlementShare)
    reversed_so_far = (
        select(func.coalesce(func.sum(col(acting.taken)), 0))
        .where(col(acting.reverses) == col(SettlementShare.id))
        .scalar_subquery()
    )
    query = (
        _stored_rows(reversed_so_far)
        .where(col(Settlement.operator_id) == operator_id, col(SettlementShare.kind) == "holdback")
        .where(~exists().where(col(released.reverses) == col(SettlementShare.id), col(released.kind) == "release"))
        .order_by(col(SettlementShare.id))
    )
    rows = (_row(row) for row in unit.connection.execute(query))
    return {
        row.id: Held(row.id, row.pool, row.step, row.beneficiary, row.month, row.taken - row.reversed) for row in rows
    }


def _rows_of(unit: Unit, wanted: Iterable[EarlierPool]) -> dict[EarlierPool, list[_Row]]:
    """Return the rows by which earlier runs divided pools, by run and pool."""
    pools = sorted(wanted)
    if not pools:
        return {}
    acting = aliased(SettlementShare)
    reversed_so_far = (
        select(func.coalesce(func.sum(col(acting.taken)), 0))
        .where(col(acting.reverses) == col(SettlementShare.id), col(acting.kind) == "reversal")
        .scalar_subquery()
    )
    by_run: dict[str, set[str]] = defaultdict(set)
    for pool in pools:
        by_run[pool.settlement_id].add(pool.pool.agreement_id)
    of_runs = or_(
        *(
            and_(col(SettlementShare.settlement_id) == run, col(SettlementShare.agreement_id).in_(sorted(agreements)))
            for run, agreements in by_run.items()
        )
    )
    query = _stored_rows(reversed_so_far).where(of_runs, col(SettlementShare.kind).in_(_DIVIDED))
    found: dict[EarlierPool, list[_Row]] = {pool: [] for pool in pools}
    for row in unit.connection.execute(query.order_by(col(SettlementShare.id))):
        stored = _row(row)
        earlier = EarlierPool(row.settlement_id, stored.pool)
        if earlier in found:
            found[earlier].append(stored)
    return found


def _stored_rows(reversed_so_far: Any) -> Any:
    return (
        select(
            col(SettlementShare.id),
            col(SettlementShare.settlement_id),
            col(SettlementShare.agreement_id),
            col(SettlementShare.offering_id),
            col(SettlementShare.step),
            col(Party.code).label("beneficiary"),
            col(SettlementShare.taken),
            reversed_so_far.label("reversed"),
            col(Settlement.month),
        )
        .join(Settlement, col(Settlement.id) == col(SettlementShare.settlement_id))
        .join(Party, col(Party.id) == col(SettlementShare.beneficiary_id))
    )


def _row(row: Any) -> _Row:
    pool = PoolKey(row.agreement_id, row.offering_id)
    return _Row(row.id, pool, row.step, row.beneficiary, row.taken, -int(row.reversed), row.month)


def _month_number(month: str) -> int:
    parsed = Month.parse(month)
    return parsed.year * 12 + parsed.month
