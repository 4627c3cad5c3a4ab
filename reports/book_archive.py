"""A closed month of a book as Parquet: its entries with their heads, and the usage events behind them.

What a closed month holds does not change any more, and rows stand in a fixed order: the same month gives the same
bytes, whenever it is written (by the same version of the library). Amounts are whole numbers; each column says its
scale in its metadata. Events go with the transactions that count them, so that both files tell of the same use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Select, case, collate, select
from sqlmodel import col

from ledger.chart import CURRENCY, CURRENCY_SCALE, USE_SCALE
from ledger.periods import is_closed
from ledger.tables import Account, Entry, Transaction, legs_of_head
from metering.tables import EventKey, UsageEvent, UsageReversal
from pricing.errors import Conflict
from pricing.period import Month
from store.unit import Unit

_ROWS_AT_ONCE: Final = 20_000
_DAY: Final[pa.DataType] = pa.date32()
_INSTANT: Final[pa.DataType] = pa.timestamp("us", tz="UTC")
_WHOLE: Final[pa.DataType] = pa.int64()
_TEXT: Final[pa.DataType] = pa.string()
_BYTES: Final[pa.DataType] = pa.binary()


class MonthOpen(Conflict):
    """A month that is not closed, so that more may enter it."""

    code = "month_open"


@dataclass(frozen=True)
class Archived:
    """A file that was written: where, how many rows it has, and the SHA-256 of its bytes."""

    path: Path
    rows: int
    sha256: str


def _scaled(name: str, scale: int, unit: str) -> pa.Field[Any]:
    return pa.field(name, _WHOLE, metadata={"scale": str(scale), "unit": unit})


ENTRIES: Final = pa.schema(
    [
        pa.field("transaction_id", _WHOLE),
        pa.field("key", _TEXT),
        pa.field("kind", _TEXT),
        pa.field("book", _TEXT),
        pa.field("effective_on", _DAY),
        pa.field("recorded_at", _INSTANT),
        pa.field("legs", _WHOLE),
        pa.field("document_id", _TEXT),
        pa.field("event_count", _WHOLE),
        pa.field("event_digest", _TEXT),
        pa.field("leg", _WHOLE),
        pa.field("account", _TEXT),
        pa.field("account_kind", _TEXT),
        pa.field("party_id", _TEXT),
        pa.field("contract_id", _TEXT),
        pa.field("offering_id", _TEXT),
        pa.field("asset", _TEXT),
        pa.field("side", _TEXT),
        _scaled("amount", CURRENCY_SCALE, CURRENCY),
        _scaled("quantity", USE_SCALE, "of the asset"),
        pa.field("service_month", _TEXT),
        pa.field("service_on", _DAY),
    ]
)
"""Columns of the entries: ``amount`` where the asset is money, ``quantity`` where it is use."""

EVENTS: Final = pa.schema(
    [
        pa.field("transaction_id", _WHOLE),
        pa.field("source", _TEXT),
        pa.field("event_id", _TEXT),
        pa.field("type", _TEXT),
        pa.field("contract_id", _TEXT),
        pa.field("offering_id", _TEXT),
        pa.field("happened_at", _INSTANT),
        pa.field("service_on", _DAY),
        _scaled("quantity", USE_SCALE, "of the offering"),
        pa.field("reversed_source", _TEXT),
        pa.field("reversed_id", _TEXT),
        pa.field("content_hash", _BYTES),
        pa.field("recorded_at", _INSTANT),
    ]
)
"""Columns of the usage events; one that names what it reversed took that back."""


def archive_month(unit: Unit, book: str, month: Month, folder: Path) -> list[Archived]:
    """Write a closed month of a book to files in a folder, and return them: entries first, then events.

    A file is there whole or not at all; one that is there is replaced. Raises MonthOpen.
    """
    if not is_closed(unit, book, month.until):
        message = f"{month} of {book} is open; close it first (tariffbook ledger close), then archive it"
        raise MonthOpen(message, errors={"month": [message]})
    folder.mkdir(parents=True, exist_ok=True)
    of_month = (
        col(Transaction.book) == book,
        col(Transaction.effective_on) >= month.first_day,
        col(Transaction.effective_on) < month.until,
    )
    return [
        _written(unit, _entries().where(*of_month), ENTRIES, folder / f"{book}-{month}-entries.parquet"),
        _written(unit, _events(unit).where(*of_month), EVENTS, folder / f"{book}-{month}-events.parquet"),
    ]


def _entries() -> Select[Any]:
    is_money = col(Entry.asset) == CURRENCY
    said = {
        "transaction_id": col(Transaction.id),
        "account": col(Account.code),
        "account_kind": col(Account.kind),
        "recorded_at": col(Transaction.recorded_at),
        "amount": case((is_money, col(Entry.amount))),
        "quantity": case((~is_money, col(Entry.amount))),
    }
    return (
        select(*_columns(ENTRIES, said, (Transaction, Entry, Account)))
        .select_from(Transaction)
        .join(Entry, legs_of_head())
        .join(Account, col(Account.id) == col(Entry.account_id))
        .order_by(col(Transaction.id), col(Entry.leg))
    )


def _events(unit: Unit) -> Select[Any]:
    key = (col(UsageEvent.source), col(UsageEvent.event_id))
    in_bytes = key if unit.dialect == "sqlite" else [collate(column, "C") for column in key]
    return (
        select(*_columns(EVENTS, {}, (UsageEvent, EventKey, UsageReversal)))
        .select_from(UsageEvent)
        .join(
            Transaction,
            (col(Transaction.id) == col(UsageEvent.transaction_id))
            & (col(Transaction.recorded_month) == col(UsageEvent.recorded_month)),
        )
        .join(
            EventKey,
            (col(EventKey.operator_id) == col(UsageEvent.operator_id))
            & (col(EventKey.source) == col(UsageEvent.source))
            & (col(EventKey.event_id) == col(UsageEvent.event_id)),
        )
        .outerjoin(
            UsageReversal,
            (col(UsageReversal.operator_id) == col(UsageEvent.operator_id))
            & (col(UsageReversal.source) == col(UsageEvent.source))
            & (col(UsageReversal.event_id) == col(UsageEvent.event_id)),
        )
        .order_by(col(UsageEvent.transaction_id), *in_bytes)
    )


def _columns(schema: pa.Schema, said: Mapping[str, Any], tables: Sequence[Any]) -> list[Any]:
    """Return what stands in each column of a file: what is said of it, or the first table's column of its name."""
    found = [
        said[name] if name in said else next(col(getattr(table, name)) for table in tables if hasattr(table, name))
        for name in schema.names
    ]
    return [column.label(name) for column, name in zip(found, schema.names, strict=True)]


def _written(unit: Unit, query: Select[Any], schema: pa.Schema, path: Path) -> Archived:
    """Write the rows of a query to a file, a few thousand in memory at a time."""
    beside, rows = path.with_name(f"{path.name}.new"), 0
    with (
        unit.connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query) as found,
        pq.ParquetWriter(beside, schema, compression="zstd") as file,
    ):
        for batch in found.partitions():
            columns = [pa.array(values, of) for values, of in zip(zip(*batch, strict=True), schema.types, strict=True)]
            file.write_batch(pa.record_batch(columns, schema=schema), row_group_size=_ROWS_AT_ONCE)
            rows += len(batch)
    beside.replace(path)
    with path.open("rb") as whole:
        return Archived(path, rows, hashlib.file_digest(whole, "sha256").hexdigest())
