"""Usage events through the API: counted once, judged one by one, kept where they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.world import World, usage_event

NOON = "2025-03-01T00:00:00+08:00"


@pytest.fixture
def world(admin: Client) -> World:
    """A jurisdiction with one priced offering."""
    founded = World.founded(admin)
    founded.priced()
    return founded


def send(world: World, *events: Any, client: Client | None = None) -> Any:
    return (client or world.operator).made("/usage-events", {"events": list(events)})


def statuses(answer: Any) -> list[str]:
    return [result["status"] for result in answer["results"]]


def codes(answer: Any) -> list[str | None]:
    return [result.get("code") for result in answer["results"]]


def use(world: World, contract: str, offering: str = "offering", **month: str) -> Any:
    return world.operator.seen("/usage", contract=contract, offering=offering, **month)


def test_the_same_event_sent_three_times_is_counted_once(world: World) -> None:
    contract = world.contract()["id"]
    event = usage_event("e1", contract, "offering", "5", NOON)
    answer = send(world, event, event, event)
    assert (answer["accepted"], answer["duplicates"], answer["conflicts"], answer["refused"]) == (1, 2, 0, 0)
    assert statuses(answer) == ["accepted", "duplicate", "duplicate"]
    assert statuses(send(world, event)) == ["duplicate"]
