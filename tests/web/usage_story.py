"""Plays the cases of ``tests/cases/usage``: contracts and grants, batches of events, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pricing.money import parse_quantity
from registry.contracts import Terms, open_contract
from registry.lookup import find
from registry.tables import Offering, Party
from store.unit import Store, Unit
from tests.client import Client
from tests.conftest import LOCAL
from tests.world import START, World, usage_event

AT_START = f"{START}T00:00:00+08:00"
STATES = ("accepted", "unbilled", "billed", "free", "written_off")


class Story:
    """A jurisdiction with a priced offering, a welfare offering, and contracts known by the names that a case uses."""

    def __init__(self, world: World) -> None:
        world.priced()
        world.offering("welfare", "public_welfare")
        self.world = world
        self.contracts = {"contract": world.contract()["id"]}
        self.grants: dict[str, str] = {}

    def play(self, case: Mapping[str, Any]) -> None:
        """Play a case: what is given, then its steps."""
        for given in case.get("given", []):
            self._given(dict(given))
        for step in case["steps"]:
            [verb] = step.keys() & {"send", "use", "clock", "decide", "accept"}
            getattr(self, f"_{verb}")(step)

    def event(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """An event as a case writes it: what it leaves out is lawful."""
        rest = dict(given)
        contract = rest.pop("contract", "contract")
        event = usage_event(
            rest.pop("id", "e1"),
            self.contracts.get(contract, f"ctr_{contract}"),
            rest.pop("offering", "offering"),
            rest.pop("quantity", "1"),
            rest.pop("time", AT_START),
        )
        return event | rest

    def quoted(self, terms: Sequence[Mapping[str, str]]) -> str:
        """Open a contract as an accepted quote does, with a limit of quantity where the terms name one."""

        def open_one(unit: Unit) -> str:
            return open_contract(
                unit,
                kind="quote",
                operator_id=find(unit, Party, "operator").id,
                buyer_id=find(unit, Party, "buyer").id,
                effective_from=date.fromisoformat(START),
                effective_until=None,
                terms=[
                    Terms(
                        find(unit, Offering, term["offering"]).id,
                        term.get("category", "commercial"),
                        quantity_limit=parse_quantity(term["quantity_limit"]) if "quantity_limit" in term else None,
                    )
                    for term in terms
                ],
                price_basis="tax_exclusive",
                accepted=True,
            ).id

        store: Store = self.world.admin.app.extensions["tariffbook"]
        return store.run(LOCAL, open_one)

    def _given(self, given: dict[str, Any]) -> None:
        if "grant" in given:
            name = given.pop("grant")
            self.grants[name] = self.world.grant("welfare", **given)["id"]
            found = [item["id"] for item in self.world.buyer.seen("/contracts")["items"] if item["grant"]]
            self.contracts[name] = found[-1]
            return
        if "quoted" in given:
            self.contracts[given["quoted"]] = self.quoted(given["terms"])
            return
        name = given.pop("contract")
        self.contracts[name] = self.world.contract(*given.pop("offerings", ()), **given)["id"]

    def _send(self, step: Mapping[str, Any]) -> None:
        client: Client = getattr(self.world, step.get("as", "operator"))
        answer = client.made("/usage-events", {"events": [self.event(given) for given in step["send"]]})
        assert [_said(result) for result in answer["results"]] == step["become"], answer["results"]
        assert [result["index"] for result in answer["results"]] == list(range(len(step["send"])))

    def _use(self, step: Mapping[str, Any]) -> None:
        wanted = dict(step["use"])
        contract = self.contracts[wanted.pop("contract")]
        seen = self.world.operator.seen("/usage", **{"offering": "offering", **wanted, "contract": contract})
        assert {state: seen[state] for state in STATES} == {state: step["is"].get(state, "0") for state in STATES}

    def _clock(self, step: Mapping[str, Any]) -> None:
        self.world.clock(step["clock"])

    def _decide(self, step: Mapping[str, Any]) -> None:
        decision = dict(step["decide"])
        self.world.decide(self.grants[decision.pop("grant")], decision.pop("action"), **decision)

    def _accept(self, step: Mapping[str, Any]) -> None:
        self.world.buyer.made(f"/contracts/{self.contracts[step['accept']]}/accept", status=200)


def _said(result: Mapping[str, Any]) -> str:
    return f"{result['status']}: {result['code']}" if "code" in result else str(result["status"])
