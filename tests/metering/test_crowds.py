"""Many callers at once, on connections of their own: each event counts once, and limits hold to the last unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlmodel import col

from metering.tables import Quota, UsageEvent
from store.unit import Store
from tests.conftest import LOCAL
from tests.web.usage_story import Story
from tests.world import World


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction in which one contract is in force."""
    return Story(world)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make all calls at the same moment, each in a thread of its own; return their results in order."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], Any]) -> Any:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def sender(story: Story, *events: dict[str, Any]) -> Callable[[], Any]:
    """Return a call that sends a batch."""
    operator = story.world.operator
    body = {"events": [story.event(event) for event in events]}
    return lambda: operator.made("/usage-events", body)


def test_of_twenty_parallel_posts_of_one_event_one_is_accepted(story: Story) -> None:
    answers = at_once([sender(story, {"quantity": "5"})] * 20)
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"accepted": 1, "duplicate": 19}
    assert (
        story.world.operator.seen("/usage", contract=story.contracts["contract"], offering="offering")["accepted"]
        == "5"
    )


def test_parallel_posts_of_one_key_with_different_contents_keep_one_of_them(story: Story) -> None:
    answers = at_once([sender(story, {"quantity": str(number + 1)}) for number in range(10)])
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"accepted": 1, "conflict": 9}


@pytest.mark.parametrize("limited", ["grant", "quote"])
def test_batches_that_race_for_the_last_units_get_exactly_what_there_is(story: Story, app: Flask, limited: str) -> None:
    terms = [{"offering": "offering", "quantity_limit": "10"}]
    given = {"grant": "last", "quantity_limit": "10"} if limited == "grant" else {"quoted": "last", "terms": terms}
    story.play({"given": [given], "steps": []})
    offering = "welfare" if limited == "grant" else "offering"
    batches = [
        [{"contract": "last", "offering": offering, "id": f"{caller}-{number}"} for number in range(3)]
        for caller in range(8)
    ]
    answers = at_once([sender(story, *batch) for batch in batches])
    assert sum(answer["accepted"] for answer in answers) == 10
    assert sum(answer["refused"] for answer in answers) == 14
    store: Store = app.extensions["tariffbook"]
    with store.reading(LOCAL) as unit:
        assert unit.session.execute(select(col(Quota.used))).scalars().all() == [10 * 10**6]


def test_batches_of_the_same_events_in_opposite_orders_end_without_a_deadlock(story: Story, app: Flask) -> None:
    terms = [{"offering": "offering", "quantity_limit": "100000"}]
    story.play({"given": [{"quoted": name, "terms": terms} for name in ("one", "two")], "steps": []})
    events = [{"id": f"e{number}", "contract": ("one", "two", "contract")[number % 3]} for number in range(90)]
    for round_ in range(3):
        named = [{**event, "source": f"round-{round_}"} for event in events]
        answers = at_once([sender(story, *(named if caller % 2 else reversed(named))) for caller in range(4)])
        assert sum(answer["accepted"] for answer in answers) == 90
        assert sum(answer["duplicates"] for answer in answers) == 270
    store: Store = app.extensions["tariffbook"]
    with store.reading(LOCAL) as unit:
        assert len(unit.session.execute(select(col(UsageEvent.event_id))).all()) == 270
