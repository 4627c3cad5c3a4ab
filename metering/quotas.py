"""Limits of quantity, held exactly: the rows that count use are locked first, then read, then filled in order."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import text

from metering.events import Event, Status, Verdict
from metering.rights import Place, Right
from pricing.money import format_quantity
from pricing.period import Month
from store.arrays import Int64s, Texts
from store.direct import change, change_each, rows
from store.unit import Unit

QuotaKey = tuple[str, str, str]
"""Contract, offering, and the period that the limit is for."""

WHOLE_TERM: Final = "all"

_ADD: Final = "ON CONFLICT (contract_id, offering_id, period) DO UPDATE SET used = quota.used + excluded.used"
_ADD_POSTGRESQL: Final = (
    "INSERT INTO quota (contract_id, offering_id, period, used) SELECT * FROM unnest("  # noqa: S608 - our own text
    f"%(contract_id)b::text[], %(offering_id)b::text[], %(period)b::text[], %(used)b::bigint[]) {_ADD}"
)
_ADD_SQLITE: Final = f"INSERT INTO quota (contract_id, offering_id, period, used) VALUES (?, ?, ?, ?) {_ADD}"  # noqa: S608 - our own text
_GIVE_BACK: Final = text(
    "UPDATE quota SET used = used - :amount "
    "WHERE contract_id = :contract_id AND offering_id = :offering_id AND period = :period"
)
_READ: Final = "SELECT quota.contract_id, quota.offering_id, quota.period, quota.used "
_READ_POSTGRESQL: Final = (
    _READ + "FROM unnest(%(contract_id)b::text[], %(offering_id)b::text[], %(period)b::text[]) "
    "AS wanted (contract_id, offering_id, period) JOIN quota USING (contract_id, offering_id, period)"
)
_READ_SQLITE: Final = (
    _READ + "FROM json_each(?) AS wanted CROSS JOIN quota ON quota.contract_id = wanted.value ->> 0 "
    "AND quota.offering_id = wanted.value ->> 1 AND quota.period = wanted.value ->> 2"
)


def quota_key(place: Place) -> QuotaKey:
    """Return what a limited use counts against: a grant's limit is for its whole term, a contract's for a month."""
    period = WHOLE_TERM if place.right.free else str(Month.from_date(place.day))
    return place.right.contract_id, place.right.offering_id, period


class Quotas:
    """The limits that a batch touches; their rows stay locked until the batch is committed.

    Who only asks does not lock: what it is told may be gone a moment later.
    """

    def __init__(self, unit: Unit, keys: Collection[QuotaKey], *, locked: bool = True) -> None:
        self._unit = unit
        self._used = dict.fromkeys(sorted(keys), 0)
        if self._used and locked and unit.dialect == "postgresql":
            _add(unit, self._used)
        self._used |= _read(unit, self._used)

    def used(self, key: QuotaKey) -> int:
        """Return what is counted against a limit, in millionths of the unit."""
        return self._used[key]

    def refusal(self, event: Event, right: Right, key: QuotaKey) -> Verdict | None:
        """Set an event's quantity aside under its limit, or return the refusal when it does not fit."""
        limit, used = right.limit or 0, self._used[key]
        if used + event.quantity <= limit:
            self._used[key] = used + event.quantity
            return None
        code = "grant_exhausted" if right.free else "quantity_limit_exceeded"
        whose = "the grant" if right.free else f"contract {right.contract_id} in {key[2]}"
        said = (
            f"{format_quantity(event.quantity)} does not fit: {format_quantity(limit - used)} are left of the "
            f"{format_quantity(limit)} that {whose} allows"
        )
        return Verdict(Status.REFUSED, code, said)

    def count(self, accepted: Mapping[QuotaKey, int]) -> None:
        """Count what was accepted."""
        if accepted:
            _add(self._unit, dict(sorted(accepted.items())))


def give_back(unit: Unit, amounts: Mapping[QuotaKey, int]) -> None:
    """Take amounts from counters, in the order of their keys: what was counted was reversed."""
    names = ("contract_id", "offering_id", "period", "amount")
    given = [dict(zip(names, (*key, amount), strict=True)) for key, amount in sorted(amounts.items())]
    if given:
        unit.connection.execute(_GIVE_BACK, given)


def _add(unit: Unit, amounts: Mapping[QuotaKey, int]) -> None:
    """Add to counters in the order of their keys; adding nothing locks them (PostgreSQL)."""
    added = [(*key, amount) for key, amount in amounts.items()]
    if unit.dialect == "sqlite":
        change_each(unit.connection, _ADD_SQLITE, added)
        return
    *key, used = zip(*added, strict=True)
    change(unit.connection, _ADD_POSTGRESQL, {**_columns(key), "used": Int64s(used)})


def _read(unit: Unit, keys: Collection[QuotaKey]) -> dict[QuotaKey, int]:
    if not keys:
        return {}
    if unit.dialect == "sqlite":
        read = rows(unit.connection, _READ_SQLITE, (json.dumps(list(keys)),))
    else:
        read = rows(unit.connection, _READ_POSTGRESQL, _columns(zip(*keys, strict=True)))
    return {(contract_id, offering_id, period): used for contract_id, offering_id, period, used in read}


def _columns(key: Iterable[Sequence[str]]) -> dict[str, Texts]:
    names = ("contract_id", "offering_id", "period")
    return {name: Texts(values) for name, values in zip(names, key, strict=True)}
