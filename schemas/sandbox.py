"""Documents of the sandbox's clock."""

from __future__ import annotations

from schemas.fields import Instant
from schemas.wire import Wire


class ClockIn(Wire):
    """Where to move the clock to."""

    now = Instant(required=True)


class ClockOut(ClockIn):
    """Where the clock stands."""
