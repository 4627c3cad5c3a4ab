"""Usage events through the API: counted once, judged one by one, kept where they are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from metering import intake
from tests.client import Client
from tests.pricing import case_files
from tests.web.usage_story import AT_START, Story
from tests.world import World


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction in which one contract is in force."""
    return Story(world)


def send(story: Story, *events: Mapping[str, Any]) -> Any:
    return story.world.operator.made("/usage-events", {"events": [story.event(event) for event in events]})


def accepted(story: Story, contract: str = "contract", offering: str = "offering") -> str:
    seen = story.world.operator.seen("/usage", contract=story.contracts[contract], offering=offering)
    return str(seen["accepted"])


@pytest.mark.parametrize("case", case_files.cases("usage"))
def test_events_become_what_the_case_says(story: Story, case: Mapping[str, Any]) -> None:
    story.play(case)


def test_a_retry_under_the_same_idempotency_key_gets_the_first_answer(story: Story) -> None:
    body = {"events": [story.event({})]}
    first, again = (story.world.operator.post("/usage-events", body, key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert again.headers["Idempotent-Replayed"] == "true"
    other = story.world.operator.post("/usage-events", {"events": [story.event({"id": "e2"})]}, key="k")
    assert (other.status_code, (other.json or {})["code"]) == (422, "idempotency_key_reused")
    assert accepted(story) == "1"


def test_a_write_that_fails_after_the_events_were_read_is_counted_once_when_it_is_sent_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"events": [story.event({})]}
    monkeypatch.setattr(intake, "post", _fail)
    assert story.world.operator.post("/usage-events", body, key="k").status_code == 500
    monkeypatch.undo()
    answer = story.world.operator.post("/usage-events", body, key="k")
    assert (answer.json or {})["accepted"] == 1
    assert accepted(story) == "1"


def _fail(*_given: object) -> None:
    raise OSError("no space left on device")


def test_a_batch_holds_ten_thousand_events_and_no_more(story: Story) -> None:
    events = [{"id": f"e{number}", "quantity": "0.5"} for number in range(10_000)]
    assert send(story, *events)["accepted"] == 10_000
    assert accepted(story) == "5000"
    more = {"events": [story.event(event) for event in [*events, {}]]}
    story.world.operator.refused("/usage-events", more, 413, "too_many_events")


def test_one_batch_can_hold_more_use_of_a_day_than_one_entry_of_the_books(story: Story) -> None:
    most = "999999999.999999"
    assert send(story, *({"id": f"e{number}", "quantity": most} for number in range(3)))["accepted"] == 3
    assert accepted(story) == "2999999999.999997"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"events"}),
        ({"events": []}, {"events"}),
        ({"events": {}}, {"events"}),
        ({"events": None, "source": "x"}, {"events", "source"}),
        ([], set()),
    ],
)
def test_a_body_that_is_no_batch_is_malformed(story: Story, body: Any, fields: set[str]) -> None:
    problem = story.world.operator.refused("/usage-events", body, 400, "malformed")
    assert set(problem.get("errors", {})) == fields


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"events": [{"id": NaN}]}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_malformed(story: Story, text: bytes) -> None:
    headers = {"Authorization": f"Bearer {story.world.operator.key}", "Idempotency-Key": "k"}
    answer = story.world.admin.app.test_client().post(
        "/api/v1/usage-events", data=text, headers=headers, content_type="application/json"
    )
    assert (answer.status_code, (answer.json or {})["code"]) == (400, "malformed")


def test_text_that_is_no_utf8_costs_its_neighbours_nothing(story: Story) -> None:
    good, bad = story.event({}), story.event({"id": "b"})
    text = Client(story.world.admin.app).app.json.dumps({"events": [bad, good]}).encode()
    headers = {"Authorization": f"Bearer {story.world.operator.key}", "Idempotency-Key": "k"}
    answer = story.world.admin.app.test_client().post(
        "/api/v1/usage-events",
        data=text.replace(b'"b"', b'"\xff"'),
        headers=headers,
        content_type="application/json",
    )
    assert [result["status"] for result in (answer.json or {})["results"]] == ["refused", "accepted"]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (b'"\\ud800"', "id: the control character '\\ud800' is not text"),
        (b"[" * 500 + b"]" * 500, "nested more than 32 deep"),
        (b"[" * 1500 + b"]" * 1500, "nested more than 32 deep"),
        (b"[" * 50_000 + b"]" * 50_000, "nested more than 32 deep"),
    ],
)
def test_what_json_allows_and_no_text_or_stack_can_hold_costs_its_neighbours_nothing(
    story: Story, odd: bytes, said: str
) -> None:
    events = [story.event({"id": name}) for name in ("a", "odd", "b")]
    text = story.world.admin.app.json.dumps({"events": events}).encode().replace(b'"odd"', odd)
    headers = {"Authorization": f"Bearer {story.world.operator.key}", "Idempotency-Key": "k"}
    answer = story.world.admin.app.test_client().post(
        "/api/v1/usage-events", data=text, headers=headers, content_type="application/json"
    )
    results = (answer.json or {})["results"]
    assert [result["status"] for result in results] == ["accepted", "refused", "accepted"]
    assert results[1]["code"] == "malformed_event"
    assert said in results[1]["detail"]
    [kept] = story.world.operator.seen("/refused-usage-events")["items"]
    assert kept["truncated"] == (len(odd) > 4000)
    if isinstance(kept["event"], str):
        assert odd.decode()[:3000] in kept["event"]
    else:  # not too deep to be shown
        assert kept["event"] == {**events[1], "id": msgspec.json.decode(odd)}
    assert story.world.operator.seen(f"/refused-usage-events/{kept['id']}") == kept
    if not kept["truncated"]:
        again = story.world.operator.made(f"/refused-usage-events/{kept['id']}/replay", status=200)
        assert (again["code"], again["outcome"]) == ("malformed_event", None)


def test_only_an_operator_sends_events(story: Story) -> None:
    for client in (story.world.buyer, story.world.regulator, story.world.auditor, story.world.admin):
        assert client.post("/usage-events", {"nonsense": True}).status_code == 403


def test_a_refused_event_is_kept_and_counted_once_its_cause_is_mended(story: Story) -> None:
    story.play(
        {
            "given": [{"contract": "late", "consent_reference": None}],
            "steps": [{"send": [{"contract": "late"}], "become": ["refused: contract_not_accepted"]}],
        }
    )
    [kept] = story.world.operator.seen("/refused-usage-events", contract=story.contracts["late"])["items"]
    assert (kept["code"], kept["event"]) == ("contract_not_accepted", story.event({"contract": "late"}))
    replay = f"/refused-usage-events/{kept['id']}/replay"
    still = story.world.operator.made(replay, status=200)
    assert (still["code"], still["outcome"], still["judged_at"] is None) == ("contract_not_accepted", None, False)
    story.world.buyer.made(f"/contracts/{story.contracts['late']}/accept", status=200)
    assert story.world.operator.made(replay, status=200)["outcome"] == "accepted"
    assert story.world.operator.made(replay, status=200)["outcome"] == "accepted"
    assert accepted(story, "late") == "1"
    assert story.world.auditor.seen(f"/refused-usage-events/{kept['id']}")["outcome"] == "accepted"


def test_an_event_refused_again_is_kept_once_with_the_newest_reason(story: Story) -> None:
    send(story, {"contract": "none"}, {"contract": "none"})
    story.world.clock("2026-06-01")
    send(story, {"contract": "none"})
    [kept] = story.world.operator.seen("/refused-usage-events")["items"]
    assert kept["code"] == "time_too_old"
    assert story.world.operator.seen("/refused-usage-events", code="contract_unknown")["items"] == []


def test_a_conflict_is_kept_beside_the_refused(story: Story) -> None:
    send(story, {"quantity": "5"}, {"quantity": "7"})
    [kept] = story.world.operator.seen("/refused-usage-events")["items"]
    assert (kept["code"], kept["event"]["data"]["quantity"]) == ("key_conflict", "7")
    replayed = story.world.operator.made(f"/refused-usage-events/{kept['id']}/replay", status=200)
    assert (replayed["code"], replayed["outcome"]) == ("key_conflict", None)


def test_a_long_refused_event_is_kept_in_part_and_cannot_be_replayed(story: Story) -> None:
    send(story, {"quantity": "0", "extra": "字" * 3000})
    [kept] = story.world.operator.seen("/refused-usage-events")["items"]
    assert kept["truncated"]
    assert isinstance(kept["event"], str)
    story.world.operator.refused(f"/refused-usage-events/{kept['id']}/replay", None, 422, "event_truncated")


def test_refused_events_are_seen_by_their_operator_and_those_who_oversee_it(story: Story) -> None:
    send(story, {"contract": "none"})
    [kept] = story.world.regulator.seen("/refused-usage-events")["items"]
    for client in (story.world.rival, story.world.other_regulator, story.world.other_grantor):
        assert client.seen("/refused-usage-events")["items"] == []
        assert client.get(f"/refused-usage-events/{kept['id']}").status_code == 404
    story.world.rival.refused(f"/refused-usage-events/{kept['id']}/replay", None, 404, "not_found")


def test_accepted_events_are_listed_page_by_page_in_the_order_of_counting(story: Story) -> None:
    send(story, *({"id": f"e{number}"} for number in (3, 1, 2)))
    send(story, {"id": "字 /e9", "source": "字" * 256})
    first = story.world.operator.seen("/usage-events", limit=2)
    assert [item["id"] for item in first["items"]] == ["e1", "e2"]
    second = story.world.operator.seen("/usage-events", limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in second["items"]] == ["e3", "字 /e9"]
    assert second["next_cursor"] is None
    assert story.world.operator.get("/usage-events", cursor="nonsense").status_code == 400


def test_accepted_events_are_narrowed_by_contract_and_month(story: Story) -> None:
    story.contracts["second"] = story.world.contract()["id"]
    story.world.clock("2025-04-02")
    send(story, {"id": "march"}, {"id": "april", "time": "2025-04-01T00:00:00+08:00"})
    send(story, {"id": "second", "contract": "second"})

    def listed(**query: str) -> list[str]:
        return [item["id"] for item in story.world.buyer.seen("/usage-events", **query)["items"]]

    assert sorted(listed()) == ["april", "march", "second"]
    assert listed(contract=story.contracts["second"]) == ["second"]
    assert listed(contract=story.contracts["contract"], month="2025-04") == ["april"]


def test_an_accepted_event_says_what_was_counted_and_where_it_is_booked(story: Story) -> None:
    send(story, {"id": "a/1", "quantity": "2.50", "time": "2025-02-28T16:00:00Z"})
    seen = story.world.buyer.seen("/usage-events/a/1", source="gateway")
    assert {name: seen[name] for name in ("id", "source", "time", "service_on", "quantity", "contract")} == {
        "id": "a/1",
        "source": "gateway",
        "time": AT_START,
        "service_on": "2025-03-01",
        "quantity": "2.5",
        "contract": story.contracts["contract"],
    }
    assert story.world.auditor.seen("/usage-events/a/1", source="gateway", operator="operator") == seen
    for client in (story.world.other_buyer, story.world.rival, story.world.other_regulator):
        assert client.get("/usage-events/a/1", source="gateway").status_code == 404
        assert client.seen("/usage-events")["items"] == []
