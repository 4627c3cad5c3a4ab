"""Arguments of the project's own kinds: instants, days, months, read by the parsers that the API uses too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from pricing.errors import Malformed
from pricing.period import Month, parse_day, parse_instant


class _Parsed(click.ParamType[Any]):
    """An argument read by one of the project's own parsers."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with the parser's sentence."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except Malformed as fault:
            self.fail(fault.detail, param, ctx)


INSTANT: Final = _Parsed("instant", parse_instant)
"""An instant by RFC 3339 with its offset."""
DAY: Final = _Parsed("date", parse_day)
"""A day such as 2026-03-31."""
MONTH: Final = _Parsed("month", Month.parse)
"""A month such as 2026-03."""
