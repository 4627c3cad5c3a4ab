"""Column types that mean the same on SQLite and PostgreSQL.

SQLite's tables are STRICT, which knows INTEGER, TEXT, BLOB and ANY only; so days, months and instants are text of a
fixed width there (which sorts as time does), flags are 0 and 1, sums of any size text where they are beyond 64 bits,
and exact decimals are text on both databases, because a DECIMAL column of SQLite keeps a binary float.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Dialect,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine

from pricing.canonical import canonical_json
from store.exact import storable

Words = Text
"""Text of any length; bounds are checked where it comes in."""

Bytes = LargeBinary
"""Raw bytes."""


class Int64(TypeDecorator[int]):
    """A 64-bit integer: fen, millionths of a unit, counts."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite's own INTEGER is 64 bits wide, and is the only name that STRICT tables and row ids take."""
        return sqlite.INTEGER() if dialect.name == "sqlite" else BigInteger()

    @property
    def python_type(self) -> type[int]:
        """A cursor over such a column is read as a number."""
        return int


class Int32(Int64):
    """An integer of four bytes on PostgreSQL: the place of an event in its transaction."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite keeps any integer in as few bytes as it needs."""
        return sqlite.INTEGER() if dialect.name == "sqlite" else Integer()


class Int16(Int64):
    """A small integer, two bytes on PostgreSQL: the legs of a transaction, a month by its number."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite keeps any integer in as few bytes as it needs."""
        return sqlite.INTEGER() if dialect.name == "sqlite" else SmallInteger()


class _Any(Numeric[Any]):
    """A column of a STRICT table of SQLite that keeps a value as it is given: declared ``ANY``."""

    def bind_processor(self, dialect: Dialect) -> None:
        """Change nothing on the way in."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Change nothing on the way out."""


@compiles(_Any, "sqlite")
def _declared_any(_type: _Any, _compiler: Any, **_options: Any) -> str:
    return "ANY"


class Whole(TypeDecorator[int]):
    """A whole number of any size: a sum of 64-bit integers; on SQLite text where it is beyond 64 bits."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL's NUMERIC is exact; SQLite's is a float, so that it keeps what it is given."""
        return _Any() if dialect.name == "sqlite" else Numeric()

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Write the number as each database can hold it."""
        return storable(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Return the number."""
        return None if value is None else int(value)


class Flag(TypeDecorator[bool]):
    """True or false."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """0 and 1 on SQLite."""
        return sqlite.INTEGER() if dialect.name == "sqlite" else Boolean()

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        """Return a bool on both databases."""
        return None if value is None else bool(value)


class Instant(TypeDecorator[datetime]):
    """A moment in time, aware, to the microsecond; read back in UTC."""

    impl = postgresql.TIMESTAMP
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What a column of moments holds."""
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text such as 2025-03-01T00:00:00.000000Z on SQLite."""
        return sqlite.TEXT() if dialect.name == "sqlite" else postgresql.TIMESTAMP(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive time: nobody could say which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no offset"
            raise ValueError(message)
        return written_instant(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        return None if value is None else read_instant(value)


def read_instant(value: str | datetime) -> datetime:
    """Return a moment as a driver gives it, in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


def written_instant(moment: datetime) -> str:
    """Return an aware moment as SQLite holds it."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class Day(TypeDecorator[date]):
    """A calendar day of the business time zone."""

    impl = Date
    cache_ok = True

    @property
    def python_type(self) -> type[date]:
        """What a column of days holds."""
        return date

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text such as 2025-03-01 on SQLite."""
        return sqlite.TEXT() if dialect.name == "sqlite" else Date()

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """Write the day as ISO text where the database has no type for it."""
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """Return the day."""
        return date.fromisoformat(value) if isinstance(value, str) else value


class Exact(TypeDecorator[Decimal]):
    """An exact decimal (unit price, rate, percentage), kept as plain text on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write without an exponent; a float is refused, for it is not exact."""
        if value is None:
            return None
        if type(value) is not Decimal or not value.is_finite():
            message = f"{value!r} is not an exact decimal"
            raise TypeError(message)
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the decimal with the digits that were written."""
        return None if value is None else Decimal(value)


class Document(TypeDecorator[Any]):
    """A JSON document, kept as canonical text so that its bytes, and its hash, are the same on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write canonical JSON; floats are refused."""
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the document."""
        return None if value is None else json.loads(value)
