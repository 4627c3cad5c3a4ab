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
from itertools import islice
from typing import Any, Final

from marshmallow import ValidationError
from openpyxl import load_workbook

from pricing.errors import Malformed, TooLarge, UnsupportedMedia, shown
from schemas.costs import COST_ITEMS_MAX, CostItemIn

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = (CSV, XLSX)
_UNPACKED_BYTES_MAX: Final = 128 * 1024 * 1024
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
    return [_read(number, members) for number, members in enumerate(numbered(said), start=1)]


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
        yield from (_texts(row) for row in book.worksheets[0].iter_rows(values_only=True))
    except TooLarge:
        raise
    except Exception as fault:
        message = "this is no workbook that can be read; save it as .xlsx anew"
        raise FileUnreadable(message, errors={"file": [message]}) from fault


def _require_small(content: bytes) -> None:
    """Refuse a packed workbook that would fill the memory before it is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(part.file_size for part in packed.infolist()) > _UNPACKED_BYTES_MAX:
            raise TooLarge("the workbook unpacks to more than this service reads; send it in parts")


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
