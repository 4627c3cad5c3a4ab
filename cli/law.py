"""``tariffbook law``: the rules as dated data, checked and shown with their sources."""

from __future__ import annotations

import sys
from datetime import date

import click
import yaml

from cli.arguments import DAY
from pricing.parameters import DEFAULT_JURISDICTION, check_law, load_law


@click.group()
def law() -> None:
    """Check and show the law that prices follow."""


@law.command()
@click.option("--jurisdiction", default=DEFAULT_JURISDICTION, show_default=True)
def check(jurisdiction: str) -> None:
    """Read every file of law; name each fault with its file and line, and exit 1 if there is one."""
    faults = check_law(jurisdiction)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        sys.exit(1)
    read = load_law(jurisdiction)
    click.echo(f"{len(read.parameters)} parameters, version {read.version}, hash {read.digest()}")
    click.echo(f"not yet confirmed by a person on the issuer's own text: {len(read.unverified())}")


@law.command()
@click.argument("parameter", required=False)
@click.option("--on", "day", type=DAY, help="The value of one day; all values, if not given.")
@click.option("--jurisdiction", default=DEFAULT_JURISDICTION, show_default=True)
def show(parameter: str | None, day: date | None, jurisdiction: str) -> None:
    """Show PARAMETER with its values, dates and sources; without it, list the parameters."""
    read = load_law(jurisdiction)
    if parameter is None:
        for name in sorted(read.parameters):
            click.echo(name)
        return
    document = read.parameter(parameter).document(day)
    click.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110), nl=False)
