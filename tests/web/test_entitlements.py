"""Entitlement: what a gateway is told before a use is what the event and the bill then say."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ledger.tables import Entry
from metering.tables import Quota, RefusedEvent
from store.tables import AuditEntry
from store.unit import Store
from tests.conftest import LOCAL
from tests.pricing.case_files import cases
from tests.web import flow_story
from tests.web.usage_story import AT_START, Story
from tests.world import World

NOT_JUDGED = {"malformed_event", "instant_without_offset"}
"""Events that no check can ask about: such a request is not well formed itself."""


class AskedFirst(Story):
    """Plays the cases of use one event at a time, each asked about before it is sent."""

    def _send(self, step: Mapping[str, Any]) -> None:
        sender = getattr(self.world, step.get("as", "operator"))
        for given in step["send"]:
            event = self.event(given)
            if "reversesid" in event:
                sender.made("/usage-events", {"events": [event]})
                continue
            told = self._told(sender, event)
            [result] = sender.made("/usage-events", {"events": [event]})["results"]
            if result["status"] not in ("duplicate", "conflict") and result.get("code") not in NOT_JUDGED:
                sent = (result["status"] == "accepted", result.get("code"), _still(result.get("detail")))
                assert told == sent, event

    def _use(self, step: Mapping[str, Any]) -> None:
        """What the use comes to is told of batches; here events come one by one."""

    def _told(self, sender: Any, event: Mapping[str, Any]) -> tuple[bool, str | None, str | None]:
        body = {"contract": event.get("subject"), "time": event.get("time"), **(event.get("data") or {})}
        answer = sender.post("/entitlements/check", body)
        document = answer.json or {}
        if answer.status_code == 200:
            return document["allowed"], document["code"], _still(document["detail"])
        # what is not the caller's does not exist for it; the event says so in its own words
        detail = f"there is no contract {event.get('subject')!r} of this operator"
        return (False, "contract_unknown", detail) if answer.status_code == 404 else (False, "malformed", None)


def _still(detail: str | None) -> str | None:
    """A sentence without the parts of a second, for the clock runs on between question and event."""
    return detail and re.sub(r":\d\d\.\d+", "", detail)


@pytest.mark.parametrize("case", cases("usage"))
def test_a_use_is_allowed_just_where_its_event_is_accepted_and_refused_in_the_same_words(
    world: World, case: dict[str, Any]
) -> None:
    AskedFirst(world).play(case)


@pytest.mark.parametrize("case", cases("entitlement"))
def test_a_use_costs_what_the_charge_of_its_month_grows_by(world: World, case: dict[str, Any]) -> None:
    flow_story.Story(world, case).play(case["steps"])


def test_many_uses_cost_what_they_were_said_to_cost(world: World) -> None:
    tiers = [
        {"up_to": "7.5", "unit_price": "0.033"},
        {"up_to": "30", "unit_price": "0.027", "flat_fee": "1.00"},
        {"up_to": None, "unit_price": "0.0149"},
    ]
    case = {"ceiling": "1.00", "tariff": {"model": "volume", "tiers": tiers, "minimum_commitment": "0.30"}}
    story = flow_story.Story(world, case)
    story.step_ceiling("0.025", {"effective_from": "2025-03-09"})
    dice = random.Random(20251122)
    for day in range(1, 16):
        story.step_check([f"2025-03-{day:02}T12:00:00+08:00", f"{dice.randint(1, 9000) / 1000:g}"], {})


@pytest.fixture
def story(world: World) -> Story:
    told = Story(world)
    told.play({"given": [{"grant": "free", "quantity_limit": "10"}], "steps": []})
    told.contracts["limited"] = told.quoted([{"offering": "offering", "quantity_limit": "100"}])
    return told


def asked(story: Story, contract: str, offering: str, quantity: str, **given: str) -> Any:
    body = {"contract": story.contracts[contract], "offering": offering, "quantity": quantity, **given}
    return story.world.operator.made("/entitlements/check", body, 200)


def test_a_charged_use_names_its_right_and_what_is_left_of_the_month(story: Story) -> None:
    story.play({"steps": [{"send": [{"contract": "limited", "quantity": "60"}], "become": ["accepted"]}]})
    told = asked(story, "limited", "offering", "40", time=AT_START)
    assert told["left"] == {"period": "month", "month": "2025-03", "limit": "100", "used": "60", "left": "40"}
    assert told["allowed"] is True
    assert told["reservation"] is False
    right = {"kind": "contract", "charge": "charged", "category": "commercial", "grant": None}
    assert right.items() <= told["right"].items()
    assert (told["right"]["agreement_no"], told["unit"], told["service_month"]) == ("agreement", "call", "2025-03")
    more = asked(story, "limited", "offering", "40.000001", time=AT_START)
    assert (more["allowed"], more["code"], more["cost"]) == (False, "quantity_limit_exceeded", None)
    assert more["left"]["left"] == "40"


def test_a_free_use_names_its_grant_and_costs_nothing(story: Story) -> None:
    told = asked(story, "free", "welfare", "3", time=AT_START)
    assert told["left"] == {"period": "term", "month": None, "limit": "10", "used": "0", "left": "10"}
    assert (told["right"]["kind"], told["right"]["charge"]) == ("grant", "free")
    assert told["right"]["grant"] == story.grants["free"]
    assert (told["cost"]["net"], told["cost"]["tax"], told["cost"]["gross"]) == ("0.00", "0.00", "0.00")
    assert [step["rule"] for step in told["cost"]["explanation"]] == ["free_use"]


def test_a_contract_at_a_quotes_price_names_the_quote(world: World) -> None:
    world.priced()
    quote = world.quote()
    contract = world.buyer.made(f"/quotes/{quote['id']}/accept", status=200)["contract"]["id"]
    told = world.buyer.made("/entitlements/check", {"contract": contract, "offering": "offering", "quantity": "1"}, 200)
    assert (told["right"]["quote"], told["right"]["quote_number"]) == (quote["id"], quote["number"])


def test_a_price_published_meanwhile_is_seen_at_once(world: World) -> None:
    world.priced(ceiling="2.00", unit_price="1.00")
    world.clock("2025-03-02T12:00:00+08:00")
    body = {"contract": world.contract()["id"], "offering": "offering", "quantity": "10"}
    assert world.operator.made("/entitlements/check", body, 200)["cost"]["net"] == "10.00"
    world.tariff(unit_price="0.50", effective_from="2025-03-03")
    world.ceiling(price="0.30", effective_from="2025-03-04")
    for time, net in (("02T13", "10.00"), ("03T09", "5.00"), ("04T09", "3.00")):
        instant = f"2025-03-{time}:00:00+08:00"
        world.clock(instant)
        told = world.operator.made("/entitlements/check", {**body, "time": instant}, 200)
        assert told["cost"]["net"] == net, instant


def test_use_of_a_day_without_a_price_is_allowed_and_its_cost_not_known(story: Story) -> None:
    story.world.offering("unpriced")
    story.contracts["unpriced"] = story.quoted([{"offering": "unpriced"}])
    told = asked(story, "unpriced", "unpriced", "5", time=AT_START)
    assert (told["allowed"], told["cost"]) == (True, None)


def test_asking_leaves_nothing_behind(app: Flask, story: Story) -> None:
    store: Store = app.extensions["tariffbook"]

    def rows() -> list[int]:
        with store.reading(LOCAL) as unit:
            tables = (Entry, Quota, RefusedEvent, AuditEntry)
            return [unit.connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]

    before = rows()
    asked(story, "limited", "offering", "1", time=AT_START)
    asked(story, "limited", "offering", "101", time=AT_START)
    asked(story, "free", "welfare", "1", time=AT_START)
    assert rows() == before


@pytest.mark.parametrize("quantity", ["0", "-1", "1e3", "0.0000001", "NaN", "", " 1", "1000000000", 5, 1.5, None, True])
def test_a_quantity_that_is_none_is_malformed(story: Story, quantity: Any) -> None:
    body = {"contract": story.contracts["contract"], "offering": "offering", "quantity": quantity}
    assert "quantity" in story.world.operator.refused("/entitlements/check", body, 400, "malformed")["errors"]


@pytest.mark.parametrize("change", [{"time": "2025-03-01T00:00:00"}, {"reserve": True}, {"contract": None}])
def test_a_question_that_is_not_well_formed_is_malformed(story: Story, change: dict[str, Any]) -> None:
    body = {"contract": story.contracts["contract"], "offering": "offering", "quantity": "1", **change}
    assert set(story.world.operator.refused("/entitlements/check", body, 400, "malformed")["errors"]) == set(change)


def test_a_charge_that_no_bill_can_hold_is_refused(world: World) -> None:
    world.priced(ceiling="10000000.00", unit_price="9999999.00")
    body = {"contract": world.contract()["id"], "offering": "offering", "quantity": "999999999"}
    world.operator.refused("/entitlements/check", body, 422, "amount_too_large")


def test_more_use_of_a_month_than_a_bill_can_take_is_refused(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.play({"steps": [{"send": [{"contract": "limited", "quantity": "4"}], "become": ["accepted"]}]})
    monkeypatch.setattr("pricing.money.USE_LIMIT", 10_000_000)
    assert asked(story, "limited", "offering", "5.999999", time=AT_START)["allowed"] is True
    body = {"contract": story.contracts["limited"], "offering": "offering", "quantity": "6", "time": AT_START}
    refused = story.world.operator.refused("/entitlements/check", body, 422, "amount_too_large")
    assert "use of 2025-03 under contract" in refused["detail"]
    assert refused["amount"] == refused["limit"] == "10"


def test_it_is_asked_by_the_parties_to_the_contract_alone(story: Story) -> None:
    world = story.world
    body = {"contract": story.contracts["contract"], "offering": "offering", "quantity": "1"}
    assert world.buyer.made("/entitlements/check", body, 200)["allowed"] is True
    for other in (world.rival, world.other_buyer):
        assert "contract" in other.refused("/entitlements/check", body, 404, "not_found")["errors"]
    assert world.regulator.post("/entitlements/check", body).status_code == 403


def test_a_question_needs_no_idempotency_key_and_is_answered_anew(story: Story) -> None:
    body = {"contract": story.contracts["limited"], "offering": "offering", "quantity": "1", "time": AT_START}
    first = story.world.operator.post("/entitlements/check", body, key=None)
    assert first.status_code == 200
    story.play({"steps": [{"send": [{"contract": "limited", "quantity": "100"}], "become": ["accepted"]}]})
    second = story.world.operator.post("/entitlements/check", body, key=None)
    assert (second.json or {})["code"] == "quantity_limit_exceeded"
