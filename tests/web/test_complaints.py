"""Complaints about offerings, what follows on them, and how the compliance report counts them."""

from __future__ import annotations

from typing import Any

from tests.world import World

PATH = "/complaints"
PERIOD = {"operator": "operator", "from": "2025-03-01", "until": "2025-04-01"}


def complaint_body(kind: str = "price_too_high") -> dict[str, Any]:
    return {"offering": "offering", "kind": kind, "text": "Twice what it cost last year"}


def counted(world: World) -> Any:
    [row] = world.regulator.seen("/reports/cap-compliance", **PERIOD)["complaints"]
    return row


def test_a_complaint_is_answered_by_the_operator_and_closed_by_who_oversees_the_offering(world: World) -> None:
    world.priced()
    made = world.buyer.made(PATH, complaint_body())
    assert (made["status"], made["complainant"], made["operator"]) == ("open", "buyer", "operator")
    path = f"{PATH}/{made['id']}"
    for client in (world.buyer, world.operator, world.grantor, world.regulator, world.auditor):
        assert [item["id"] for item in client.seen(PATH, offering="offering")["items"]] == [made["id"]]
    for client in (world.other_buyer, world.rival, world.other_grantor, world.other_regulator, world.provider):
        assert client.seen(PATH)["items"] == []
        assert client.get(path).status_code == 404
    world.buyer.refused(f"{path}/answer", {"text": "t"}, 403, "forbidden")
    world.rival.refused(f"{path}/answer", {"text": "t"}, 404, "not_found")
    world.other_regulator.refused(f"{path}/close", {"text": "t"}, 404, "not_found")
    assert world.operator.made(f"{path}/answer", {"text": "Costs rose"}, 200)["status"] == "answered"
    closed = world.grantor.made(f"{path}/close", {"text": "Within the ceiling"}, 200)
    assert [step["action"] for step in closed["steps"]] == ["answer", "close"]
    world.operator.refused(f"{path}/answer", {"text": "t"}, 409, "complaint_closed")
    world.regulator.refused(f"{path}/close", {"text": "t"}, 409, "complaint_closed")


def test_who_complains_of_the_overseen_closes_it_only_where_it_oversees(world: World) -> None:
    world.priced()
    made = world.other_grantor.made(PATH, complaint_body())
    world.other_grantor.refused(f"{PATH}/{made['id']}/close", {"text": "t"}, 404, "not_found")


def test_a_price_is_told_as_found_too_high_from_the_platforms_number_of_complainants_on(world: World) -> None:
    world.priced()
    first, *_ = [client.made(PATH, complaint_body()) for client in (world.buyer, world.buyer, world.other_buyer)]
    world.provider.made(PATH, complaint_body("quality"))
    row = counted(world)
    assert (row["complaints"], row["complainants"], row["price_too_high"], row["quality"]) == (4, 3, 3, 1)
    assert (row["wide_from"], row["price_found_too_high"], row["widely_complained"]) == (3, False, True)
    assert row["links"]["complaints"] == "/api/v1/complaints?offering=offering"
    world.operator.made(f"{PATH}/{first['id']}/answer", {"text": "Costs rose"}, 200)
    world.provider.made(PATH, complaint_body())
    row = counted(world)
    assert (row["open"], row["answered"], row["closed"], row["price_found_too_high"]) == (4, 1, 0, True)
    report = world.regulator.seen("/reports/cap-compliance", **PERIOD)
    parameter = next(each for each in report["parameters"] if each["parameter"] == "platform.complaints_wide_from")
    assert (parameter["origin"], parameter["value"]) == ("platform", "3")
    outside = {**PERIOD, "from": "2025-01-01", "until": "2025-03-01"}
    assert world.regulator.seen("/reports/cap-compliance", **outside)["complaints"] == []
