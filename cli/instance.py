"""``tariffbook migrate``, ``clock`` and ``prune``: the database itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from cli.arguments import INSTANT
from cli.terminal import call, opened
from migrations.schema import migrate as migrate_schema
from pricing.period import format_instant
from store.idempotency import forget_older
from store.sandbox import move_clock
from store.settings import Settings


@click.command()
@click.option("--sandbox", is_flag=True, help="A new database becomes a sandbox, whose clock can be moved forward.")
@click.option("--start", type=INSTANT, help="Where a sandbox's clock starts, such as 2025-03-01T00:00:00+08:00.")
def migrate(*, sandbox: bool, start: datetime | None) -> None:
    """Make the database's tables, or bring them up to date."""
    if start is not None and not sandbox:
        raise click.UsageError("--start sets a sandbox's clock: add --sandbox")
    settings = Settings.from_environment()
    migrate_schema(settings, sandbox=sandbox, start=start)
    click.echo("the schema is current")


@click.command()
@click.argument("instant", type=INSTANT, required=False)
def clock(instant: datetime | None) -> None:
    """Print the clock; move a sandbox's clock forward to INSTANT."""
    with opened() as store:
        if instant is not None:
            store.run(call("clock"), lambda unit: move_clock(unit, instant))
        with store.reading(call("clock")) as unit:
            click.echo(format_instant(unit.now, unit.zone))


@click.command()
def prune() -> None:
    """Forget the answers kept for idempotency keys beyond their days (TARIFFBOOK_IDEMPOTENCY_DAYS)."""
    with opened() as store:
        age = timedelta(days=store.settings.idempotency_days)
        click.echo(f"forgot {store.run(call('prune'), lambda unit: forget_older(unit, age))} answers")
