"""``python -m benchmarks [NAME…]``: measure, print a table, keep the results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import ModuleType

import click

from benchmarks import (
    bills,
    entitlement,
    events,
    growth,
    imports,
    kernel,
    nycflights,
    quotes,
    results,
    seals,
    singles,
    verify,
    year,
)
from benchmarks.databases import Place, administer, places
from benchmarks.figures import Scale
from benchmarks.machine import described

BENCHMARKS: Mapping[str, ModuleType] = {
    "events": events,
    "singles": singles,
    "import": imports,
    "kernel": kernel,
    "seals": seals,
    "verify": verify,
    "year": year,
    "entitlement": entitlement,
    "quotes": quotes,
    "bills": bills,
    "growth": growth,
    "nycflights": nycflights,
}
KINDS = ("sqlite", "postgresql")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--quick", is_flag=True, help="Less of everything, and nothing is kept.")
@click.option("--full", is_flag=True, help="A million events in one import, ten million transactions in the books.")
@click.option("--database", type=click.Choice(KINDS), help="One database only, and nothing is kept.")
@click.option("--circumstances", default="nothing else ran", show_default=True, help="What else the machine was doing.")
def main(names: tuple[str, ...], *, quick: bool, full: bool, database: str | None, circumstances: str) -> None:
    """Measure what is named, or everything; print a table, and keep the results in benchmarks/results."""
    scale = Scale.QUICK if quick else Scale.FULL if full else Scale.USUAL
    with places((database,) if database else KINDS) as measured:
        machine = described(_postgresql_version(measured))
        click.echo(", ".join(f"{name} {value}" for name, value in machine.items()))
        for name in names or BENCHMARKS:
            figures = [figure for place in measured for figure in BENCHMARKS[name].measure(place, scale)]
            click.echo(f"\n{name}\n{results.table(figures)}")
            if not quick and database is None:
                when = {"measured_on": str(datetime.now(UTC).date()), "circumstances": circumstances}
                results.write(name, {**when, "machine": machine}, figures)


def _postgresql_version(measured: list[Place]) -> str | None:
    servers = [place.server for place in measured if place.server is not None]
    return administer(servers[0], "SHOW server_version") if servers else None


if __name__ == "__main__":
    main()
