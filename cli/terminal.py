"""What every command shares: the opened store, who it acts as, and arguments of the project's own kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click

from migrations.schema import is_current
from pricing.errors import Conflict, Malformed
from pricing.period import Month, parse_day, parse_instant
from store.settings import Settings
from store.unit import Call, Principal, Store


class SchemaNotCurrent(Conflict):
    """A database without the tables of this program, or with those of another version."""

    code = "schema_not_current"


@contextmanager
def opened() -> Iterator[Store]:
    """Open the store that the environment names, and close it at the end; raises SchemaNotCurrent."""
    store = Store(Settings.from_environment())
    try:
        with store.engine.connect() as connection:
            current = is_current(connection)
        if not current:
            shown = store.engine.url.render_as_string(hide_password=True)
            raise SchemaNotCurrent(f"the schema of {shown} is not this program's: run tariffbook migrate first")
        yield store
    finally:
        store.close()


def call(action: str, role: str = "admin", party_id: str | None = None) -> Call:
    """Return the call of a command: whoever holds the machine acts as an administrator, or for the party named."""
    return Call(Principal(role, party_id, "local"), f"cli {action}")


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
