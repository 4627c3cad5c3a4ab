"""The sandbox's clock: it starts where the database was told to, runs on, and can be moved forward only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from store.engine import reader_clock
from store.tables import Instance

if TYPE_CHECKING:
    from store.unit import Unit


class NotSandbox(Conflict):
    """The clock of a real database is nobody's to move."""

    code = "not_sandbox"


class ClockBackwards(Refusal):
    """The clock was asked to go back."""

    code = "clock_backwards"


def move_clock(unit: Unit, target: datetime) -> datetime:
    """Set the sandbox's clock to ``target`` and return it; raises NotSandbox, or ClockBackwards."""
    if not unit.sandbox:
        message = "this database is not a sandbox: its clock is the database's own"
        raise NotSandbox(message)
    offset = unit.connection.execute(select(col(Instance.clock_offset_us)).with_for_update()).scalar_one()
    # Not the unit's clock: while this call waited for the lock, another may have moved it.
    clock = reader_clock(unit.connection).astimezone(UTC)
    present = clock + timedelta(microseconds=offset)
    if target <= present:
        message = f"{target.isoformat()} is not after the present {present.isoformat()}; the clock moves forward only"
        raise ClockBackwards(message)
    unit.connection.execute(update(Instance).values(clock_offset_us=(target - clock) // timedelta(microseconds=1)))
    return target
