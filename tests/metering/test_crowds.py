"""Many callers at once, on connections of their own: each event counts once, and limits hold to the last unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select
from sqlmodel import col

from metering.tables import Quota, UsageEvent
from store.tables import AuditEntry, StoredAnswer
from store.unit import Store
from tests.conftest import LOCAL
from tests.web.usage_story import Story
from tests.world import World

ACTION = "send_usage_events"


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction in which one contract is in force."""
    return Story(world)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each batch have a transaction of its own and no second attempt: nothing but locks and keys keeps order."""
    monkeypatch.setattr("web.api.usage_events.SMALL_BATCH_EVENTS", 0)
    monkeypatch.setattr("store.unit.ATTEMPTS_MAX", 1)


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


@pytest.mark.usefixtures("apart")
def test_of_twenty_parallel_posts_of_one_event_one_is_accepted(story: Story) -> None:
    answers = at_once([sender(story, {"quantity": "5"})] * 20)
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"accepted": 1, "duplicate": 19}
    assert (
        story.world.operator.seen("/usage", contract=story.contracts["contract"], offering="offering")["accepted"]
        == "5"
    )


@pytest.mark.usefixtures("apart")
def test_parallel_posts_of_one_key_with_different_contents_keep_one_of_them(story: Story) -> None:
    answers = at_once([sender(story, {"quantity": str(number + 1)}) for number in range(10)])
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"accepted": 1, "conflict": 9}


@pytest.mark.usefixtures("apart")
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


@pytest.mark.usefixtures("apart")
def test_batches_of_the_same_events_in_opposite_orders_end_without_a_deadlock(story: Story, app: Flask) -> None:
    # Without a limit there is no row that all of them lock first: the keys alone are what they meet at.
    events = [{"id": f"e{number:04}"} for number in range(3000)]
    answers = at_once([sender(story, *events), sender(story, *reversed(events))])
    assert sorted(answer["accepted"] for answer in answers) == [0, 3000]
    assert sorted(answer["duplicates"] for answer in answers) == [0, 3000]
    store: Store = app.extensions["tariffbook"]
    with store.reading(LOCAL) as unit:
        assert unit.connection.execute(select(func.count()).select_from(UsageEvent)).scalar_one() == 3000


@pytest.mark.usefixtures("apart")
def test_batches_that_count_against_the_same_limits_in_opposite_orders_end_without_a_deadlock(
    story: Story, app: Flask
) -> None:
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
        assert unit.connection.execute(select(func.count()).select_from(UsageEvent)).scalar_one() == 270


def test_calls_served_together_keep_their_own_keys_answers_and_rows_in_the_log(story: Story, store: Store) -> None:
    operator = story.world.operator
    bodies = [{"events": [story.event({"id": f"e{number}", "quantity": "1"})]} for number in range(12)]

    def send(key: str, body: dict[str, Any]) -> Callable[[], Any]:
        return lambda: operator.post("/usage-events", body, key=key)

    # Each of six requests comes twice under its key; of the others, two share a key that only one of them can have.
    answers = at_once(
        [send(f"k{number}", bodies[number]) for number in range(6)] * 2
        + [send(f"k{number}", bodies[number]) for number in range(6, 10)]
        + [send("shared", bodies[10]), send("shared", bodies[11])]
    )
    counted = [answer.json["accepted"] for answer in answers if answer.status_code == 201]
    assert counted == [1] * 17
    assert [answer.json["code"] for answer in answers if answer.status_code != 201] == ["idempotency_key_reused"]
    assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 6
    with store.reading(LOCAL) as unit:
        rows = unit.connection.execute(select(col(AuditEntry.detail)).where(col(AuditEntry.action) == ACTION)).scalars()
        assert [row["accepted"] for row in rows if "accepted" in row] == [1] * 11
        assert unit.connection.execute(select(func.count()).select_from(UsageEvent)).scalar_one() == 11


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_key_whose_first_request_is_still_running_keeps_no_neighbour_waiting(story: Story, store: Store) -> None:
    operator = story.world.operator
    bodies = [{"events": [story.event({"id": f"e{number}", "quantity": "1"})]} for number in range(8)]
    held = insert(StoredAnswer).values(
        principal=f"operator:{operator.seen('/contracts')['items'][0]['operator_id']}",
        key="held",
        request_hash="-",
        recorded_at=datetime.now(UTC),
    )

    def send(number: int) -> tuple[int, float]:
        begun = monotonic()
        status = operator.post("/usage-events", bodies[number], key="held" if number == 0 else f"k{number}").status_code
        return status, monotonic() - begun

    with store.engine.connect() as connection, connection.begin() as first:
        connection.execute(held)
        with ThreadPoolExecutor(len(bodies)) as pool:
            waits = pool.submit(send, 0)
            answers = list(pool.map(send, range(1, len(bodies))))
            assert [status for status, _ in answers] == [201] * 7
            assert max(seconds for _, seconds in answers) < store.settings.wait_seconds_max / 2
            assert not waits.done()
            first.rollback()
            assert waits.result()[0] == 201
