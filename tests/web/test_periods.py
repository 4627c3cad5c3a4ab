"""Closing a month over the wire, and what comes late for it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.cli.command import Command
from tests.web.flow_story import require_sound_books
from tests.world import World

MARCH = {"operator": "operator", "month": "2025-03"}
LATE = "2025-03-30T10:00:00+08:00"


@pytest.fixture
def contract(world: World) -> str:
    """A contract with use in March, billed in April."""
    world.priced()
    made = str(world.contract()["id"])
    world.usage(made, "offering", "100", "2025-03-01T00:00:00+08:00")
    world.clock("2025-04-01")
    world.invoice(made, "2025-03")
    return made


def of_march(world: World) -> Any:
    """The trial balance of March's days: each account with its debits and credits."""
    shown = world.auditor.seen(
        "/ledger/trial-balance", operator="operator", **{"from": "2025-03-01"}, until="2025-04-01"
    )
    return [(item["id"], item["debit"], item["credit"]) for item in shown["items"]]


def test_an_operator_closes_a_month_of_its_own_for_good(world: World) -> None:
    world.operator.refused("/ledger/periods", MARCH, 409, "month_not_ended")
    world.clock("2025-04-01")
    made = world.operator.made("/ledger/periods", MARCH)
    assert {name: made[name] for name in ("operator", "month", "opens_on", "closed_by")} == {
        **MARCH,
        "opens_on": "2025-04-01",
        "closed_by": "operator",
    }
    assert world.operator.made("/ledger/periods", MARCH, 200) == made
    assert world.regulator.seen(f"/ledger/periods/{made['id']}") == made
    assert world.auditor.seen("/ledger/periods", operator="operator")["items"] == [made]
    assert world.rival.seen("/ledger/periods")["items"] == []
    assert world.rival.get(f"/ledger/periods/{made['id']}").status_code == 404


def test_an_administrator_closes_any_operators_month_and_names_it(world: World) -> None:
    world.clock("2025-04-01")
    made = world.admin.made("/ledger/periods", {**MARCH, "operator": "rival"})
    assert (made["operator"], made["closed_by"]) == ("rival", None)
    assert world.rival.seen("/ledger/periods")["items"] == [made]
    for client, operator in ((world.admin, "buyer"), (world.operator, "rival")):
        problem = client.refused("/ledger/periods", {**MARCH, "operator": operator}, 404, "not_found")
        assert set(problem["errors"]) == {"operator"}


def test_months_with_entries_close_in_their_order(world: World, contract: str) -> None:
    world.clock("2025-05-01")
    problem = world.operator.refused("/ledger/periods", {**MARCH, "month": "2025-04"}, 409, "earlier_month_open")
    assert problem["earliest"] == "2025-03"
    world.operator.made("/ledger/periods", MARCH)
    world.operator.made("/ledger/periods", {**MARCH, "month": "2025-04"})


def test_late_use_of_a_closed_month_is_booked_in_the_open_one_and_billed_as_a_correction(
    world: World, contract: str
) -> None:
    before = of_march(world)
    world.operator.made("/ledger/periods", MARCH)
    assert world.usage(contract, "offering", "7", LATE)["accepted"] == 1
    assert of_march(world) == before
    use = world.operator.seen("/usage", contract=contract, offering="offering", month="2025-03")
    assert (use["accepted"], use["billed"], use["unbilled"]) == ("107", "100", "7")
    [late] = [
        transaction
        for transaction in world.auditor.seen("/ledger/transactions", limit=1000)["items"]
        if transaction["kind"] == "usage" and transaction["effective_on"] == "2025-04-01"
    ]
    assert {(entry["service_month"], entry["service_on"]) for entry in late["entries"]} == {("2025-03", "2025-03-30")}
    for reader in (world.operator, world.auditor, world.buyer):
        events = reader.seen("/usage-events", month="2025-03")["items"]
        assert [event["service_on"] for event in events if event["transaction"] == late["id"]] == ["2025-03-30"]
    world.clock("2025-05-01")
    [line] = world.invoice(contract, "2025-04")["lines"]
    assert (line["service_month"], line["quantity"], line["net"]) == ("2025-03", "7", "3.50")
    assert line["corrects"] is not None
    use = world.operator.seen("/usage", contract=contract, offering="offering", month="2025-03")
    assert (use["accepted"], use["billed"], use["unbilled"]) == ("107", "107", "0")
    days = {"operator": "operator", "from": "2025-03-01", "until": "2025-04-01"}
    report = world.regulator.seen("/reports/cap-compliance", **days)
    assert report["reconciled"] is True
    assert sum(float(charge["quantity"]) for charge in _charges(world, days)) == 107
    assert of_march(world) == before
    require_sound_books(world)


def _charges(world: World, days: dict[str, str]) -> list[Any]:
    found: list[Any] = world.regulator.seen("/reports/cap-compliance/charges", limit=1000, **days)["items"]
    return found


def test_use_written_off_in_a_closed_month_is_booked_in_the_open_one(world: World, contract: str) -> None:
    world.operator.made("/ledger/periods", MARCH)
    world.usage(contract, "offering", "7", LATE)
    body = {"contract": contract, "offering": "offering", "month": "2025-03", "quantity": "7", "reason": "courtesy"}
    world.operator.made("/usage-writeoffs", body)
    use = world.operator.seen("/usage", contract=contract, offering="offering", month="2025-03")
    assert (use["unbilled"], use["written_off"]) == ("0", "7")
    require_sound_books(world)


def test_the_command_closes_a_month_too(app: Flask, world: World, tmp_path: Any) -> None:
    world.clock("2025-04-01")
    command = Command(app.extensions["tariffbook"].settings.database_url, tmp_path)
    arguments = ("ledger", "close", "--operator", "operator", "--month")
    for _ in range(2):
        told = command.done(*arguments, "2025-03").text
        assert told == "closed 2025-03; entries take effect from 2025-04-01 on\n"
    assert "month_not_ended" in command.refused(*arguments, "2025-04")
