"""A paper as XLSX: numbers as numbers, totals as formulas over the rows, texts never as formulas."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from papers.layout import (
    NUMBER_KINDS,
    Block,
    Column,
    Fact,
    Facts,
    Kind,
    Note,
    Paper,
    Row,
    Sums,
    Table,
    display_length,
    moment_utc,
    number_of,
    reach,
    total_of,
)
from papers.wording import Lang, word
from pricing.errors import TooLarge

# A spreadsheet's number is a double: fifteen significant digits come back as they went in, a sixteenth may not.
_EXACT_DIGITS: Final = 15
_ROWS_MAX: Final = 1_000_000
_SHEET_NAME_MAX: Final = 31
_WIDTH_MIN, _WIDTH_MAX = 9, 42
_INK: Final = "#1f3a5f"
# The decimal places a number shows at least; it shows all that it has.
_PLACES_MIN: Final[dict[Kind, int]] = {"money": 2, "quantity": 0, "price": 2, "percent": 2, "integer": 0}


class WorkbookTooLong(TooLarge):
    """A table with more rows than a sheet holds."""

    code = "workbook_too_long"


def xlsx(paper: Paper) -> bytes:
    """The paper as a workbook; the same paper gives the same bytes.

    A number that a double cannot hold exactly is written as text. Blocks that name a sheet open it; the others
    follow on the sheet before.

    Errors: `WorkbookTooLong` over a million rows in a table.
    """
    buffer = io.BytesIO()
    book = Workbook(buffer, {"in_memory": True})
    book.set_properties(
        {
            "title": f"{paper.title} {paper.number}".strip(),
            "author": paper.issuer,
            "created": moment_utc(paper.dated_at),
        }
    )
    book.set_calc_mode("auto")
    formats = _Formats(book)
    sheet: _Sheet | None = None
    for block in paper.blocks:
        name = block.sheet if isinstance(block, Facts | Table) else ""
        if sheet is None or name:
            sheet = _opened(book, formats, paper, name or paper.title)
        sheet.write(block)
    book.close()
    return buffer.getvalue()


def sheet_name(title: str) -> str:
    """A title as a sheet may be called: at most 31 characters, no brackets, colon, asterisk, question mark or slash.

    >>> sheet_name("Revenue / year")
    'Revenue   year'
    """
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:_SHEET_NAME_MAX].strip("' ")


class _Formats:
    """The looks of a workbook's cells, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def look(self, **properties: object) -> Format:
        key = tuple(sorted(properties.items(), key=lambda item: item[0]))
        if key not in self._made:
            base: dict[str, object] = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
            self._made[key] = self._book.add_format(base | properties)
        return self._made[key]

    def value(self, kind: Kind, text: str, **properties: object) -> Format:
        """The look of a value of this kind; a number shows all the places that its text has."""
        if kind in NUMBER_KINDS and number_of(text) is not None:
            places = max(len(text.partition(".")[2]), _PLACES_MIN[kind])
            return self.look(num_format=f"#,##0.{'0' * places}".rstrip("."), **properties)
        if kind == "date":
            return self.look(num_format="yyyy-mm-dd", align="left", **properties)
        return self.look(text_wrap=True, num_format="@", **properties)


def _opened(book: Workbook, formats: _Formats, paper: Paper, name: str) -> _Sheet:
    """A new sheet with the paper's title, and the banner of a sandbox, on top."""
    worksheet = book.add_worksheet(sheet_name(name))
    worksheet.set_paper(9)
    worksheet.set_landscape()
    worksheet.fit_to_pages(1, 0)
    worksheet.hide_gridlines(2)
    worksheet.set_footer("&L" + _literal(paper.reminder) + "&R&P / &N")
    if paper.banner:
        worksheet.set_header("&C" + _literal(paper.banner))
    sheet = _Sheet(worksheet, formats, paper.lang)
    sheet.line(paper.issuer, formats.look(font_color="#5c6470"))
    sheet.line(f"{paper.title} {paper.number}".strip(), formats.look(font_size=14, font_color=_INK), height=24)
    if paper.banner:
        sheet.line(paper.banner, formats.look(font_color="#a02020"))
    return sheet


def _literal(text: str) -> str:
    """Text of a page header or footer, where an ampersand begins a command."""
    return text.replace("&", "&&")


@dataclass(slots=True)
class _Sheet:
    """One sheet while it is being written from the top down."""

    worksheet: Worksheet
    formats: _Formats
    lang: Lang
    row: int = 0
    widths: dict[int, int] = field(default_factory=dict)
    totals: dict[str, tuple[str, Decimal]] = field(default_factory=dict)

    def line(self, text: str, look: Format, height: int | None = None) -> None:
        if height:
            self.worksheet.set_row(self.row, height)
        self.worksheet.write_string(self.row, 0, text, look)
        self.row += 1

    def write(self, block: Block) -> None:
        match block:
            case Facts():
                self._facts(block)
            case Table():
                self._table(block)
            case Sums():
                self._sums(block)
            case Note():
                self.line(block.text, self.formats.look(font_color=_INK if block.is_warning else "#5c6470"))

    def _heading(self, title: str) -> None:
        self.row += 1
        if title:
            self.line(title, self.formats.look(font_size=12, font_color=_INK), height=20)

    def _facts(self, facts: Facts) -> None:
        self._heading(facts.title)
        for group in facts.groups:
            if group.title:
                self.line(group.title, self.formats.look(bold=True))
            for fact in group.facts:
                self._fact(fact)

    def _fact(self, fact: Fact) -> None:
        self._text(0, fact.label, self.formats.look(font_color="#5c6470"))
        if _exact(fact.value, fact.kind) is not None:
            self._value(1, fact.value, fact.kind, self.formats.value(fact.kind, fact.value, align="left"))
        else:
            # Not wrapped: a long fact may run over the empty cells at its right.
            self.worksheet.write_string(self.row, 1, fact.value, self.formats.look(num_format="@"))
        self.row += 1

    def _sums(self, sums: Sums) -> None:
        """The sums, and beside them live what they differ by from the rows' totals, or from each other: nought."""
        self.row += 1
        signed: list[tuple[str, Decimal]] = []
        for item in sums.items:
            look = {"bold": True} if item.is_main else {}
            self._text(0, item.label, self.formats.look(**look))
            self._value(1, item.value, item.kind, self.formats.value(item.kind, item.value, align="left", **look))
            if item.sign:
                number = number_of(item.value) or Decimal(0)
                signed.append((f"{item.sign}{self._here()}", -number if item.sign == "-" else number))
            if item.against in self.totals:
                self._check(item.value, *self.totals[item.against])
            elif item.is_main and signed:
                self._check(item.value, "".join(cell for cell, _ in signed), sum(number for _, number in signed))
            self.row += 1

    def _here(self) -> str:
        return xl_rowcol_to_cell(self.row, 1)

    def _check(self, value: str, expected_formula: str, expected: Decimal | int) -> None:
        self._text(2, word("difference", self.lang), self.formats.look(font_color="#5c6470"))
        difference = (number_of(value) or Decimal(0)) - expected
        formula = f"=ROUND({self._here()}-({expected_formula}),2)"
        self.worksheet.write_formula(self.row, 3, formula, self.formats.value("money", "0.00"), difference)

    def _table(self, table: Table) -> None:
        _refuse_too_long(table)
        self._heading(table.title)
        if table.caption:
            self.line(table.caption, self.formats.look(font_color="#5c6470"))
        columns = table.shown_columns()
        self._headings(columns, freeze=bool(table.sheet))
        first = self.row
        for row in table.rows:
            self._row(columns, row)
        if not table.rows:
            self.line(word("none", self.lang), self.formats.look(font_color="#5c6470"))
        elif any(column.total for column in columns):
            self._totals(table, columns, first)

    def _headings(self, columns: tuple[Column, ...], *, freeze: bool) -> None:
        for place, column in enumerate(columns):
            side = "right" if column.is_number else "left"
            look = self.formats.look(bold=True, bottom=1, top=2, bg_color="#f1f4f8", text_wrap=True, align=side)
            self._text(place, column.heading.in_(self.lang), look)
        self.row += 1
        if freeze:
            self.worksheet.freeze_panes(self.row, 0)
            self.worksheet.repeat_rows(self.row - 1)

    def _row(self, columns: tuple[Column, ...], row: Row) -> None:
        for place, column in enumerate(columns):
            text = column.text(row, self.lang)
            look = self.formats.value(column.kind, text, bottom=4, bottom_color="#c3c8cf")
            formula = _formula(column, columns, row, self.row)
            if formula:
                difference = number_of(text) or Decimal(0)
                self.worksheet.write_formula(self.row, place, formula, look, difference)
            else:
                self._value(place, text, column.kind, look)
        self.row += 1

    def _totals(self, table: Table, columns: tuple[Column, ...], first: int) -> None:
        for place, column in enumerate(columns):
            total = total_of(column, table.rows)
            look = self.formats.value(column.kind, str(total), bold=True, top=1, bottom=2)
            if column.total:
                formula = f"=SUM({xl_range(first, place, self.row - 1, place)})"
                self.worksheet.write_formula(self.row, place, formula, look, total)
                self.totals[f"{table.key}.{column.key}"] = (xl_rowcol_to_cell(self.row, place), total)
            else:
                self._text(place, word("total", self.lang) if place == 0 else "", look)
        self.row += 1

    def _value(self, place: int, text: str, kind: Kind, look: Format) -> None:
        number = _exact(text, kind)
        day = _day(text) if kind == "date" else None
        if number is not None:
            self.worksheet.write_number(self.row, place, Fraction(number), look)
        elif day is not None:
            self.worksheet.write_datetime(self.row, place, day, look)
        else:
            self._text(place, text, look)
        self._widen(place, text)

    def _text(self, place: int, text: str, look: Format) -> None:
        self.worksheet.write_string(self.row, place, text, look)
        self._widen(place, text)

    def _widen(self, place: int, text: str) -> None:
        length = display_length(text) + 4
        width = min(max(length, self.widths.get(place, _WIDTH_MIN)), _WIDTH_MAX)
        if width != self.widths.get(place):
            self.widths[place] = width
            self.worksheet.set_column(place, place, width)


def _refuse_too_long(table: Table) -> None:
    if len(table.rows) > _ROWS_MAX:
        raise WorkbookTooLong(
            f"{table.title}: {len(table.rows)} rows, and a sheet takes {_ROWS_MAX}; ask for the CSV or a shorter period"
        )


def _exact(text: str, kind: Kind) -> Decimal | None:
    """The number of a number cell, where a double brings it back as it is."""
    number = number_of(text) if kind in NUMBER_KINDS else None
    return number if number is not None and len(number.as_tuple().digits) <= _EXACT_DIGITS else None


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a day of a sheet has no zone
    except ValueError:
        return None


def _formula(column: Column, columns: tuple[Column, ...], row: Row, row_place: int) -> str:
    """The formula of a column that is reckoned from others; empty where it is not, or they are not numbers."""
    places = {
        part.key: place
        for place, part in enumerate(columns)
        if _exact(str(reach(row, part.key)), part.kind) is not None
    }
    terms = [(sign, places[key]) for sign, key in column.terms if key in places]
    if not terms or len(terms) < len(column.terms):
        return ""
    cells = "".join(f"{sign}{xl_rowcol_to_cell(row_place, place)}" for sign, place in terms)
    return f"=ROUND({cells.removeprefix('+')},8)"
