"""Arguments of the project's own kinds: instants, days, months, read by the parsers that the API uses too."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import click

from pricing.errors import Malformed
from pricing.period import Month, parse_day, parse_instant


class _Parsed(click.ParamType[Any]):
    """An argument read by one of the project's own parsers."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with the parser's sentence."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except Malformed as fault:
            self.fail(fault.detail, param, ctx)

    def parse(self, text: str) -> Any:
        """Return what a text says; raises Malformed."""
        raise NotImplementedError


class InstantArgument(_Parsed):
    """An instant by RFC 3339 with its offset."""

    name = "instant"

    def parse(self, text: str) -> datetime:
        """Return the instant."""
        return parse_instant(text)


class DayArgument(_Parsed):
    """A day such as 2026-03-31."""

    name = "date"

    def parse(self, text: str) -> date:
        """Return the day."""
        return parse_day(text)


class MonthArgument(_Parsed):
    """A month such as 2026-03."""

    name = "month"

    def parse(self, text: str) -> Month:
        """Return the month."""
        return Month.parse(text)
