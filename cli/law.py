"""``tariffbook law``: the rules as dated data, checked and shown with their sources."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click
import yaml

from cli.arguments import DAY
from pricing.parameters import DEFAULT_JURISDICTION, LAW_FOLDER, check_law, load_law

_JURISDICTION = click.option(
    "--jurisdiction", default=DEFAULT_JURISDICTION, envvar="TARIFFBOOK_JURISDICTION", show_default=True
)
_FOLDER = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=LAW_FOLDER,
    envvar="TARIFFBOOK_LAW_FOLDER",
    help="Where its folder is; what it lies over may be the law that comes with the program.",
)


@click.group()
def law() -> None:
    """Check and show the law that prices follow."""


@law.command()
@_JURISDICTION
@_FOLDER
def check(jurisdiction: str, folder: Path) -> None:
    """Read every file of law; name each fault with its file and line, and exit 1 if there is one."""
    faults = check_law(jurisdiction, folder)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        sys.exit(1)
    read = load_law(jurisdiction, folder)
    click.echo(f"{len(read.parameters)} parameters, version {read.version}, hash {read.digest()}")
    click.echo(f"not yet confirmed by a person on the issuer's own text: {len(read.unverified())}")


@law.command()
@click.argument("parameter", required=False)
@click.option("--on", "day", type=DAY, help="The value of one day; all values, if not given.")
@_JURISDICTION
@_FOLDER
def show(parameter: str | None, day: date | None, jurisdiction: str, folder: Path) -> None:
    """Show PARAMETER with its values, dates and sources; without it, list the parameters."""
    read = load_law(jurisdiction, folder)
    if parameter is None:
        for name in sorted(read.parameters):
            click.echo(name)
        return
    document = read.parameter(parameter).document(day)
    click.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110), nl=False)
