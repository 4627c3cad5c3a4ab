from __future__ import annotations

from tests.cli.command import Command
from tests.client import Client
from tests.world import World


def test_the_key_stands_alone_on_the_last_line_and_acts_for_its_party(command: Command, world: World) -> None:
    made = command.done("keys", "create", "--role", "operator", "--party", "operator")
    offering = Client(world.admin.app, made.lines[-1]).made("/offerings", _offering())
    assert offering["operator"] == "operator"


def test_a_key_ends_when_it_is_told_to(command: Command, world: World) -> None:
    made = command.done("keys", "create", "--role", "auditor", "--expires-at", "2025-04-01T00:00:00+08:00")
    client = Client(world.admin.app, made.lines[-1])
    client.seen("/parties")
    world.clock("2025-04-01")
    assert client.get("/parties").status_code == 401


def test_a_key_for_nobody_or_for_a_role_that_the_party_has_not_is_refused(command: Command, world: World) -> None:
    assert "party_required" in command.refused("keys", "create", "--role", "operator")
    assert "role_not_of_party" in command.refused("keys", "create", "--role", "buyer", "--party", "operator")


def _offering() -> dict[str, object]:
    scenario = {"code": "credit", "name": "Credit", "description": "Check before a loan", "purpose": "industry"}
    return {"code": "offering", "product": "product", "scenario": scenario}
