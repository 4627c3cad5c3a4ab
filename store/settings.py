"""Settings of a running service, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import parse_many

from pricing.errors import Malformed
from pricing.operating_year import OperatingYear
from pricing.parameters import DEFAULT_JURISDICTION, LAW_FOLDER, Law, load_law

COUNT_MAX = 2**31 - 1
SECONDS_MAX = 3600
CALLS_MAX = 1000
DEFAULT_DATABASE = Path("var") / "tariffbook.db"


class SettingInvalid(Malformed):
    """A setting of the environment cannot be used."""

    code = "setting_invalid"


@dataclass(frozen=True)
class Settings:
    """What an installation decides.

    ``late_event_days_max`` and ``future_event_minutes_max`` bound the time of a usage event; ``body_bytes_max`` the
    size of a request; ``wait_seconds_max`` how long a call waits for another's lock, for a connection or for its turn
    before it gives up. ``post_seconds_max`` and ``report_seconds_max`` bound the work of a call in the database, once
    it has begun. ``calls_in_work_max`` and ``calls_waiting_max`` bound what a process takes on at once; ``rate_limit``
    what one key may ask, such as ``100/second; 5000/minute``.
    ``signing_key_file`` holds the private key that signs seals; beside an SQLite database if not named.
    ``jurisdiction`` is whose law prices follow, from ``law_folder`` where it is there, else from what comes with the
    program. ``operating_year`` is what counts as a complete operating year, which the Price Notice leaves open.
    """

    database_url: str
    read_database_url: str | None = None
    owner_database_url: str | None = None
    secret_key: str | None = None
    signing_key_file: str | None = None
    timezone: str = "Asia/Shanghai"
    late_event_days_max: int = 400
    future_event_minutes_max: int = 60
    idempotency_days: int = 90
    body_bytes_max: int = 16 * 1024 * 1024
    wait_seconds_max: int = 10
    post_seconds_max: int = 30
    report_seconds_max: int = 120
    calls_in_work_max: int = 8
    calls_waiting_max: int = 64
    rate_limit: str | None = None
    buyer_quote_days_max: int = 90
    operating_year: OperatingYear = OperatingYear.CALENDAR_YEAR
    jurisdiction: str = DEFAULT_JURISDICTION
    law_folder: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The business time zone."""
        return ZoneInfo(self.timezone)

    @property
    def law(self) -> Law:
        """The law that prices follow, read once; raises LawInvalid with every fault of its files."""
        return load_law(self.jurisdiction, Path(self.law_folder) if self.law_folder else LAW_FOLDER)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ``TARIFFBOOK_…`` variables; raises SettingInvalid that names the variable at fault."""
        given = os.environ if environment is None else environment

        def text(name: str) -> str | None:
            return given.get(f"TARIFFBOOK_{name}") or None

        def url(name: str) -> str | None:
            value = text(name)
            return normal_url(value) if value else None

        def count(name: str, default: int, least: int = 1, most: int = COUNT_MAX) -> int:
            value = text(name)
            if value is None:
                return default
            if not value.isdecimal() or not least <= int(value) <= most:
                message = f"TARIFFBOOK_{name} is {value!r}; give a whole number from {least} to {most}"
                raise SettingInvalid(message)
            return int(value)

        operating_year = text("OPERATING_YEAR") or cls.operating_year.value
        if operating_year not in list(OperatingYear):
            message = f"TARIFFBOOK_OPERATING_YEAR is {operating_year!r}; give one of {', '.join(OperatingYear)}"
            raise SettingInvalid(message)
        rate_limit = text("RATE_LIMIT")
        try:
            parse_many(rate_limit or "1/second")
        except ValueError as fault:
            message = f"TARIFFBOOK_RATE_LIMIT is {rate_limit!r}; give limits such as 100/second; 5000/minute"
            raise SettingInvalid(message) from fault
        timezone = text("TIMEZONE") or cls.timezone
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as fault:
            message = (
                f"TARIFFBOOK_TIMEZONE is {timezone!r}, which is no known time zone; give a name such as Asia/Shanghai"
            )
            raise SettingInvalid(message) from fault
        return cls(
            database_url=url("DATABASE_URL") or f"sqlite:///{DEFAULT_DATABASE}",
            read_database_url=url("READ_DATABASE_URL"),
            owner_database_url=url("OWNER_DATABASE_URL"),
            secret_key=text("SECRET_KEY"),
            signing_key_file=text("SIGNING_KEY_FILE"),
            timezone=timezone,
            late_event_days_max=count("LATE_EVENT_DAYS_MAX", cls.late_event_days_max),
            future_event_minutes_max=count("FUTURE_EVENT_MINUTES_MAX", cls.future_event_minutes_max),
            idempotency_days=count("IDEMPOTENCY_DAYS", cls.idempotency_days),
            body_bytes_max=count("BODY_BYTES_MAX", cls.body_bytes_max),
            wait_seconds_max=count("WAIT_SECONDS_MAX", cls.wait_seconds_max, most=SECONDS_MAX),
            post_seconds_max=count("POST_SECONDS_MAX", cls.post_seconds_max, most=SECONDS_MAX),
            report_seconds_max=count("REPORT_SECONDS_MAX", cls.report_seconds_max, most=SECONDS_MAX),
            calls_in_work_max=count("CALLS_IN_WORK_MAX", cls.calls_in_work_max, most=CALLS_MAX),
            calls_waiting_max=count("CALLS_WAITING_MAX", cls.calls_waiting_max, least=0, most=CALLS_MAX),
            rate_limit=rate_limit,
            buyer_quote_days_max=count("BUYER_QUOTE_DAYS_MAX", cls.buyer_quote_days_max),
            operating_year=OperatingYear(operating_year),
            jurisdiction=text("JURISDICTION") or cls.jurisdiction,
            law_folder=text("LAW_FOLDER"),
        )


def normal_url(url: str) -> str:
    """Name the driver where a PostgreSQL URL leaves it open."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return f"postgresql+psycopg://{url.removeprefix(scheme)}"
    return url
