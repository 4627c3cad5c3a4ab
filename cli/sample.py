"""``tariffbook demo``: the sample jurisdiction, played once into a sandbox, and a key for each role in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import click
from sqlalchemy import select
from sqlmodel import col

from cli.play import Player
from cli.sample_year import Act, Year
from cli.story import StoryBroken, read_steps, read_yaml
from cli.terminal import call, opened
from migrations.schema import migrate
from pricing.errors import Conflict
from pricing.period import format_instant, parse_instant
from registry.keys import create_key
from registry.tables import Party
from store.settings import Settings
from store.tables import AuditEntry
from store.unit import Store, Unit

FOLDER: Final = Path(__file__).parent / "sample"
START: Final = "2025-03-01T00:00:00+08:00"
FIRST_PARTY: Final = "data-bureau"
PLAYED: Final = "sample played"
"""The action under which the log tells that the story was played to its end."""

KEYS: Final = (
    ("ADMIN_KEY", "admin", None),
    ("OPERATOR_KEY", "operator", "operator"),
    ("GRANTOR_KEY", "grantor", "data-bureau"),
    ("REGULATOR_KEY", "regulator", "price-authority"),
    ("PROVIDER_KEY", "provider", "transport-centre"),
    ("BUYER_KEY", "buyer", "courier"),
    ("AUDITOR_KEY", "auditor", "audit-office"),
)
"""The keys that are printed: the variable, the role, the party."""


class SampleElsewhere(Conflict):
    """The database holds something else, or a play of the sample that cannot be gone on with."""

    code = "sample_elsewhere"


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the API will be served.")
def demo(url: str) -> None:
    """Load and play the sample jurisdiction (once), and print a key for each role.

    The database becomes a sandbox whose clock starts on 2025-03-01. Stopped half way, the command goes on where it
    was. Each run prints new keys; earlier ones stay valid.
    """
    migrate(Settings.from_environment(), sandbox=True, start=parse_instant(START))
    with opened() as store:
        if not _is_played(store):
            _play(store)
        _tell(store, url)


def _is_played(store: Store) -> bool:
    with store.reading(call(PLAYED)) as unit:
        done = select(col(AuditEntry.id)).where(col(AuditEntry.action) == f"cli {PLAYED}").limit(1)
        if unit.session.execute(done).first() is not None:
            return True
        _require_own(unit)
    return False


def _require_own(unit: Unit) -> None:
    """Refuse a sandbox in which somebody has already begun something else."""
    first = unit.session.execute(select(col(Party.code)).order_by(col(Party.id)).limit(1)).scalar_one_or_none()
    if first not in (None, FIRST_PARTY):
        message = (
            f"this sandbox holds other parties already, such as {first}: the sample wants one of its own, "
            "named in TARIFFBOOK_DATABASE_URL"
        )
        raise SampleElsewhere(message)


def _play(store: Store) -> None:
    click.echo("playing the sample jurisdiction 示例市 (invented) from 2025-03 on, in about half a minute")
    player = Player(store)
    year = Year(player, read_yaml(FOLDER / "routine.yaml"), read_yaml(FOLDER / "use.yaml"), click.echo)
    steps: Iterable[Act] = ((step.at, partial(player.play, step)) for step in read_steps(FOLDER))
    try:
        for _, act in sorted([*steps, *year.acts()], key=_instant):
            act()
    except StoryBroken as broken:
        message = (
            f"{broken}; this play cannot be gone on with: remove the database and begin anew, or name another one in "
            "TARIFFBOOK_DATABASE_URL"
        )
        raise SampleElsewhere(message) from broken
    store.run(call(PLAYED), lambda _unit: None)


def _instant(act: Act) -> datetime:
    return act[0]


def _tell(store: Store, url: str) -> None:
    with store.reading(call("demo")) as unit:
        clock = format_instant(unit.now.replace(microsecond=0), unit.zone)
    click.echo(f"the sample is ready; its clock says {clock} and runs on")
    click.echo(f"API {url}/api/v1   documentation {url}/api/v1/docs   ready {url}/readyz")
    parties = ", ".join(party for _, _, party in KEYS if party)
    click.echo(f"\nkeys, one a role: the administrator's, then those of {parties}:\n")
    for variable, role, party in KEYS:
        given = {"role": role, "party": party, "expires_at": None}
        _, text = store.run(call("demo key"), lambda unit, given=given: create_key(unit, given))  # type: ignore[misc]
        click.echo(f"export {variable}={shlex.quote(text)}")
    click.echo("\ntry, after pasting the keys:\n")
    click.echo(f"curl -s {url}/api/v1/public/prices")
    click.echo(f'curl -s -H "Authorization: Bearer $OPERATOR_KEY" "{url}/api/v1/invoices?month=2026-03"')
    click.echo(
        f'curl -s -H "Authorization: Bearer $REGULATOR_KEY" '
        f'"{url}/api/v1/reports/cap-compliance?operator=operator&from=2025-01-01&until=2026-01-01"'
    )
    click.echo("")
