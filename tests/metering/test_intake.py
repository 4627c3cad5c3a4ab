"""Batches of events taken in: how they are booked, and what holds after any of them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from ledger.tables import Transaction
from metering.events import events_digest
from metering.tables import EventKey, Quota, UsageEvent
from pricing.money import parse_quantity
from store.unit import Store
from tests.conftest import LOCAL
from tests.statements import counted
from tests.web.usage_story import STATES, Story
from tests.world import World


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction with a contract, one of limited quantity, and a grant of limited quantity."""
    made = Story(world)
    made.play(
        {
            "given": [
                {"quoted": "limited", "terms": [{"offering": "offering", "quantity_limit": "30"}]},
                {"grant": "free", "quantity_limit": "30"},
            ],
            "steps": [{"clock": "2025-03-04"}],
        }
    )
    return made


@pytest.fixture
def store(app: Flask) -> Store:
    """The store of the application under test."""
    found: Store = app.extensions["tariffbook"]
    return found


def send(story: Story, *events: Any) -> Any:
    return story.world.operator.made("/usage-events", {"events": [story.event(event) for event in events]})


def test_a_batch_posts_one_transaction_a_contract_offering_and_day_that_attests_its_events(
    story: Story, store: Store
) -> None:
    send(
        story,
        {"id": "b", "quantity": "2"},
        {"id": "a", "quantity": "1"},
        {"id": "c", "quantity": "4", "time": "2025-03-02T00:00:00+08:00"},
        {"id": "d", "quantity": "8", "contract": "free", "offering": "welfare"},
    )
    with store.reading(LOCAL) as unit:
        heads = unit.session.execute(select(Transaction).where(col(Transaction.kind) == "usage")).scalars().all()
        events = defaultdict(list)
        for event in unit.session.execute(select(UsageEvent).order_by(col(UsageEvent.event_id))).scalars():
            events[event.transaction_id].append(event)
        keys = unit.session.execute(select(EventKey)).scalars().all()
    hashes = {key.event_id: key.content_hash for key in keys}
    assert sorted(len(events[head.id or 0]) for head in heads) == [1, 1, 2]
    for head in heads:
        counted = events[head.id or 0]
        assert head.event_count == len(counted)
        assert head.effective_on == counted[0].service_on
        assert head.event_digest == events_digest(hashes[e.event_id] for e in counted)


def test_a_batch_takes_as_many_statements_whatever_its_size(
    story: Story, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.usage_events.SMALL_BATCH_EVENTS", 0)  # a small one goes its own way with others
    kinds: list[dict[str, str]] = [{}, {"contract": "wide"}, {"contract": "broad", "offering": "welfare"}]
    terms = [{"offering": "offering", "quantity_limit": "100000"}]
    grant = {"grant": "broad", "quantity_limit": "100000"}
    story.play({"given": [{"quoted": "wide", "terms": terms}, grant], "steps": []})

    def statements(prefix: str, size: int) -> list[str]:
        events = [{"id": f"{prefix}{number}", **kinds[number % 3]} for number in range(size)]
        with counted(store.engine) as sent:
            # Some come twice, and some were counted before.
            answer = send(story, *events, *events[::2], *before[:size])
        assert (answer["accepted"], answer["duplicates"]) == (size, size + size // 2)
        return sent

    before = [{"id": f"before{number}", **kinds[number % 3]} for number in range(1000)]
    send(story, *before)
    few, many = statements("few", 10), statements("many", 1000)
    assert [statement.split()[0] for statement in many] == [statement.split()[0] for statement in few]
    assert len(few) < 40


def test_a_batch_of_which_nothing_is_new_posts_nothing(story: Story, store: Store) -> None:
    send(story, {})
    send(story, {}, {"quantity": "2"}, {"id": "b", "contract": "none"})
    with store.reading(LOCAL) as unit:
        assert len(unit.session.execute(select(col(Transaction.id))).all()) == 1


_EVENTS = st.fixed_dictionaries(
    {
        "id": st.integers(0, 40).map(str),
        "place": st.sampled_from([("contract", "offering"), ("limited", "offering"), ("free", "welfare")]),
        "quantity": st.sampled_from(["1", "2.5", "7", "0.000001"]),
        "time": st.sampled_from(["2025-03-01T12:00:00+08:00", "2025-03-03T12:00:00+08:00", "2024-01-01T00:00:00Z"]),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(_EVENTS, min_size=1, max_size=12), min_size=1, max_size=4))
def test_after_any_batches_use_is_conserved_limits_hold_and_each_key_counts_once(
    story: Story, store: Store, batches: list[list[dict[str, Any]]]
) -> None:
    for batch in batches:
        answer = send(story, *(_event(given) for given in batch))
        told = ("accepted", "duplicates", "conflicts", "refused")
        assert sum(answer[name] for name in told) == len(batch) == len(answer["results"])
    sums = _sums_of_events(store)
    for contract, offering in (("contract", "offering"), ("limited", "offering"), ("free", "welfare")):
        seen = story.world.operator.seen("/usage", contract=story.contracts[contract], offering=offering)
        micro = {state: parse_quantity(seen[state]) for state in STATES}
        assert micro["accepted"] == sum(micro[state] for state in STATES[1:])
        assert micro["accepted"] == sums[story.contracts[contract]]
        assert contract == "contract" or micro["accepted"] <= 30 * 10**6
    with store.reading(LOCAL) as unit:
        counted = {row.contract_id: row.used for row in unit.session.execute(select(Quota)).scalars()}
    assert counted == {contract: sums[contract] for contract in counted}


def _event(given: dict[str, Any]) -> dict[str, Any]:
    contract, offering = given["place"]
    return {"contract": contract, "offering": offering, **{k: v for k, v in given.items() if k != "place"}}


def _sums_of_events(store: Store) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    with store.reading(LOCAL) as unit:
        for event in unit.session.execute(select(UsageEvent)).scalars():
            sums[event.contract_id] += event.quantity
    return sums
