"""Rows as CSV: UTF-8 with a byte order mark, CRLF, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from papers.layout import Column, Row, number_of, reach
from papers.wording import Lang

_BYTE_ORDER_MARK: Final = "\ufeff"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table_csv(rows: Iterable[Row], columns: Sequence[Column], lang: Lang | None = None) -> bytes:
    r"""The rows under the columns' keys, which programs rely on; with ``lang`` under their headings in that language.

    Values stand as on the wire: numbers without grouping, codes untranslated, true and false, lists joined by
    ``"; "``, an object by its code. **A text that begins with = + - @ (also full-width), a tab or a line break gets
    a leading apostrophe**, which spreadsheets show as text and a reader of the file strips; a number column's
    numbers, minus sign included, are left alone.

    >>> from papers.wording import Label
    >>> columns = [Column("n", Label("数", "n"), "money"), Column("t", Label("文", "t"))]
    >>> table_csv([{"n": "-1.00", "t": "=1+1"}], columns)
    b"\xef\xbb\xbfn,t\r\n-1.00,'=1+1\r\n"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.heading.in_(lang) if lang else column.key for column in columns])
    for row in rows:
        writer.writerow([_cell(column, row) for column in columns])
    return (_BYTE_ORDER_MARK + text.getvalue()).encode()


def _cell(column: Column, row: Row) -> str:
    text = wire_text(reach(row, column.key))
    if column.is_number and number_of(text) is not None:
        return text
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def wire_text(value: object) -> str:
    """A wire value on one line: nothing as the empty text, an object by the name that references it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        references = (value[key] for key in ("code", "number", "id", "name") if key in value)
        first = next(references, None)
        return wire_text([f"{key}={wire_text(item)}" for key, item in value.items()] if first is None else first)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(wire_text(item) for item in value)
    return str(value)
