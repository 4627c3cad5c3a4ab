"""The sandbox's clock: it starts where the database was told to, runs on, and can be moved forward only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text, update
from sqlmodel import col

from pricing.errors import Conflict, Refusal
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
    if unit.dialect == "postgresql":
        unit.connection.execute(text("SELECT id FROM instance FOR UPDATE"))
    if target <= unit.now:
        message = f"{target.isoformat()} is not after the present {unit.now.isoformat()}; the clock moves forward only"
        raise ClockBackwards(message)
    ahead = (target - unit.now) // timedelta(microseconds=1)
    unit.connection.execute(update(Instance).values(clock_offset_us=col(Instance.clock_offset_us) + ahead))
    return target
