"""The three steps of the tour of the departures that are no command of ``tariffbook``: found, write, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pandas as pd

from app import create_app
from tests.client import Client
from tests.departures import MONTHS, OPERATOR, departures, found, founded_before, write_events
from tests.departures_compared import differences

_months = click.option(
    "--month",
    "months",
    multiple=True,
    type=click.Choice(MONTHS),
    envvar="TARIFFBOOK_TOUR_MONTHS",
    help="Take the departures of some months only.",
)


@click.group()
def tour() -> None:
    """Sell the departures of New York's airports in the database that TARIFFBOOK_DATABASE_URL names."""


@tour.command("found")
def found_jurisdiction() -> None:
    """Make parties, offerings, prices, contracts and the distribution, through the API."""
    with _administrator() as admin:
        jurisdiction = found(admin, departures())
    click.echo(f"{len(jurisdiction.contracts)} contracts of {OPERATOR}")


@tour.command("write")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@_months
def write(path: Path, months: tuple[str, ...]) -> None:
    """Write the departures to PATH (.csv or .parquet), each with its contract."""
    with _administrator() as admin:
        jurisdiction = founded_before(admin.client_of("operator", OPERATOR))
    click.echo(f"{write_events(_taken(months), jurisdiction, path)} departures")


@tour.command("compare")
@_months
def compare(months: tuple[str, ...]) -> None:
    """Hold use, bills and the compliance report against an independent reckoning; exit code 1 where they differ."""
    with _administrator() as admin:
        jurisdiction = founded_before(admin.client_of("operator", OPERATOR))
        found_differences = differences(jurisdiction, admin.client_of("auditor"), _taken(months), MONTHS)
    for difference in found_differences:
        click.echo(difference)
    click.echo(f"differences: {len(found_differences)}")
    if found_differences:
        sys.exit(1)


@contextmanager
def _administrator() -> Iterator[Client]:
    app = create_app()
    try:
        yield Client.administrator(app)
    finally:
        app.extensions["tariffbook"].close()


def _taken(months: tuple[str, ...]) -> pd.DataFrame:
    stream = departures()
    return stream[stream["month"].isin(months)] if months else stream


if __name__ == "__main__":
    tour()
