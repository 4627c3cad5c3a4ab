"""``tariffbook ledger``: the books for other programs, their seals, and the checks over them."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

import click

from cli.arguments import DAY, INSTANT, MONTH
from cli.terminal import call, opened
from ledger import seals as sealing
from ledger.closing import close_month
from ledger.folding import fold as fold_balances
from ledger.folding import rebuild
from ledger.signing import rotate_key
from pricing.period import Month
from registry.lookup import party_of_kind
from reports import verification
from reports.book_export import FORMATS
from reports.books import Bounds
from reports.seal_export import copy_fault, exported
from reports.sealed import seals_in_order
from store.horizon import advance, reached, settle_as_of
from store.unit import Unit


@click.group()
def ledger() -> None:
    """Export, seal, verify, close and archive the books."""


@ledger.command()
@click.option("--format", "form", type=click.Choice(list(FORMATS)), required=True)
@click.option("--operator", help="One operator's books, by its code; all books if not given.")
@click.option("--as-of", type=INSTANT, help="As the books stood at an instant.")
@click.option("--from", "day_from", type=DAY, help="The first day of effect.")
@click.option("--until", "day_until", type=DAY, help="The day after the last day of effect.")
def export(
    form: str, operator: str | None, as_of: datetime | None, day_from: date | None, day_until: date | None
) -> None:
    """Write the books to standard output, with the balance of every account at the end."""
    writer, _media_type = FORMATS[form]
    with opened() as store:
        settled = settle_as_of(store, as_of)
        with store.reading(call("ledger export")) as unit:
            books = [party_of_kind(unit, operator, "operator", "operator").id] if operator else None
            lines = writer(unit, Bounds(books, settled, day_from, day_until))
            sys.stdout.writelines(lines)


@ledger.command()
def verify() -> None:
    """Check the books from their rows; exit code 1 and the first row at fault where a check fails."""
    with opened() as store:
        advance(store)
        with store.reading(call("ledger verify"), fresh=True) as unit:
            as_of = reached(unit)
            checks = verification.findings(unit, lambda title: click.echo(f"checking: {title}", err=True))
        run = store.run(call("ledger verify"), lambda unit: verification.record(unit, checks, as_of).model_dump())
    for check in checks:
        fault = "" if check["ok"] else f"  first fault: {check['first_fault']}"
        click.echo(f"{'ok    ' if check['ok'] else 'FAILED'}  {check['check']}{fault}")
    click.echo(run["status"])
    if run["status"] != "passed":
        sys.exit(1)


@ledger.command()
def seal() -> None:
    """Seal all that was recorded until now; run again, it seals what is new."""
    with opened() as store:
        done = sealing.seal(store, call("ledger seal"))
    held = f"{done.transactions} transactions, {done.accounts} accounts"
    click.echo(f"{done.seals} seals: {held}, until {done.until.isoformat()}")


@ledger.command()
@click.option("--export", "exports", is_flag=True, help="Keys and seals as JSON Lines, for an auditor to keep.")
def seals(*, exports: bool) -> None:
    """List the seals, or write an auditor's copy of them to standard output."""
    with opened() as store, store.reading(call("ledger seals"), fresh=True) as unit:
        if exports:
            for line in exported(unit):
                click.echo(line, nl=False)
            return
        for made in seals_in_order(unit):
            click.echo(f"{made.number}  {made.recorded_until.isoformat()}  {made.transaction_count}  {made.hash}")


@ledger.command("check-seals")
@click.argument("copy", type=click.File(encoding="utf-8"))
@click.option("--trust", "trusted", multiple=True, help="The id of a key that is known from elsewhere.")
def check_seals(copy: TextIO, trusted: tuple[str, ...]) -> None:
    """Compare the database with an auditor's copy of its seals; exit code 1 and the first fault where they differ."""
    with opened() as store, store.reading(call("ledger check-seals"), fresh=True) as unit:
        fault = copy_fault(unit, copy, trusted)
    if fault is not None:
        click.echo(f"FAILED  {fault}")
        sys.exit(1)
    click.echo("the database agrees with the copy")


@ledger.command("rotate-key")
@click.option("--lost", "is_lost", is_flag=True, help="The private key is lost: the new one is not endorsed by it.")
def rotate(*, is_lost: bool) -> None:
    """Put a new signing key in force; seals made until now keep the key that they were signed with."""
    with opened() as store:
        key = store.run(call("ledger rotate-key"), lambda unit: rotate_key(unit, is_lost=is_lost).model_dump())
    click.echo(f"{key['id']}  public key {key['public_key']}")


@ledger.command()
@click.option("--rebuild", "anew", is_flag=True, help="Throw the folded balances away and make them anew.")
def fold(*, anew: bool) -> None:
    """Fold what was recorded into the balances, up to the present; the worker does so by itself."""
    with opened() as store:
        advance(store)
        until = rebuild(store) if anew else fold_balances(store)
    click.echo(f"folded until {until.isoformat()}")


@ledger.command()
@click.option("--operator", required=True, help="The operator's code.")
@click.option("--month", type=MONTH, required=True, help="The month, such as 2026-03.")
def close(operator: str, month: Month) -> None:
    """Close a month of an operator's books, for good: it takes no entry any more. Again: the same answer."""

    def closed(unit: Unit) -> str:
        period, _is_new = close_month(unit, party_of_kind(unit, operator, "operator", "operator").id, month)
        return f"closed {period.month}; entries take effect from {period.opens_on} on"

    with opened() as store:
        click.echo(store.run(call("ledger close"), closed))


@ledger.command()
@click.option("--operator", required=True, help="The operator's code.")
@click.option("--month", type=MONTH, required=True, help="A closed month, such as 2026-03.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder.")
def archive(operator: str, month: Month, output: Path) -> None:
    """Write a closed month to Parquet: its entries, and the usage events behind them. Again: the same bytes."""
    from reports.book_archive import archive_month  # noqa: PLC0415 - its library takes half a second to load

    with opened() as store, store.reading(call("ledger archive"), fresh=True) as unit:
        book = party_of_kind(unit, operator, "operator", "operator").id
        for made in archive_month(unit, book, month, output):
            click.echo(f"{made.path}  {made.rows} rows  sha256 {made.sha256}")
