"""A workbook of a report, opened by another program and worked out by itself, held against what the report says."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from openpyxl import load_workbook

from papers.layout import Column, reach
from papers.report import Section

_TERMS: Final = re.compile(r"=ROUND\(([-+A-Z0-9]+),8\)")
_TERM: Final = re.compile(r"([-+]?)([A-Z]+[0-9]+)")
_TOTAL: Final = re.compile(r"=SUM\(([A-Z]+)(\d+):[A-Z]+(\d+)\)")


@dataclass(frozen=True)
class Told:
    """A section that has rows: what the report says, the sheet, the columns shown, and the row of the headings."""

    section: Section
    rows: Sequence[Mapping[str, Any]]
    sheet: Any
    columns: Sequence[Column]
    head: int


def told_in(content: bytes, sections: Sequence[Section], report: Mapping[str, Any]) -> Iterator[Told]:
    """Give each section of rows as a workbook in English shows it."""
    book = load_workbook(io.BytesIO(content))
    shown = (section for section in sections if section.content(report) is not None)
    for place, section in enumerate(shown, start=1):
        rows: Any = section.content(report)
        if not rows or isinstance(rows, dict):
            continue
        sheet: Any = book[next(name for name in book.sheetnames if name.startswith(f"{place}. "))]
        columns = [column for column in section.columns if any(reach(each, column.key) is not None for each in rows)]
        headings = [column.heading.en for column in columns]
        head = next(
            line[0].row for line in sheet.iter_rows() if [cell.value for cell in line][: len(headings)] == headings
        )
        yield Told(section, rows, sheet, columns, head)


def formulas_held(told: Told) -> int:
    """Require that each formula comes to what the report says, and each total to the sum; return how many there are."""
    formulas = 0
    for place, column in enumerate(told.columns, start=1):
        for line, row in enumerate(told.rows, start=told.head + 1):
            value = told.sheet.cell(line, place).value
            is_formula = isinstance(value, str) and value.startswith("=")
            assert is_formula or not column.terms or row[column.key] is None, (told.section.key, column.key)
            if is_formula:
                formulas += 1
                assert worked_out(told.sheet, value) == Decimal(row[column.key]), (told.section.key, column.key, row)
        if column.total:
            formulas += 1
            total = told.sheet.cell(told.head + len(told.rows) + 1, place).value
            assert _TOTAL.fullmatch(total), (told.section.key, column.key, total)
            expected = sum((Decimal(str(row[column.key] or 0)) for row in told.rows), Decimal())
            assert worked_out(told.sheet, total) == expected, (told.section.key, column.key)
    return formulas


def require_numbers(told: Told) -> None:
    """Require that each number of the sheet is the one of the report."""
    for line, row in enumerate(told.rows, start=told.head + 1):
        for place, column in enumerate(told.columns, start=1):
            if column.is_number and row[column.key] is not None:
                found = worked_out(told.sheet, told.sheet.cell(line, place).value)
                assert found == Decimal(str(row[column.key])), (told.section.key, column.key)


def worked_out(sheet: Any, value: Any) -> Decimal:
    """The value of a cell as a spreadsheet works it out from the other cells."""
    if terms := _TERMS.fullmatch(str(value)):
        parts = [(sign, worked_out(sheet, sheet[cell].value)) for sign, cell in _TERM.findall(terms[1])]
        return round(sum((-part if sign == "-" else part for sign, part in parts), Decimal()), 8)
    if total := _TOTAL.fullmatch(str(value)):
        cells = [sheet[f"{total[1]}{place}"].value for place in range(int(total[2]), int(total[3]) + 1)]
        return sum((worked_out(sheet, cell) for cell in cells if cell), Decimal())
    return Decimal(str(value))
