"""Files of operating costs: the rows of a CSV or of a workbook's first sheet, each read as an item of the wire.

The first row names the columns, by the names of the wire or by their Chinese headings. Amounts stay exact: a number of
a workbook is taken with the fifteen digits that a spreadsheet shows.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice, zip_longest
from typing import IO, Any, Final
from xml.parsers import expat

from marshmallow import ValidationError
from openpyxl import load_workbook

from pricing.errors import Malformed, TooLarge, UnsupportedMedia, shown
from schemas.costs import COST_ITEMS_MAX, CostItemIn

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = (CSV, XLSX)
_UNPACKED_BYTES_MAX: Final = 32 * 1024 * 1024
_ELEMENTS_MAX: Final = 1_000_000
_DEPTH_MAX: Final = 64
"""A workbook of as many items as one file may hold has a quarter of the elements, and a sixth of the depth."""
_COLUMNS_MAX: Final = 50
_CHUNK: Final = 64 * 1024
_HEADINGS: Final[Mapping[str, str]] = {
    "服务月": "month",
    "成本项目": "head",
    "用途": "use",
    "金额": "amount",
    "凭证号": "document_no",
    "行号": "line",
    "摘要": "text",
    "产品": "product",
    "应用场景": "offering",
    "发生日期": "occurred_on",
}
_COLUMNS: Final = tuple(_HEADINGS.values())
_LINE: Final = "[0-9]{1,7}"
_FIRST_DAY: Final = "[0-9]{4}-[0-9]{2}-01"
"""What a spreadsheet makes of a month."""
_ITEM: Final = CostItemIn()
_OPTIONAL: Final = frozenset({"line", "product", "offering"})


class FileUnreadable(Malformed):
    """A file that is not what it is said to be, or without the columns of an item."""

    code = "file_unreadable"


@dataclass(frozen=True)
class CostRow:
    """A row with its number, the one under the headings being 1: an item, or the fields at fault."""

    number: int
    item: dict[str, Any] | None
    errors: dict[str, list[str]] = field(default_factory=dict)


def media_type_of(name: str) -> str:
    """Return the type of a file by the ending of its name; raises UnsupportedMedia.

    >>> media_type_of("Costs.CSV")
    'text/csv'
    """
    ending = name.lower().rpartition(".")[2]
    if ending not in ("csv", "xlsx"):
        raise UnsupportedMedia(f"{shown(name)} ends neither in .csv nor in .xlsx")
    return CSV if ending == "csv" else XLSX


def read_costs(content: bytes, media_type: str) -> list[CostRow]:
    """Return the rows of a file; raises FileUnreadable, TooLarge."""
    cells = _csv_cells(content) if media_type == CSV else _workbook_cells(content)
    rows = [row for row in islice(cells, COST_ITEMS_MAX + 2) if any(row)]
    if not rows:
        raise FileUnreadable("the file is empty; its first row names the columns")
    if len(rows) > COST_ITEMS_MAX + 1:
        raise TooLarge(f"the file has more than {COST_ITEMS_MAX} rows; send it in parts")
    columns = _columns(rows[0])
    said = [{name: text for name, text in zip(columns, row, strict=False) if text} for row in rows[1:]]
    astray = [[text for name, text in zip_longest(columns, row) if text and not name] for row in rows[1:]]
    return [
        _read(number, members) if not lost else CostRow(number, None, {"row": [_astray(lost)]})
        for number, (members, lost) in enumerate(zip(numbered(said), astray, strict=True), start=1)
    ]


def numbered(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the items, those without a line as the next of their document, whatever else they lack."""
    lines: Counter[str] = Counter()
    found = []
    for item in items:
        document, line = item.get("document_no", ""), item.get("line")
        if isinstance(line, str) and re.fullmatch(_LINE, line):
            line = int(line)
        lines[document] = line if isinstance(line, int) else lines[document] + 1
        found.append({**item, "line": lines[document] if line is None else line})
    return found


def _astray(lost: Sequence[str]) -> str:
    return f"{shown(lost[0])} stands under no heading; a text with commas is put in quotes"


def _read(number: int, said: Mapping[str, Any]) -> CostRow:
    month = said.get("month", "")
    if re.fullmatch(_FIRST_DAY, month):
        said = {**said, "month": month[:7]}
    try:
        return CostRow(number, _ITEM.load(said))
    except ValidationError as fault:
        messages: Any = fault.messages
        return CostRow(number, None, {name: [str(each) for each in found] for name, found in messages.items()})


def _columns(headings: Sequence[str]) -> list[str]:
    if len(headings) > _COLUMNS_MAX:
        raise FileUnreadable(f"the first row has {len(headings)} cells; the columns are {', '.join(_COLUMNS)}")
    columns = [_HEADINGS.get(heading.strip(), heading.strip().lower()) for heading in headings]
    faults = [f"the column {name!r} is missing" for name in _COLUMNS if name not in (*_OPTIONAL, *columns)]
    faults += [f"nothing is known of a column {shown(name)}" for name in columns if name and name not in _COLUMNS]
    faults += [f"the column {name!r} stands twice" for name, count in Counter(columns).items() if name and count > 1]
    if faults:
        message = f"{'; '.join(faults)}; the columns are {', '.join(_COLUMNS)}"
        raise FileUnreadable(message, errors={"file": faults})
    return columns


def _csv_cells(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            yield [cell.strip() for cell in row]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise FileUnreadable(f"this is no CSV in UTF-8: {fault}", errors={"file": [str(fault)]}) from fault


def _workbook_cells(content: bytes) -> Iterator[list[str]]:
    try:
        _require_small(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its size may be anything
        cells = sheet.iter_rows(values_only=True, max_row=COST_ITEMS_MAX + 2, max_col=_COLUMNS_MAX)
        yield from (_trimmed(_texts(row)) for row in cells)
    except TooLarge:
        raise
    except Exception as fault:
        message = "this is no workbook that can be read; save it as .xlsx anew"
        raise FileUnreadable(message, errors={"file": [message]}) from fault


def _require_small(content: bytes) -> None:
    """Refuse a packed workbook that would fill the memory before it is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(part.file_size for part in packed.infolist()) > _UNPACKED_BYTES_MAX:
            raise TooLarge(_TOO_LARGE)
        for part in packed.infolist():
            if part.filename.endswith((".xml", ".rels")):
                with packed.open(part) as opened:
                    _Counted().read(opened)


_TOO_LARGE: Final = "the workbook unpacks to more than this service reads; send it in parts"


class _Counted:
    """Goes through a part of a workbook once, and refuses what would cost more to read than any table of costs."""

    def __init__(self) -> None:
        self._elements = self._depth = 0

    def read(self, part: IO[bytes]) -> None:
        """Count the elements of a part, and how deep they lie; raises TooLarge."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        while chunk := part.read(_CHUNK):
            parser.Parse(chunk)
        parser.Parse(b"", True)  # noqa: FBT003 - the parser's own way to say that this was all

    def _begin(self, _name: str, _attributes: object) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > _ELEMENTS_MAX or self._depth > _DEPTH_MAX:
            raise TooLarge(_TOO_LARGE)

    def _end(self, _name: str) -> None:
        self._depth -= 1


def _trimmed(row: list[str]) -> list[str]:
    """Return a row without the empty cells at its end."""
    while row and not row[-1]:
        row.pop()
    return row


def _texts(row: Sequence[Any]) -> list[str]:
    return [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    """Return what a cell shows."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.strftime("%Y-%m-%d")
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return str(cell).strip()
