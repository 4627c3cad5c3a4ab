"""Reversals where others act on the same use: they happen once, never on what is gone, and the books stay sound."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from reports import verification
from store.engine import open_engine
from store.settings import Settings
from store.unit import Store
from tests.conftest import LOCAL
from tests.metering.test_crowds import at_once, sender
from tests.web.flow_story import require_sound_books
from tests.web.usage_story import Story
from tests.world import World

EVENT = {"id": "a", "quantity": "5"}
BACK = {"id": "r", "reversesid": "a", "quantity": "5"}


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction in which one contract is in force, and one event was counted."""
    told = Story(world)
    told.play({"steps": [{"send": [EVENT], "become": ["accepted"]}]})
    return told


def use(story: Story) -> dict[str, str]:
    seen = story.world.operator.seen("/usage", contract=story.contracts["contract"], offering="offering")
    return {name: seen[name] for name in ("accepted", "unbilled", "billed", "written_off") if seen[name] != "0"}


def faults(app: Flask) -> list[str]:
    store: Store = app.extensions["tariffbook"]
    with store.reading(LOCAL) as unit:
        return [check["check"] for check in verification.findings(unit) if not check["ok"]]


def test_of_many_parallel_posts_of_one_reversal_one_is_accepted(story: Story, app: Flask) -> None:
    answers = at_once([sender(story, BACK)] * 12)
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"accepted": 1, "duplicate": 11}
    assert use(story) == {}
    assert faults(app) == []


def test_of_many_parallel_reversals_of_one_event_one_is_accepted(story: Story, app: Flask) -> None:
    answers = at_once([sender(story, {**BACK, "id": f"r{number}"}) for number in range(12)])
    results = [answer["results"][0] for answer in answers]
    assert Counter(result.get("code", result["status"]) for result in results) == {
        "accepted": 1,
        "already_reversed": 11,
    }
    assert use(story) == {}
    assert faults(app) == []


def test_a_reversal_and_a_use_that_race_for_one_key_leave_one_of_them(story: Story, app: Flask) -> None:
    answers = at_once([sender(story, BACK), sender(story, {"id": "r", "quantity": "5"})] * 5)
    statuses = Counter(answer["results"][0]["status"] for answer in answers)
    assert statuses == {"accepted": 1, "duplicate": 4, "conflict": 5}
    assert faults(app) == []


def test_a_reversal_that_races_with_a_write_off_takes_only_what_is_there(story: Story, app: Flask) -> None:
    operator = story.world.operator
    body = {
        "contract": story.contracts["contract"],
        "offering": "offering",
        "month": "2025-03",
        "quantity": "5",
        "reason": "r",
    }
    at_once([sender(story, BACK), lambda: operator.post("/usage-writeoffs", body)])
    assert use(story) in ({}, {"accepted": "5", "written_off": "5"})
    assert faults(app) == []


def test_what_was_written_off_or_returned_is_not_taken_back(story: Story, app: Flask) -> None:
    world, contract = story.world, story.contracts["contract"]
    story.play({"steps": [{"send": [{"id": "b", "quantity": "7"}], "become": ["accepted"]}, {"clock": "2025-04-02"}]})
    body = {"contract": contract, "offering": "offering", "month": "2025-03", "quantity": "6", "reason": "r"}
    world.operator.made("/usage-writeoffs", body)
    back = {"id": "r7", "reversesid": "b", "quantity": "7"}
    story.play({"steps": [{"send": [back], "become": ["refused: reversal_exceeds_use"]}]})
    bill = world.invoice(contract, "2025-03")
    returned = {"lines": [{"position": 1, "quantity": "2"}], "reason": "returned"}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", returned)
    story.play({"steps": [{"send": [BACK], "become": ["refused: reversal_exceeds_use"]}]})
    assert use(story) == {"accepted": "12", "billed": "4", "written_off": "8"}
    assert faults(app) == []


def test_a_refused_reversal_can_be_judged_again_once_what_it_names_is_there(story: Story) -> None:
    operator = story.world.operator
    early = {"id": "r9", "reversesid": "late", "quantity": "2"}
    story.play({"steps": [{"send": [early], "become": ["refused: reversed_event_unknown"]}]})
    [kept] = operator.seen("/refused-usage-events", code="reversed_event_unknown")["items"]
    story.play({"steps": [{"send": [{"id": "late", "quantity": "2"}], "become": ["accepted"]}]})
    replayed = operator.made(f"/refused-usage-events/{kept['id']}/replay", status=200)
    assert replayed["outcome"] == "accepted"
    assert use(story) == {"accepted": "5", "unbilled": "5"}


def test_a_reversal_is_listed_as_an_event_that_names_the_one_it_took_back(story: Story) -> None:
    story.play({"steps": [{"send": [BACK], "become": ["accepted"]}]})
    operator = story.world.operator
    listed = {item["id"]: item["reverses"] for item in operator.seen("/usage-events")["items"]}
    assert listed == {"a": None, "r": {"source": "gateway", "id": "a"}}
    shown = operator.seen("/usage-events/r", source="gateway")
    assert (shown["reverses"], shown["quantity"]) == ({"source": "gateway", "id": "a"}, "5")


def test_a_reversal_of_another_operators_event_finds_nothing(story: Story) -> None:
    body = {"events": [story.event(BACK)]}
    [result] = story.world.rival.made("/usage-events", body)["results"]
    assert result["code"] == "reversed_event_unknown"


def test_the_report_of_the_price_authority_agrees_with_the_books_after_a_billed_use_was_taken_back(
    story: Story, app: Flask
) -> None:
    world, contract = story.world, story.contracts["contract"]
    story.play({"steps": [{"send": [{"id": "b", "quantity": "7"}], "become": ["accepted"]}, {"clock": "2025-04-02"}]})
    world.invoice(contract, "2025-03")
    story.play({"steps": [{"send": [BACK], "become": ["accepted"]}, {"clock": "2025-05-02"}]})
    bill = world.invoice(contract, "2025-04")
    assert [(line["quantity"], line["net"]) for line in bill["lines"]] == [("-5", "0.00")]
    for form in ("", ".pdf", ".xlsx"):
        assert world.buyer.get(f"/invoices/{bill['id']}{form}").status_code == 200
    assert use(story) == {"accepted": "7", "billed": "7"}
    query = {"operator": "operator", "from": "2025-01-01", "until": "2026-01-01"}
    report = world.regulator.seen("/reports/cap-compliance", **query)
    checked = reconciled(report["reconciliation"])
    assert checked
    assert all(checked), report["reconciliation"]
    require_sound_books(world)
    assert faults(app) == []


def reconciled(found: Any) -> list[bool]:
    """Whether each row of a report agrees that says so."""
    if isinstance(found, dict):
        mine = [found["agrees"]] if "agrees" in found else []
        return mine + [agrees for inner in found.values() for agrees in reconciled(inner)]
    return [agrees for inner in found for agrees in reconciled(inner)] if isinstance(found, list) else []


@pytest.mark.parametrize(
    ("tamper", "check"),
    [
        ("DELETE FROM usage_reversal", "reversals_match"),
        ("UPDATE usage_reversal SET reversed_id = 'x'", "reversals_match"),
        (
            "INSERT INTO usage_reversal SELECT operator_id, 'x', 'x', 'x', 'x', 0, recorded_at FROM usage_reversal",
            "reversals_counted",
        ),
    ],
)
def test_a_reversal_that_was_tampered_with_is_found(
    story: Story, app: Flask, settings: Settings, tamper: str, check: str
) -> None:
    story.play({"steps": [{"send": [BACK], "become": ["accepted"]}]})
    assert faults(app) == []
    engine = open_engine(settings.database_url, 5, as_owner=True)
    sqlite = engine.dialect.name == "sqlite"
    guards = ["usage_reversal_no_update", "usage_reversal_no_delete"] if sqlite else ["usage_reversal_append_only"]
    with engine.begin() as connection:
        for guard in guards:
            connection.execute(text(f"DROP TRIGGER {guard}" + ("" if sqlite else " ON usage_reversal")))
        connection.execute(text(tamper))
    engine.dispose()
    assert check in faults(app)
