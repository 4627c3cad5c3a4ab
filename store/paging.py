"""Pages of a list: in the order of ids, which is the order of making, so that new rows only ever come at the end."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from pricing.errors import Malformed
from store.unit import Unit

Row = TypeVar("Row")
Value = TypeVar("Value", bound=str | int)


class CursorInvalid(Malformed):
    """A cursor that this service did not give out."""

    code = "cursor_invalid"


def page(
    unit: Unit, query: Select[tuple[Row]], key: Any, limit: int, cursor: str | None
) -> tuple[Sequence[Row], str | None]:
    """Return up to ``limit`` rows after the cursor, in the order of ``key``, and the cursor of what follows."""
    if cursor is not None:
        query = query.where(key > _opened(cursor, key))
    rows = unit.session.execute(query.order_by(key).limit(limit + 1)).scalars().all()
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _sealed(getattr(rows[limit - 1], key.key))


def _sealed(value: object) -> str:
    return urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def _opened(cursor: str, key: InstrumentedAttribute[Any]) -> Any:
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return storable(key.type.python_type(text))
    except (NotBase64, UnicodeDecodeError, ValueError) as fault:
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]}) from fault


def storable(value: Value) -> Value:
    """Return a text or number of a cursor; raises ValueError for what no column holds, before a database does."""
    if isinstance(value, str) and b"\0" in value.encode():  # half of a surrogate pair has no encoding
        message = "the character NUL"
        raise ValueError(message)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        message = "more than 64 bits"
        raise ValueError(message)
    return value
