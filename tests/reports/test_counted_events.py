"""Whoever changes a counted event behind the guards is found, whatever the column, on both databases."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, text

from reports import verification
from reports.counted_events import events_fault
from store.unit import Store
from tests.conftest import LOCAL
from tests.metering.test_reversals import BACK, EVENT
from tests.reports.test_sealed import guards_put_off
from tests.web.usage_story import Story
from tests.world import World

OTHER_MOMENT = "'2025-03-01T00:00:00.000001Z'"
CHANGES = {
    "operator_id": "(SELECT id FROM party WHERE code = 'buyer')",
    "source": "source || 'x'",
    "event_id": "event_id || 'x'",
    "type": "type || 'x'",
    "contract_id": "contract_id || 'x'",
    "offering_id": "offering_id || 'x'",
    "happened_at": OTHER_MOMENT,
    "service_on": "'2025-03-02'",
    "quantity": "quantity + 1",
    "transaction_id": "(SELECT transaction_id FROM usage_event WHERE event_id = 'other')",
    "recorded_at": OTHER_MOMENT,
    "number": "number + 100",
    "recorded_month": "recorded_month + 1",
}
KEY_CHANGES = {
    "operator_id": "(SELECT id FROM party WHERE code = 'buyer')",
    "source": "source || 'x'",
    "event_id": "event_id || 'x'",
    "content_hash": "(SELECT content_hash FROM event_key WHERE event_id = 'other')",
    "transaction_id": "(SELECT transaction_id FROM event_key WHERE event_id = 'other')",
    "number": "number + 100",
    "recorded_month": "recorded_month + 1",
}
LINKS = {"transaction_id"}
"""What says to which transaction an event belongs; both of them then have another digest."""
BACK_CHANGES = {"reversed_source": "reversed_source || 'x'", "reversed_id": "'other'"}


def change(store: Store, statement: str, **given: object) -> None:
    """Change rows as an owner can, behind the guards."""
    engine = create_engine(store.settings.database_url)
    with engine.connect() as connection:
        guards = guards_put_off(connection)
        assert connection.execute(text(statement), given).rowcount == 1, statement
        for guard in guards:
            connection.execute(text(guard))
        connection.commit()
    engine.dispose()


def fault(store: Store) -> str | None:
    with store.reading(LOCAL) as unit:
        return events_fault(unit)


def faults(store: Store) -> dict[str, str]:
    with store.reading(LOCAL) as unit:
        return {check["check"]: check["first_fault"] for check in verification.findings(unit) if not check["ok"]}


def test_a_change_of_any_column_of_a_counted_event_is_found_and_named(world: World, app: Flask) -> None:
    store: Store = app.extensions["tariffbook"]
    other = {"id": "other", "quantity": "5", "time": "2025-03-02T09:00:00+08:00"}
    send = [{**EVENT, "time": "2025-03-01T09:00:00.25+08:00"}, other]
    story = Story(world)
    story.play({"steps": [{"clock": "2025-03-03"}, {"send": send, "become": ["accepted"] * 2}]})
    assert faults(store) == {}
    for table, changes in (("usage_event", CHANGES), ("event_key", KEY_CHANGES)):
        with store.reading(LOCAL) as unit:
            rows = unit.connection.execute(text(f"SELECT * FROM {table} WHERE event_id = 'a'")).mappings()
            [before] = [dict(row) for row in rows]
        assert before.keys() == changes.keys()
        for column, value in changes.items():
            kept = "ax" if column == "event_id" else "a"
            name = kept if table == "usage_event" else "a"
            change(store, f"UPDATE {table} SET {column} = {value} WHERE event_id = 'a'")
            named = "transaction_id=" if column in LINKS else f"event_id={name},"
            assert named in str(fault(store)), column
            change(store, f"UPDATE {table} SET {column} = :was WHERE event_id = '{kept}'", was=before[column])
            assert fault(store) is None, column


@pytest.mark.parametrize("column", BACK_CHANGES)
def test_a_change_of_what_a_reversal_takes_back_is_found_and_named(world: World, app: Flask, column: str) -> None:
    store: Store = app.extensions["tariffbook"]
    other = {**EVENT, "id": "other"}
    story = Story(world)
    story.play(
        {"steps": [{"send": [EVENT, other], "become": ["accepted"] * 2}, {"send": [BACK], "become": ["accepted"]}]}
    )
    assert faults(store) == {}
    change(store, f"UPDATE usage_reversal SET {column} = {BACK_CHANGES[column]}")
    assert "event_id=r," in str(fault(store))


def test_a_key_without_its_event_is_found(world: World, app: Flask) -> None:
    store: Store = app.extensions["tariffbook"]
    Story(world).play({"steps": [{"send": [EVENT], "become": ["accepted"]}]})
    change(store, "DELETE FROM usage_event")
    assert "event_id=a," in faults(store)["keys_have_events"]


@pytest.mark.parametrize("name", ["free", "limited"])
def test_a_limit_that_counts_nothing_any_more_is_found(world: World, app: Flask, name: str) -> None:
    store: Store = app.extensions["tariffbook"]
    story = Story(world)
    limited = {"quoted": "limited", "terms": [{"offering": "offering", "quantity_limit": "10"}]}
    story.play(
        {
            "given": [{"grant": "free", "quantity_limit": "10"}, limited],
            "steps": [
                {"send": [{**EVENT, "contract": "free", "offering": "welfare"}], "become": ["accepted"]},
                {"send": [{**EVENT, "id": "other", "contract": "limited"}], "become": ["accepted"]},
            ],
        }
    )
    assert faults(store) == {}
    change(store, "DELETE FROM quota WHERE contract_id = :contract", contract=story.contracts[name])
    assert f"contract_id={story.contracts[name]}," in faults(store)["quotas_match"]


def test_no_check_goes_through_all_events_for_each_of_them(world: World, app: Flask) -> None:
    store: Store = app.extensions["tariffbook"]
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL can join such tables by a hash; SQLite looks each row up")
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert faults(store) == {}
    with store.engine.connect() as connection:
        plans = {
            statement: [
                row[3]
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))
            ]
            for statement in tuple(asked)
            if "LEFT JOIN usage_event" in statement or "LEFT JOIN event_key" in statement
        }
    assert len(plans) >= 4
    assert [(steps, statement) for statement, steps in plans.items() if any(map(_is_scan_inside, steps))] == []


def _is_scan_inside(step: str) -> bool:
    return "LEFT-JOIN" in step and step.startswith("SCAN")


def test_legs_without_a_head_are_found(world: World, app: Flask) -> None:
    store: Store = app.extensions["tariffbook"]
    Story(world).play({"steps": [{"send": [EVENT], "become": ["accepted"]}]})
    change(store, "DELETE FROM ledger_transaction")
    assert "transaction_id=" in faults(store)["legs_complete"]
