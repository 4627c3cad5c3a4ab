from __future__ import annotations

from flask import Flask

from tests.cli.command import Command
from tests.client import Client
from tests.world import World


def test_the_key_stands_alone_on_the_last_line_and_opens_the_api(command: Command, app: Flask) -> None:
    key = command.done("keys", "create", "--role", "admin").lines[-1]
    assert Client(app, key).seen("/keys")["items"][0]["role"] == "admin"


def test_a_key_acts_for_the_party_it_was_made_for(command: Command, world: World) -> None:
    key = command.done("keys", "create", "--role", "operator", "--party", "operator").lines[-1]
    assert Client(world.admin.app, key).made("/offerings", _offering())["operator"] == "operator"


def test_a_key_ends_when_it_is_told_to(command: Command, world: World) -> None:
    made = command.done("keys", "create", "--role", "auditor", "--expires-at", "2025-04-01T00:00:00+08:00")
    client = Client(world.admin.app, made.lines[-1])
    client.seen("/parties")
    world.clock("2025-04-01")
    assert client.get("/parties").status_code == 401


def test_a_key_without_its_party_is_refused(command: Command, world: World) -> None:
    assert "party" in command.refused("keys", "create", "--role", "operator")
    assert "role_not_of_party" in command.refused("keys", "create", "--role", "buyer", "--party", "operator")
    assert command.end("keys", "create", "--role", "king").code == 2


def _offering() -> dict[str, object]:
    scenario = {"code": "credit", "name": "Credit", "description": "Check before a loan", "purpose": "industry"}
    return {"code": "offering", "product": "product", "scenario": scenario}
