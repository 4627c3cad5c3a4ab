"""Use as it is shown, and write-offs of it, through the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.books import Posting, credit, debit, post
from metering.accounts import BILLED, UNBILLED, use_account
from metering.use import ChargeableUse, chargeable_use
from registry.lookup import find
from registry.tables import Offering, Party
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.metering.test_crowds import at_once
from tests.web.usage_story import STATES, Story
from tests.world import World


@pytest.fixture
def story(world: World) -> Story:
    """A jurisdiction with 10 units of use in March, over three days."""
    made = Story(world)
    made.world.clock("2025-04-02")
    days = (("a", "5", "03-01"), ("b", "3", "03-10"), ("c", "2", "03-20"), ("d", "4", "04-01"))
    made.play(
        {
            "steps": [
                {
                    "send": [
                        {"id": name, "quantity": quantity, "time": f"2025-{day}T12:00:00+08:00"}
                        for name, quantity, day in days
                    ],
                    "become": ["accepted"] * 4,
                }
            ]
        }
    )
    return made


def writeoff(story: Story, quantity: str, **given: Any) -> dict[str, Any]:
    contract = story.contracts["contract"]
    body = {"contract": contract, "offering": "offering", "month": "2025-03", "reason": "a fault of the gateway"}
    return {**body, "quantity": quantity, **given}


def use(story: Story, **query: str) -> dict[str, str]:
    seen = story.world.buyer.seen(
        "/usage", **{"contract": story.contracts["contract"], "offering": "offering", **query}
    )
    return {state: seen[state] for state in STATES if seen[state] != "0"}


def bill(story: Story, quantity: int) -> None:
    """Move use of March to billed use, as a bill does."""
    store: Store = story.world.admin.app.extensions["tariffbook"]

    def move(unit: Unit) -> None:
        place = (
            find(unit, Party, "operator").id,
            story.contracts["contract"],
            find(unit, Offering, "offering").id,
            "CALL",
        )
        legs = credit(use_account(UNBILLED, *place), quantity, "2025-03")
        legs += debit(use_account(BILLED, *place), quantity, "2025-03")
        post(unit, [Posting("bill", "bill_use", place[0], unit.today, tuple(legs))])

    store.run(LOCAL, move)


def test_use_is_shown_by_month_with_its_unit_to_the_parties_of_the_contract(story: Story) -> None:
    contract = story.contracts["contract"]
    seen = story.world.operator.seen("/usage", contract=contract, offering="offering", month="2025-03")
    assert seen == {
        "contract": contract,
        "offering": "offering",
        "month": "2025-03",
        "unit": "call",
        "accepted": "10",
        "unbilled": "10",
        "billed": "0",
        "free": "0",
        "written_off": "0",
    }
    for client in (story.world.regulator, story.world.grantor, story.world.auditor, story.world.admin):
        assert client.seen("/usage", contract=contract, offering="offering", month="2025-03") == seen
    for client in (story.world.rival, story.world.other_buyer, story.world.other_regulator):
        assert client.get("/usage", contract=contract, offering="offering").status_code == 404
    assert story.world.provider.get("/usage", contract=contract, offering="offering").status_code == 403


def test_use_of_what_the_contract_does_not_hold_is_not_found(story: Story) -> None:
    contract = story.contracts["contract"]
    for offering in ("welfare", "nothing"):
        assert story.world.operator.get("/usage", contract=contract, offering=offering).status_code == 404


@pytest.mark.parametrize("query", [{}, {"contract": "x"}, {"contract": "x", "offering": "y", "month": "2025-13"}])
def test_a_query_of_use_that_is_not_well_formed_is_refused(story: Story, query: dict[str, str]) -> None:
    assert story.world.operator.get("/usage", **query).status_code == 400


def test_use_that_is_written_off_is_no_longer_unbilled(story: Story) -> None:
    made = story.world.operator.made("/usage-writeoffs", writeoff(story, "4"))
    assert use(story) == {"accepted": "14", "unbilled": "10", "written_off": "4"}
    assert made == story.world.buyer.seen(f"/usage-writeoffs/{made['id']}")
    assert story.world.auditor.seen("/usage-writeoffs", contract=made["contract"])["items"] == [made]
    assert story.world.other_buyer.seen("/usage-writeoffs")["items"] == []
    assert story.world.other_buyer.get(f"/usage-writeoffs/{made['id']}").status_code == 404


def test_a_write_off_takes_the_newest_days_first(story: Story) -> None:
    story.world.operator.made("/usage-writeoffs", writeoff(story, "4"))
    story.world.operator.made("/usage-writeoffs", writeoff(story, "1.5"))
    store: Store = story.world.admin.app.extensions["tariffbook"]
    with store.reading(LOCAL) as unit:
        [march] = chargeable_use(unit, story.contracts["contract"], ["2025-03"]).values()
    assert march == ChargeableUse({date(2025, 3, 1): 4_500_000}, unbilled=4_500_000)


def test_no_more_is_written_off_than_is_unbilled(story: Story) -> None:
    bill(story, 7_000_000)
    problem = story.world.operator.refused(
        "/usage-writeoffs", writeoff(story, "3.000001"), 422, "writeoff_exceeds_unbilled"
    )
    assert problem["unbilled"] == "3"
    story.world.operator.made("/usage-writeoffs", writeoff(story, "3"))
    story.world.operator.refused("/usage-writeoffs", writeoff(story, "0.000001"), 422, "writeoff_exceeds_unbilled")
    assert use(story, month="2025-03") == {"accepted": "10", "billed": "7", "written_off": "3"}


def test_parallel_write_offs_take_no_more_than_there_is(story: Story) -> None:
    operator = story.world.operator
    answers = at_once([lambda: operator.post("/usage-writeoffs", writeoff(story, "4")).status_code] * 4)
    assert sorted(answers) == [201, 201, 422, 422]
    assert use(story, month="2025-03") == {"accepted": "10", "unbilled": "2", "written_off": "8"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"quantity": "0"}, 400),
        ({"quantity": 1}, 400),
        ({"month": "2025-3"}, 400),
        ({"reason": ""}, 400),
        ({"contract": "ctr_none"}, 404),
        ({"offering": "welfare"}, 404),
        ({"month": "2025-02"}, 422),
    ],
)
def test_a_write_off_that_says_something_wrong_changes_nothing(
    story: Story, change: dict[str, Any], status: int
) -> None:
    answer = story.world.operator.post("/usage-writeoffs", {**writeoff(story, "1"), **change})
    assert answer.status_code == status
    assert use(story) == {"accepted": "14", "unbilled": "14"}


def test_another_operator_writes_nothing_off(story: Story) -> None:
    story.world.rival.refused("/usage-writeoffs", writeoff(story, "1"), 404, "not_found")
    assert story.world.buyer.post("/usage-writeoffs", writeoff(story, "1")).status_code == 403
