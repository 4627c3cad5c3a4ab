"""A table as a page needs it: cells, decimal points under each other, widths, size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from papers.layout import Column, Row, Table, grouped, is_wide, number_of, printed, reach, total_of
from papers.wording import Lang, word

# Widths of Noto Sans SC in em, on the safe side; its figures are all equally wide.
_WIDTHS_EM: Final = {
    **dict.fromkeys("0123456789", Decimal("0.56")),
    **dict.fromkeys(".,-", Decimal("0.35")),
    **dict.fromkeys("MWmw@%&", Decimal("0.95")),
    **dict.fromkeys("ABCDEFGHIJKLNOPQRSTUVXYZ", Decimal("0.72")),
}
_LATIN_EM: Final = Decimal("0.61")
_PADDING_EM: Final = Decimal("1.4")
_TEXT_MIN_EM, _TEXT_MAX_EM = Decimal(6), Decimal(24)
_SIZE_MIN_PT, _SIZE_MAX_PT = Decimal(5), Decimal("8.5")
_WISH_MIN_EM: Final = Decimal("0.1")
_ONE_LINE: Final = 6
_TOGETHER_ROWS_MAX: Final = 8
_CELL_LENGTH_MAX: Final = 240
_NARROW_KINDS: Final = ("date", "yesno")

_LONG_WORD: Final = re.compile(r"[!-~]{13,}")
_WORD_PART: Final = re.compile(r"[^._/:@-]{1,12}[._/:@-]*|[._/:@-]+")


@dataclass(frozen=True, slots=True)
class _Body:
    """One column's texts, the invisible figures behind each, and what its total says."""

    column: Column
    label: str
    texts: list[str]
    pads: list[str]
    total: str

    @property
    def is_narrow(self) -> bool:
        return self.column.is_number or self.column.kind in _NARROW_KINDS

    def least_em(self) -> Decimal:
        """Below this a figure, a date or a word would run into the next column."""
        if self.is_narrow:
            widest = max([_heading_em(self.label), _em(self.total), *map(_em, map(str.__add__, self.texts, self.pads))])
            return widest + _PADDING_EM
        words = [part for text in (self.label, *self.texts) for part in _unbroken(text)]
        return max([min(_TEXT_MIN_EM, self._widest_em()), *map(_em, words)]) + _PADDING_EM

    def wish_em(self) -> Decimal:
        """What a text would take beyond the least to stand on one line; never nought, so that texts fill the page."""
        if self.is_narrow:
            return Decimal(0)
        return max(min(self._widest_em(), _TEXT_MAX_EM) + _PADDING_EM - self.least_em(), _WISH_MIN_EM)

    def _widest_em(self) -> Decimal:
        return max(map(_em, (self.label, *self.texts)))


def page_table(table: Table, lang: Lang, room_pt: Decimal) -> dict[str, object]:
    """The table as the template reads it.

    Rows of cells (``text``, ``pad``, ``remarks``), columns with widths in em, and the size in points at which they
    fill a room of ``room_pt`` points; a wide table is set smaller.
    """
    bodies = [_body(column, table.rows, lang) for column in table.shown_columns()]
    least_em = [body.least_em() for body in bodies]
    size_pt = min(max(room_pt / sum(least_em, Decimal(0)), _SIZE_MIN_PT), _SIZE_MAX_PT)
    widths = _widths_em(bodies, least_em, room_pt / size_pt)
    rows = [_page_row(bodies, place, row) for place, row in enumerate(table.rows)]
    return {
        "kind": "table",
        "title": table.title,
        "caption": table.caption,
        "none": word("none", lang),
        "size": f"{size_pt:.3f}",
        # A short table is kept on one page, so that its total never stands alone.
        "together": len(rows) <= _TOGETHER_ROWS_MAX and not any(row["long"] for row in rows),
        "columns": [
            {"label": body.label, "number": body.column.is_number, "em": f"{width_em:.3f}"}
            for body, width_em in zip(bodies, widths, strict=True)
        ],
        "rows": rows,
        "totals": _totals(bodies, lang) if rows else [],
    }


def breakable(text: str) -> list[str]:
    """The text cut where a long word may be broken: after its marks where it has any.

    The template joins the parts by a space too narrow to see. A character that says the same would come out again
    where the text is copied or searched.

    >>> breakable("TRAFFIC.emergency 110"), breakable("a short text")
    (['TRAFFIC.', 'emergency 110'], ['a short text'])
    """
    cuts = [
        word.start() + part.end()
        for word in _LONG_WORD.finditer(text)
        for part in list(_WORD_PART.finditer(word.group()))[:-1]
    ]
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


def _unbroken(text: str) -> list[str]:
    """The parts of a text that are never broken; Chinese breaks anywhere."""
    return [word for part in breakable(text) for word in re.findall(r"[!-~]+", part.replace("-", "- "))]


def _body(column: Column, rows: tuple[Row, ...], lang: Lang) -> _Body:
    texts = [printed(column.text(row, lang), column.kind) for row in rows]
    return _Body(
        column=column,
        label=column.heading.in_(lang),
        texts=texts,
        pads=_pads(texts) if column.is_number else [""] * len(texts),
        total=grouped(str(total_of(column, rows))) if column.total else "",
    )


def _widths_em(bodies: list[_Body], least_em: list[Decimal], room_em: Decimal) -> list[Decimal]:
    """The least that each column needs, and the rest of the room by what the texts wish for."""
    spare = max(room_em - sum(least_em, Decimal(0)), Decimal(0))
    wishes = [body.wish_em() for body in bodies]
    wished = sum(wishes, Decimal(0)) or Decimal(1)
    return [least + spare * wish / wished for least, wish in zip(least_em, wishes, strict=True)]


def _page_row(bodies: list[_Body], place: int, row: Row) -> dict[str, object]:
    """A row; one with a long cell, which might not fit a page, may go on over the page's end."""
    lengths = (len(body.texts[place]) + sum(map(len, _remarks(body.column, row))) for body in bodies)
    return {
        "long": any(length > _CELL_LENGTH_MAX for length in lengths),
        "cells": [_cell(body, place, row) for body in bodies],
    }


def _cell(body: _Body, place: int, row: Row) -> dict[str, object]:
    text = body.texts[place]
    return {
        "text": [text] if body.is_narrow else breakable(text),
        "pad": body.pads[place],
        "remarks": [breakable(remark) for remark in _remarks(body.column, row)],
    }


def _remarks(column: Column, row: Row) -> list[str]:
    remarks = reach(row, column.remarks) if column.remarks else None
    return [str(remark) for remark in remarks] if isinstance(remarks, list) else []


def _totals(bodies: list[_Body], lang: Lang) -> list[str]:
    totals = [body.total for body in bodies]
    if not any(totals):
        return []
    first_text = next((place for place, body in enumerate(bodies) if not body.column.is_number), 0)
    return [*totals[:first_text], word("total", lang), *totals[first_text + 1 :]]


def _pads(texts: list[str]) -> list[str]:
    """For each text the figures that it lacks to the longest fraction; printed invisibly, they align the points.

    >>> _pads(["1,000", "0.25", "n/a"])
    ['.00', '', '']
    """
    fractions = [text.partition(".")[2] if _is_figure(text) else None for text in texts]
    places = max((len(fraction) for fraction in fractions if fraction is not None), default=0)
    return ["" if fraction is None else _pad(fraction, places) for fraction in fractions]


def _pad(fraction: str, places: int) -> str:
    missing = "0" * (places - len(fraction))
    return missing if fraction or not missing else f".{missing}"


def _is_figure(text: str) -> bool:
    return number_of(text.replace(",", "")) is not None


def _em(text: str) -> Decimal:
    return sum((_letter_em(letter) for letter in text), Decimal(0))


def _letter_em(letter: str) -> Decimal:
    return Decimal(1) if is_wide(letter) else _WIDTHS_EM.get(letter, _LATIN_EM)


def _heading_em(label: str) -> Decimal:
    """The narrowest that a heading goes: its longest English word, or six Chinese characters on one line."""
    if label.isascii():
        return max(map(_em, re.split(r"[ /]", label)))
    return _em(label) if len(label) <= _ONE_LINE else _em(label) / 2 + 1
