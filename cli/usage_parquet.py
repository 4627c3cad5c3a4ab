"""Usage events in Parquet files: whole columns are turned into text at a time, a few thousand rows together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cli.usage_files import ColumnMapping, ImportUnreadable, Numbered

ROWS_AT_ONCE = 5_000
_FAULTS = (pa.ArrowException, OSError)


class ParquetFile:
    """A Parquet file, read row group by row group."""

    unit = "row"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False)
        except _FAULTS as fault:
            raise ImportUnreadable(f"{path} is no Parquet file that can be read: {fault}") from fault
        self.total = self._file.metadata.num_rows
        self.place = 0

    def events(self, mapping: ColumnMapping, after: int) -> Iterator[Numbered]:
        """Return the events of the rows after a number, the first row being 1."""
        columns, read = mapping.resolved(self.path, self._file.schema_arrow.names).reader()
        groups, self.place = self._groups_after(after)
        for batch in self._batches(groups, sorted(set(columns))):
            texts = [self._texts(batch, column) for column in columns]
            for values in zip(*texts, strict=True) if texts else [()] * batch.num_rows:
                self.place += 1
                if self.place > after:
                    yield self.place, read(self.place, values)

    def _batches(self, groups: list[int], columns: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=columns)
        except _FAULTS as fault:
            raise ImportUnreadable(
                f"{self.path}, after row {self.place}: {fault}; mend the file and start again"
            ) from fault

    def _texts(self, batch: pa.RecordBatch, column: str) -> list[str | None]:
        values = batch.column(column)
        try:
            return _texts(values)
        except _FAULTS as fault:
            rows = f"rows {self.place + 1} to {self.place + batch.num_rows}"
            message = (
                f"{self.path}, column {column!r} ({values.type}), {rows}: this is no text, number or instant: {fault}"
            )
            raise ImportUnreadable(message) from fault

    def _groups_after(self, after: int) -> tuple[list[int], int]:
        """Return the row groups that hold rows after a number, and how many rows stand before them."""
        passed = first = 0
        while first < self._file.num_row_groups:
            rows = self._file.metadata.row_group(first).num_rows
            if passed + rows > after:
                break
            passed, first = passed + rows, first + 1
        return list(range(first, self._file.num_row_groups)), passed


def _texts(column: pa.Array[Any]) -> list[str | None]:
    """Return the values as text: numbers in decimals, instants by RFC 3339 (without offset where they have none)."""
    if pa.types.is_timestamp(column.type):
        column = _in_microseconds(column)
        return pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1).to_pylist()
    return column.cast(pa.string()).to_pylist()


def _in_microseconds(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return instants in microseconds and UTC; finer ones stay as they are, and are refused by their reader."""
    zone = "UTC" if column.type.tz else None
    try:
        return column.cast(pa.timestamp("us", tz=zone))
    except pa.ArrowInvalid:
        return column
