"""What a paper is made of: the values that the typesetter, the workbook and the CSV files read alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from papers.wording import Label, Lang, known_word, word

Kind: TypeAlias = Literal[
    "text", "yesno", "money", "quantity", "price", "percent", "integer", "date", "instant", "digest"
]
Row: TypeAlias = Mapping[str, object]

NUMBER_KINDS: Final[frozenset[Kind]] = frozenset({"money", "quantity", "price", "percent", "integer"})
DATE_LENGTH: Final = len("2026-03-31")
SHANGHAI: Final = timezone(timedelta(hours=8))
_LAST_NARROW: Final = 0x2E7F
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the key (``a.b`` reaches into a nested object), its heading, and what kind of value it holds.

    ``total``: the column is summed under the table. ``words``: the group of the wording that a coded value is
    looked up in. ``difference_of``: the two columns of which this one is the difference; ``sum_of``: those of which it
    is the sum, with a minus before the name of one that is taken off; so that the workbook can compute it.
    ``remarks``: the key of small lines that are printed under this column's text.
    """

    key: str
    heading: Label
    kind: Kind = "text"
    total: bool = False
    words: str = ""
    difference_of: tuple[str, str] | None = None
    sum_of: tuple[str, ...] = ()
    remarks: str = ""

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """The sign and the column of each term that it is reckoned from; none where it stands for itself."""
        if self.difference_of is not None:
            return ("+", self.difference_of[0]), ("-", self.difference_of[1])
        return tuple(("-" if name.startswith("-") else "+", name.removeprefix("-")) for name in self.sum_of)

    @property
    def is_number(self) -> bool:
        """Whether its values are figures, set to the right and summed."""
        return self.kind in NUMBER_KINDS

    def text(self, row: Row, lang: Lang) -> str:
        """The cell as people read it, numbers without grouping."""
        value = reach(row, self.key)
        if self.words and isinstance(value, str):
            return known_word(self.words, value, lang)
        return plain(value, lang)


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and the value beside it."""

    label: str
    value: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Group:
    """Facts under one small heading."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Groups of facts side by side; ``sheet`` names the sheet it opens in a workbook (empty: the same sheet)."""

    groups: tuple[Group, ...]
    title: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. ``caption`` stands small over the right end; ``sheet`` as in `Facts`.

    ``key``: by which sums that follow name the table's totals.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    sheet: str = ""
    key: str = ""

    def shown_columns(self) -> tuple[Column, ...]:
        """The columns that some row fills; all of them where there are no rows."""
        if not self.rows:
            return self.columns
        return tuple(column for column in self.columns if any(reach(row, column.key) is not None for row in self.rows))


@dataclass(frozen=True, slots=True)
class Sum:
    """A line of the sums.

    ``against``: the total above that it must equal, as ``table key.column key``. ``sign``: how it enters the main line,
    which must equal the signed lines before it.
    """

    label: str
    value: str
    kind: Kind = "money"
    against: str = ""
    sign: Literal["", "+", "-"] = ""
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums that a document ends in."""

    items: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph; a warning is framed."""

    text: str
    is_warning: bool = False


Block: TypeAlias = Facts | Table | Sums | Note


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole document, in one language, with the moment that dates it."""

    lang: Lang
    title: str
    number: str
    issuer: str
    dated_at: datetime
    blocks: tuple[Block, ...]
    reminder: str = ""
    banner: str = ""
    is_landscape: bool = False


def reach(row: Row, key: str) -> object:
    """The value under a dotted key, or None.

    >>> reach({"ceiling": {"unit_price": "0.80"}}, "ceiling.unit_price")
    '0.80'
    >>> reach({"ceiling": None}, "ceiling.unit_price") is None
    True
    """
    value: object = row
    for step in key.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def plain(value: object, lang: Lang) -> str:
    """Any wire value as text: lists joined, objects by name and code, nothing as the empty text.

    >>> plain({"code": "hz", "name": "杭州数据"}, "zh"), plain(["a", "b"], "en"), plain(None, "en")
    ('杭州数据（hz）', 'a; b', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return word("yes" if value else "no", lang)
    if isinstance(value, Mapping):
        return _named(value, lang)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return word("list_separator", lang).join(plain(item, lang) for item in value)
    return str(value)


def _named(thing: Mapping[object, object], lang: Lang) -> str:
    """An object as its name and code; one that has neither as its members."""
    name, code = thing.get("name"), thing.get("code")
    if name is not None and code is not None:
        return word("name_and_code", lang).format(name=name, code=code)
    if name is not None or code is not None:
        return str(name if name is not None else code)
    return plain([f"{key}: {plain(value, lang)}" for key, value in thing.items()], lang)


def number_of(text: str) -> Decimal | None:
    """The exact number that a wire text spells, or None where it spells none.

    >>> number_of("-10.50"), number_of("=1+1")
    (Decimal('-10.50'), None)
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def grouped(text: str) -> str:
    """A number with its thousands set apart; any other text as it is.

    >>> grouped("-1234567.50"), grouped("12"), grouped("n/a")
    ('-1,234,567.50', '12', 'n/a')
    """
    number = number_of(text)
    return text if number is None else f"{number:,f}"


def printed(text: str, kind: Kind) -> str:
    """A value as it stands on paper: numbers grouped, instants without the T."""
    if kind in NUMBER_KINDS:
        return grouped(text)
    if kind == "instant" and len(text) > DATE_LENGTH:
        return re.sub(r"(?<=\d)(?=[+-]\d\d:\d\d$)", " ", text.replace("T", " ", 1))
    return text


def is_wide(letter: str) -> bool:
    """Whether a character is as wide as it is high, as the Chinese ones are."""
    return ord(letter) > _LAST_NARROW


def display_length(text: str) -> int:
    """How wide a text stands, in half-width characters; a Chinese character counts two."""
    return len(text) + sum(map(is_wide, text))


def total_of(column: Column, rows: Iterable[Row]) -> Decimal:
    """The exact sum of a column; cells that hold no number count nothing."""
    numbers = (number_of(str(reach(row, column.key))) for row in rows)
    return sum((number for number in numbers if number is not None), Decimal(0))


def moment(text: object) -> datetime:
    """The moment that dates a document, to the second: an instant, a date or a month (its first day) of Shanghai.

    >>> moment("2026-03-31").isoformat(), moment("2026-03").isoformat()
    ('2026-03-31T00:00:00+08:00', '2026-03-01T00:00:00+08:00')
    >>> moment("2026-03-31T16:00:00Z").isoformat()
    '2026-04-01T00:00:00+08:00'
    """
    wire = str(text)
    if len(wire) > DATE_LENGTH:
        return datetime.fromisoformat(wire).astimezone(SHANGHAI).replace(microsecond=0)
    return datetime.combine(date.fromisoformat(wire if len(wire) == DATE_LENGTH else f"{wire}-01"), time(), SHANGHAI)


def moment_utc(dated_at: datetime) -> datetime:
    """The same moment as files without a time zone keep it."""
    return dated_at.astimezone(UTC).replace(tzinfo=None)
