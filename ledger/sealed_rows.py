"""What a seal attests beside the books: the rows of the log, and of the refused events, that its window holds.

Both are recorded within the transaction that they tell of, so what holds for transactions holds here: at or below the
horizon none is added any more. A seal holds how many rows there are, and one digest over what they say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, collate, column, select, table

from ledger.canonical import fields
from store.columns import Flag, Instant, Words
from store.unit import Unit

LOG: Final = table(
    "audit_entry",
    *(
        column(name, Instant() if name == "recorded_at" else Words())
        for name in (
            *("id", "recorded_at", "role", "party_id", "key_id", "action", "outcome", "code", "object_id"),
            *("request_id", "detail"),
        )
    ),
)
"""The log: every field, its facts as the text that is stored."""
REFUSED: Final = table(
    "refused_event",
    *(column(name, Words()) for name in ("id", "operator_id", "content_hash", "subject", "event")),
    column("truncated", Flag()),
    column("recorded_at", Instant()),
)
"""Refused events, as they came; the reason, and what became of them since, may change."""

SEAL_OBJECT: Final = "seal "
"""How the log names what a sealer made; such rows alone are no reason for another seal."""
_ROWS_AT_ONCE: Final = 5000


@dataclass(frozen=True)
class Rows:
    """How many rows a window holds, and the SHA-256 (hexadecimal) over them in plain text.

    Rows are in the order of their instants, then ids (by bytes); each is its fields, in the order named above, as
    ``ledger.canonical.fields`` writes them, true and false as 1 and 0.
    """

    count: int
    digest: str


class RowsInOrder:
    """The rows of a table that a snapshot holds, from after an instant on (None: from the first), window by window."""

    def __init__(self, unit: Unit, of: Any, after: datetime | None = None) -> None:
        self._rows = _in_order(unit, of, after)
        self._next = next(self._rows, None)

    def up_to(self, until: datetime) -> Rows:
        """Return what comes after the instant asked for last, up to and with this one."""
        digest, count = hashlib.sha256(), 0
        while self._next is not None and self._next.recorded_at <= until:
            digest.update(fields(int(value) if isinstance(value, bool) else value for value in self._next))
            count += 1
            self._next = next(self._rows, None)
        return Rows(count, digest.hexdigest())


def _in_order(unit: Unit, of: Any, after: datetime | None) -> Iterator[Any]:
    """Give the rows of a table, a page at a time, so that no cursor is left open."""
    order = (of.c.recorded_at, _in_bytes(unit, of.c.id))
    query = select(*of.c).order_by(*order).limit(_ROWS_AT_ONCE)
    page = unit.connection.execute(query if after is None else query.where(order[0] > after)).all()
    while page:
        yield from page
        last = page[-1]
        following = (order[0] > last.recorded_at) | ((order[0] == last.recorded_at) & (order[1] > last.id))
        beyond = query.where(order[0] >= last.recorded_at, following)
        page = unit.connection.execute(beyond).all() if len(page) == _ROWS_AT_ONCE else []


def has_news(unit: Unit, after: datetime | None, until: datetime) -> bool:
    """Say whether a window holds a refused event, or a row of the log that tells of other than sealing."""
    others = LOG.c.object_id.is_(None) | ~LOG.c.object_id.startswith(SEAL_OBJECT)
    for of, which in ((LOG, others), (REFUSED, None)):
        query = select(of.c.id).where(of.c.recorded_at <= until).limit(1)
        if after is not None:
            query = query.where(of.c.recorded_at > after)
        if unit.connection.execute(query if which is None else query.where(which)).first() is not None:
            return True
    return False


def _in_bytes(unit: Unit, of: ColumnElement[str]) -> ColumnElement[str]:
    return of if unit.dialect == "sqlite" else collate(of, "C")
