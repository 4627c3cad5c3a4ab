"""Files of usage events: rows of CSV, JSON Lines and Parquet, read one after the other and mapped to events.

A row becomes an event by naming, for each attribute, the column that it stands in or the constant that it is. Every
value goes through the same reading as an event of the API.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import msgspec

from metering.events import Event, Unreadable
from pricing.errors import Malformed
from schemas.metering import MALFORMED_EVENT, read_event, read_members

REQUIRED: Final = ("id", "source", "type", "time", "subject", "offering", "quantity")
OPTIONAL: Final = ("reversesid", "reversessource")
ATTRIBUTES: Final = (*REQUIRED, *OPTIONAL)
TYPE_DEFAULT: Final = "usage"

Numbered = tuple[int, Event | Unreadable]
"""An event and the number of its row, from 1 on."""


class ImportUnreadable(Malformed):
    """A file that cannot be read as what its name says it is, or whose columns are not the ones named."""

    code = "import_unreadable"


@dataclass(frozen=True)
class ColumnMapping:
    """For each attribute of an event the column it stands in, or the constant that it is.

    What is neither named nor a column of the attribute's own name is, for ``id``, the number of the row, for
    ``source``, the name of the file, and for ``type``, ``usage``; the others must be there, but for ``reversesid`` and
    ``reversessource``, which an event may lack, and a row leave empty.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def resolved(self, path: Path, present: Sequence[str]) -> ColumnMapping:
        """Return the mapping with its defaults for a file that has these columns; raises ImportUnreadable."""
        twice = sorted(name for name, count in Counter(present).items() if name and count > 1)
        if twice:
            raise ImportUnreadable(
                f"{path}: the columns {', '.join(map(repr, twice))} are there more than once; name each column once"
            )
        absent = sorted(set(self.columns.values()) - set(present))
        columns = {name: name for name in ATTRIBUTES if name in present and name not in self.constants}
        columns.update(self.columns)
        constants = {"source": path.name, "type": TYPE_DEFAULT, **self.constants}
        missing = [name for name in REQUIRED[1:] if name not in columns and name not in constants]
        if absent or missing:
            wrong = [f"there is no column {name!r}" for name in absent]
            wrong += [f"{name} is neither mapped nor set" for name in missing]
            raise ImportUnreadable(f"{path}: {'; '.join(wrong)}; its columns are: {', '.join(present)}")
        return ColumnMapping(columns, {name: text for name, text in constants.items() if name not in columns})

    def reader(self) -> tuple[list[str], Callable[[int, Sequence[Any]], Event | Unreadable]]:
        """Return the columns to take, and what makes an event of a row's number and the values in them."""
        names = list(self.columns)
        numbered = "id" not in self.columns and "id" not in self.constants

        def read(number: int, values: Sequence[Any]) -> Event | Unreadable:
            said: dict[str, Any] = {**self.constants, **dict(zip(names, values, strict=False))}
            if numbered:
                said["id"] = str(number)
            for name in OPTIONAL:
                if said.get(name) == "":  # a cell that says nothing
                    del said[name]
            data = {name: said.pop(name) for name in ("offering", "quantity") if name in said}
            return read_members({"specversion": "1.0", **said, "data": data})

        return list(self.columns.values()), read


class UsageFile(Protocol):
    """A file of events; ``total`` and ``place`` say how far it is read, in ``unit``."""

    total: int
    unit: str

    @property
    def place(self) -> int:
        """How much of ``total`` is read."""

    def events(self, mapping: ColumnMapping, after: int) -> Iterator[Numbered]:
        """Return the events of the rows after a number; raises ImportUnreadable."""


def open_usage_file(path: Path) -> UsageFile:
    """Return the file by the ending of its name; raises ImportUnreadable for one that is not known."""
    ending = path.suffix.lower()
    if ending == ".csv":
        return CsvFile(path)
    if ending in (".jsonl", ".ndjson"):
        return JsonLinesFile(path)
    if ending in (".parquet", ".pq"):
        from cli.usage_parquet import ParquetFile  # noqa: PLC0415 - its library takes half a second to load

        return ParquetFile(path)
    raise ImportUnreadable(f"{path}: name a file that ends in .csv, .jsonl, .ndjson or .parquet")


class _ByteFile:
    """A file read as a stream of bytes."""

    unit = "B"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total = path.stat().st_size
        self._stream: BinaryIO | None = None

    @property
    def place(self) -> int:
        """How many bytes are read."""
        return self.total if self._stream is None or self._stream.closed else self._stream.tell()


class CsvFile(_ByteFile):
    """Comma-separated values in UTF-8, the first row naming the columns."""

    def events(self, mapping: ColumnMapping, after: int) -> Iterator[Numbered]:
        """Return the events of the rows after a number, the row below the header being 1."""
        with self.path.open("rb") as self._stream:
            rows = csv.reader(TextIOWrapper(self._stream, encoding="utf-8-sig", newline=""), strict=True)
            number = 0
            try:
                header = next(rows, [])
                columns, read = mapping.resolved(self.path, header).reader()
                places = [header.index(column) for column in columns]
                for number, row in enumerate(rows, start=1):
                    if number > after:
                        values = [row[place] if place < len(row) else None for place in places]
                        yield number, read(number, values)
            except (csv.Error, UnicodeDecodeError) as fault:
                message = (
                    f"{self.path}, after row {number}: {fault}; mend the file and start again, it will go on there"
                )
                raise ImportUnreadable(message) from fault


class JsonLinesFile(_ByteFile):
    """One JSON object a line: a CloudEvents event, or flat members to be mapped."""

    def events(self, mapping: ColumnMapping, after: int) -> Iterator[Numbered]:
        """Return the events of the lines after a number; empty lines are counted and passed over."""
        with self.path.open("rb") as self._stream:
            read: Callable[[int, bytes], Event | Unreadable] | None = None
            for number, line in enumerate(self._stream, start=1):
                text = line.strip()
                if not text:
                    continue
                if read is None:
                    read = self._reader(mapping, text)
                if number > after:
                    yield number, read(number, text)

    def _reader(self, mapping: ColumnMapping, first: bytes) -> Callable[[int, bytes], Event | Unreadable]:
        """Return what reads a line, by the look of the first one."""
        members = _members(first)
        if mapping == ColumnMapping() and members is not None and "specversion" in members:
            return lambda _number, text: _whole_event(text)
        columns, read = mapping.resolved(self.path, list(members or ())).reader()

        def read_line(number: int, text: bytes) -> Event | Unreadable:
            found = _members(text)
            if found is None:
                return _not_an_object(text)
            return read(number, [_said(found.get(column)) for column in columns])

        return read_line


_decode_line = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode
"""Reads a line; a number with a fraction stays the text that was written."""


def _members(text: bytes) -> dict[str, Any] | None:
    try:
        return _decode_line(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _whole_event(text: bytes) -> Event | Unreadable:
    return _not_an_object(text) if _members(text) is None else read_event(msgspec.Raw(text))


def _not_an_object(text: bytes) -> Unreadable:
    shown = text[:200].decode(errors="replace")
    return Unreadable(MALFORMED_EVENT, "the line is no JSON object", {"line": shown})


def _said(value: object) -> object:
    """Return a whole number as the text that says it; other values as they are."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
