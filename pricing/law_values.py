"""What the law says, as values: texts in both languages, dated values, references, rules kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Bilingual:
    """A text in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True)
class MonthDay:
    """A day of any year, such as a yearly deadline.

    >>> MonthDay(3, 31).of(2026)
    datetime.date(2026, 3, 31)
    """

    month: int
    day: int

    def of(self, year: int) -> date:
        """Return this day in the given year."""
        return date(year, self.month, self.day)


@dataclass(frozen=True)
class Entry:
    """One row of a list kept as law: a stable code and its wording."""

    code: str
    wording: Bilingual


@dataclass(frozen=True)
class Condition:
    """What a rule asks of one fact: a value among ``any_of``, or (``given``) that it is stated or not."""

    fact: str
    any_of: tuple[str, ...] | None
    given: bool | None


@dataclass(frozen=True)
class Rule:
    """A rule kept as data: it applies when all its conditions hold, and then says ``outcome``."""

    rule: str
    kind: str
    when: tuple[Condition, ...]
    outcome: str
    source: str
    article: str
    wording: Bilingual


@dataclass(frozen=True)
class Reference:
    """Where a value comes from. ``link`` and ``article`` are None where they are not known or do not exist.

    ``expires_on`` is the day on which the text's own stated term has run out, where it states one.
    """

    title: Bilingual
    document: str
    article: str | None
    link: str | None
    expires_on: date | None


LawValue = Decimal | int | MonthDay | Mapping[str, Decimal] | tuple[str, ...] | tuple[Entry, ...] | tuple[Rule, ...]


@dataclass(frozen=True)
class DatedValue:
    """A value and the day from which it holds, until the next one does."""

    effective_from: date
    value: LawValue
    references: tuple[Reference, ...]


@dataclass(frozen=True)
class ParameterText:
    """What one file of law says."""

    description: Bilingual
    unit: str
    verified: bool
    scope: str | None
    origin: str | None
    values: tuple[DatedValue, ...]


@dataclass(frozen=True)
class JurisdictionText:
    """What ``jurisdiction.yaml`` says: whose rules these are, the version of the whole set, and over whose they lie."""

    code: str
    title: Bilingual
    version: str
    over: str | None = None
