"""``tariffbook keys``: the first key of an installation, and any later one."""

from __future__ import annotations

from datetime import datetime

import click

from cli.arguments import INSTANT
from cli.terminal import call, opened
from registry.keys import create_key
from schemas.registry import ROLES


@click.group()
def keys() -> None:
    """Make keys to the API."""


@keys.command()
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--party", help="The party's code or id; not needed for admin and auditor.")
@click.option("--expires-at", type=INSTANT, help="When the key ends; never, if not given.")
def create(role: str, party: str | None, expires_at: datetime | None) -> None:
    """Make a key and print it, alone on the last line; it is kept as a hash only."""
    given = {"role": role, "party": party, "expires_at": expires_at}
    with opened() as store:
        _, text = store.run(call("keys create"), lambda unit: create_key(unit, given))
    click.echo(text)
