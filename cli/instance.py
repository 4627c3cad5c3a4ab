"""``tariffbook migrate``, ``clock``, ``prune`` and ``partitions``: the database itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from cli.arguments import INSTANT
from cli.terminal import call, opened
from migrations.schema import migrate as migrate_schema
from pricing.period import format_instant
from store.idempotency import forget_older
from store.partitions import AHEAD, AHEAD_MAX, make_ahead
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


@click.command()
@click.option(
    "--ahead",
    type=click.IntRange(0, AHEAD_MAX),
    default=AHEAD,
    show_default=True,
    help="How many months after the present one.",
)
def partitions(*, ahead: int) -> None:
    """Make the partitions of entries and events for the present month and those ahead (PostgreSQL).

    Run it as the owner of the tables (TARIFFBOOK_OWNER_DATABASE_URL), before each month begins; what is there stays.
    tariffbook work does so itself where its login may.
    """
    with opened() as store:
        if store.engine.dialect.name == "sqlite":
            click.echo("SQLite keeps each table whole: there is nothing to do")
            return
        done = make_ahead(store.settings, ahead)
    for name in done.made:
        click.echo(f"made {name}")
    for name, reason in done.left:
        click.echo(f"left out {name}: {reason}")
    click.echo(f"{len(done.made)} made, {len(done.present)} were there")
