"""The route of the sandbox's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.sandbox import ClockIn, ClockOut
from store.sandbox import move_clock
from store.unit import Unit
from web.door import Door, writes

door = Door("sandbox", __name__, url_prefix="/sandbox", description="The clock of a sandbox")


@writes(door, "/clock", roles=("admin",), body=ClockIn, answer=ClockOut, status=200)
def set_clock(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Move a sandbox's clock forward."""
    return {"now": move_clock(unit, body["now"])}
