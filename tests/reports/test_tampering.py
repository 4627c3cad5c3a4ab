"""Whatever is done to whole books by SQL, the verification finds it and names the first row at fault.

The guards are put off and back as an owner can, and nothing is committed: every change is tried on the same books.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from flask import Flask
from sqlalchemy import text

from ledger.closing import close_month
from ledger.folding import fold
from ledger.seals import seal
from pricing.period import Month
from registry.lookup import find
from registry.tables import Party
from reports import verification
from store.engine import open_engine
from store.horizon import advance
from store.unit import Store
from tests.conftest import LOCAL
from tests.metering.test_reversals import EVENT
from tests.reports.test_sealed import guards_put_off
from tests.web.usage_story import Story
from tests.world import World

EVENTS = ("sealed", "later")
FUTURE = "'2031-01-01T00:00:00.000000Z'"


@dataclass(frozen=True)
class Tampering:
    """What is done, the check that finds it, and what it names: of an event's transaction, where they say ``{of}``."""

    check: str
    names: str
    statements: tuple[str, ...]

    def to(self, event: str, number: int) -> Tampering:
        """Return the same, done to an event and its transaction."""
        statements = tuple(each.format(event=event, of=number) for each in self.statements)
        return Tampering(self.check, self.names.format(event=event, of=number), statements)


NOTHING = Tampering("", "", ())


def swapped(kind: str) -> tuple[str, ...]:
    """Return what exchanges the codes of the newest account of a kind and of the oldest of all."""
    newest, oldest = f"(SELECT max(id) FROM account WHERE kind = '{kind}')", "(SELECT min(id) FROM account)"
    rival = "(SELECT {} FROM party WHERE code = 'rival')"
    return (
        f"UPDATE party SET credit_code = (SELECT code FROM account WHERE id = {newest}) WHERE code = 'rival'",
        f"UPDATE party SET name = (SELECT code FROM account WHERE id = {oldest}) WHERE code = 'rival'",
        f"UPDATE account SET code = 'between' WHERE id = {newest}",
        f"UPDATE account SET code = {rival.format('credit_code')} WHERE id = {oldest}",
        f"UPDATE account SET code = {rival.format('name')} WHERE id = {newest}",
    )


TAMPERING = {
    "a horizon that has not come": Tampering(
        "horizon_reached", "horizon at=2031-01-01", (f"INSERT INTO horizon (at) VALUES ({FUTURE})",)
    ),
    "a horizon that was moved": Tampering(
        "horizon_reached",
        "horizon at=2031-01-01",
        (f"UPDATE horizon SET at = {FUTURE} WHERE at = (SELECT max(at) FROM horizon)",),
    ),
    "a horizon that was removed": Tampering("horizon_reached", "folded_until=2025-04-01", ("DELETE FROM horizon",)),
    "a horizon that was removed with the buckets": Tampering(
        "horizon_reached",
        "seal 1 until=2025-04-01",
        (
            "DELETE FROM horizon",
            "DELETE FROM balance_bucket",
            "UPDATE balance_fold SET folded_until = '1970-01-01T00:00:00.000000Z'",
        ),
    ),
    "a fold that has not come": Tampering(
        "horizon_reached", "folded_until=2031-01-01", (f"UPDATE balance_fold SET folded_until = {FUTURE}",)
    ),
    "horizon and fold that have not come": Tampering(
        "horizon_reached",
        "horizon at=2031-01-01",
        (f"INSERT INTO horizon (at) VALUES ({FUTURE})", f"UPDATE balance_fold SET folded_until = {FUTURE}"),
    ),
    "a month that was opened again": Tampering(
        "seals_hold", "the closed periods are not those that seal 1 attests", ("DELETE FROM closed_period",)
    ),
    "codes of accounts that are sealed": Tampering(
        "accounts_named", "account_id=1, code=output_vat", swapped("output_vat")
    ),
    "codes of accounts, one of which was opened later": Tampering(
        "accounts_named", "account_id=1, code=unbilled_use", swapped("unbilled_use")
    ),
}
OF_AN_EVENT = {
    "the month of service of one leg": Tampering(
        "balanced",
        "transaction_id={of}, asset=CALL, service_month=2025-02, left_over=5000000",
        ("UPDATE ledger_entry SET service_month = '2025-02' WHERE leg = 1 AND transaction_id = {of}",),
    ),
    "the month of service of all legs": Tampering(
        "months_match",
        "transaction_id={of}, service_month=2025-02, service_on=2025-0",
        ("UPDATE ledger_entry SET service_month = '2025-02' WHERE transaction_id = {of}",),
    ),
    "month and day of service of all legs": Tampering(
        "event_digests",
        "event_id={event}, transaction_id={of}",
        ("UPDATE ledger_entry SET service_month = '2025-02', service_on = '2025-02-01' WHERE transaction_id = {of}",),
    ),
    "an event with its key": Tampering(
        "events_booked",
        "transaction_id={of}, announced=1, found=None",
        ("DELETE FROM event_key WHERE event_id = '{event}'", "DELETE FROM usage_event WHERE event_id = '{event}'"),
    ),
    "an event with its key and its posting": Tampering(
        "quotas_match",
        "used=5000000, counted=0",
        (
            "DELETE FROM event_key WHERE event_id = '{event}'",
            "DELETE FROM usage_event WHERE event_id = '{event}'",
            "DELETE FROM ledger_entry WHERE transaction_id = {of}",
            "DELETE FROM ledger_transaction WHERE id = {of}",
        ),
    ),
}
LEG_IN_PARTITION = (
    "INSERT INTO ledger_entry_2025_03 "
    "SELECT {number}, account_id, amount, service_on, recorded_month, {leg}, asset, side, service_month "
    "FROM ledger_entry WHERE leg = 1 AND transaction_id = {{of}}"
)
# Rows reach a partition by its table only, says its guard; but it is silent for who says to be a replica.
IN_PARTITIONS = {
    "a leg more": Tampering(
        "legs_complete",
        "transaction_id={of}, announced=2, found=3",
        (LEG_IN_PARTITION.format(number="transaction_id", leg=9),),
    ),
    "a leg of no head": Tampering(
        "legs_complete", "transaction_id=1000: a leg has no head", (LEG_IN_PARTITION.format(number=1000, leg=1),)
    ),
    "an event more": Tampering(
        "events_booked",
        "transaction_id={of}, announced=1, found=2",
        (
            (
                "INSERT INTO usage_event_2025_03 "
                "SELECT transaction_id, happened_at, recorded_at, quantity, service_on, "
                "number + 1, recorded_month, operator_id, source, event_id || 'x', type, contract_id, offering_id "
                "FROM usage_event WHERE event_id = '{event}'"
            ),
        ),
    ),
}


@pytest.fixture
def books(world: World, app: Flask) -> Store:
    """Books with a closed March and a bill, folded and sealed, and use that came later."""
    store: Store = app.extensions["tariffbook"]
    story = Story(world)
    for name in EVENTS:
        story.contracts[name] = story.quoted([{"offering": "offering", "quantity_limit": "100"}])
    sealed, later = ({**EVENT, "id": name, "contract": name} for name in EVENTS)
    story.play({"steps": [{"send": [sealed], "become": ["accepted"]}, {"clock": "2025-04-02"}]})
    world.invoice(story.contracts["sealed"], "2025-03")
    with store.reading(LOCAL) as unit:
        operator = find(unit, Party, "operator").id
    store.run(LOCAL, lambda unit: close_month(unit, operator, Month(2025, 3))[0].id)
    advance(store)
    fold(store)
    seal(store, LOCAL)
    story.play({"steps": [{"send": [{**later, "time": "2025-04-01T09:00:00+08:00"}], "become": ["accepted"]}]})
    return store


def test_whatever_is_done_to_the_books_is_found_and_named(books: Store, subtests: pytest.Subtests) -> None:
    tried = dict(TAMPERING)
    for event in EVENTS:
        number = transaction_of(books, event)
        tried |= {f"{what}, {event}": each.to(event, number) for what, each in OF_AN_EVENT.items()}
        if books.engine.dialect.name == "postgresql" and event == "sealed":
            tried |= {f"{what} in a partition": each.to(event, number) for what, each in IN_PARTITIONS.items()}
    assert faults_after(books, NOTHING) == {}
    for what, tampering in tried.items():
        with subtests.test(what):
            faults = faults_after(books, tampering)
            assert tampering.names in faults.get(tampering.check, ""), faults
    assert faults_after(books, NOTHING) == {}


def transaction_of(store: Store, event: str) -> int:
    with store.reading(LOCAL) as unit:
        query = text("SELECT transaction_id FROM usage_event WHERE event_id = :event")
        return int(unit.connection.execute(query, {"event": event}).scalar_one())


def faults_after(store: Store, tampering: Tampering) -> dict[str, str]:
    """Return what the verification finds once that was done behind the guards; nothing of it is kept."""
    engine = open_engine(store.settings.database_url, 5, as_owner=True)
    with engine.connect() as connection, store.reading(LOCAL) as unit:
        guards = guards_put_off(connection)
        for statement in tampering.statements:
            assert connection.execute(text(statement)).rowcount > 0, statement
        for guard in guards:
            connection.execute(text(guard))
        checks = verification.findings(replace(unit, connection=connection))
        connection.rollback()
    engine.dispose()
    return {check["check"]: check["first_fault"] for check in checks if not check["ok"]}
