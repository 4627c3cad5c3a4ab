"""What a seal attests of the closed months: how many were closed up to its instant, and a digest of what each row says.

A close is an instant, taken within the transaction that closes (``ledger.closing``), so what holds for transactions
holds here: at or below the horizon none is added any more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from ledger.canonical import fields
from ledger.tables import ClosedPeriod
from store.unit import Unit


@dataclass(frozen=True)
class Closes:
    """How many closes there are up to an instant, and the SHA-256 (hexadecimal) over their rows in plain text.

    Rows are in the order of their instants, then ids; each is the fields id, book, month, first open day, instant,
    closer, as ``ledger.canonical.fields`` writes them.
    """

    count: int
    digest: str


class ClosesInOrder:
    """The closes that a snapshot holds, from the first on."""

    def __init__(self, unit: Unit) -> None:
        found = unit.connection.execute(
            select(
                col(ClosedPeriod.id),
                col(ClosedPeriod.book),
                col(ClosedPeriod.month),
                col(ClosedPeriod.opens_on),
                col(ClosedPeriod.closed_at),
                col(ClosedPeriod.closed_by),
            )
        )
        # Sorted here: databases do not agree on the order of texts.
        self._rows = sorted(found, key=lambda row: (row.closed_at, row.id))
        self._digest = hashlib.sha256()
        self._count = 0

    def up_to(self, until: datetime) -> Closes:
        """Return what was closed up to and with an instant, which is never before the one asked for last."""
        while self._count < len(self._rows) and self._rows[self._count].closed_at <= until:
            self._digest.update(fields(self._rows[self._count]))
            self._count += 1
        return Closes(self._count, self._digest.hexdigest())
