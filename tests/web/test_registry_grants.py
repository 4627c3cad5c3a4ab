"""Free-use grants through the API."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import pytest

from pricing.law_values import Bilingual, Entry
from pricing.parameters import Parameter, load_law
from registry.grant_evidence import EVIDENCE_BYTES_MAX, EVIDENCE_FILES_MAX
from registry.grants import FREE_USE_CONDITIONS, decisions_of, find_grant, grant_refusal
from store.settings import Settings
from store.unit import Store
from tests.client import Client
from tests.conftest import LOCAL
from tests.world import World, grant_body

PATH = "/free-use-grants"
CONDITIONS = load_law().parameter(FREE_USE_CONDITIONS)
TODAY = date(2025, 3, 2)


def test_an_application_waits_for_the_grantor_and_comes_back_as_it_was_sent(world: World) -> None:
    world.offering(purpose="public_welfare")
    body = {**grant_body(), "quantity_limit": "5000", "evidence": ["Task list 7", "Letter of the bureau"]}
    made = world.buyer.made(PATH, body)
    assert {name: made[name] for name in body} == body
    assert (made["status"], made["contract"], made["buyer"]) == ("pending", None, "buyer")
    assert made["conditions"]["origin"] == "platform"
    assert "no_resale" in {condition["code"] for condition in made["conditions"]["entries"]}
    assert world.buyer.seen(f"{PATH}/{made['id']}") == made


def test_an_approved_grant_is_the_contract_that_usage_events_name(world: World) -> None:
    made = world.offering(purpose="public_welfare")
    grant = world.grant(quantity_limit="5000")
    assert grant["status"] == "approved"
    contract = world.buyer.seen(f"/contracts/{grant['contract']}")
    assert (contract["kind"], contract["status"], contract["grant"]) == ("grant", "active", grant["id"])
    assert (contract["operator"], contract["buyer"], contract["offerings"]) == ("operator", "buyer", ["offering"])
    assert (contract["effective_from"], contract["effective_until"]) == ("2025-03-01", "2026-03-01")
    assert contract["terms"][0]["quantity_limit"] == "5000"
    assert contract["terms"][0]["category"] == "public_interest"
    assert made["operator_id"] == contract["operator_id"]


def test_an_approval_covers_use_from_the_start_of_the_grant_on(world: World, store: Store) -> None:
    world.offering(purpose="public_welfare")
    pending = world.grant(approved=False)
    world.clock("2025-03-20")
    world.decide(pending["id"], "approve")
    with store.reading(LOCAL) as unit:
        grant, decisions = find_grant(unit, pending["id"]), decisions_of(unit, pending["id"])
        assert grant_refusal(grant, decisions, datetime.fromisoformat("2025-03-01T00:00:00+08:00"), unit.zone) is None
        assert (
            grant_refusal(grant, decisions, datetime.fromisoformat("2025-02-28T23:59:59+08:00"), unit.zone)
            == "grant_not_begun"
        )
        assert (
            grant_refusal(grant, decisions, datetime.fromisoformat("2026-03-01T00:00:00+08:00"), unit.zone)
            == "grant_expired"
        )


def test_a_suspended_grant_is_resumed_from_then_on_and_keeps_its_contract(world: World, store: Store) -> None:
    world.offering(purpose="public_welfare")
    approved = world.grant()
    world.clock("2025-03-10")
    assert world.decide(approved["id"], "suspend")["status"] == "suspended"
    world.clock("2025-03-20")
    resumed = world.decide(approved["id"], "approve")
    assert (resumed["status"], resumed["contract"]) == ("approved", approved["contract"])
    assert [decision["action"] for decision in resumed["decisions"]] == ["approve", "suspend", "approve"]
    expected = {"2025-03-09": None, "2025-03-11": "grant_suspended", "2025-03-21": None}
    with store.reading(LOCAL) as unit:
        grant, decisions = find_grant(unit, approved["id"]), decisions_of(unit, approved["id"])
        for day, refusal in expected.items():
            assert (
                grant_refusal(grant, decisions, datetime.fromisoformat(f"{day}T12:00:00+08:00"), unit.zone) == refusal
            )


def test_a_revocation_takes_effect_at_the_instant_it_names_and_is_final(world: World) -> None:
    world.offering(purpose="public_welfare")
    approved = world.grant()
    grant, contract = approved["id"], approved["contract"]
    world.clock("2025-03-10")
    planned = world.decide(grant, "revoke", effective_at="2025-03-20T00:00:00+08:00")
    assert planned["status"] == "approved"
    assert planned["decisions"][-1]["effective_at"] == "2025-03-20T00:00:00+08:00"
    assert world.buyer.seen(f"/contracts/{contract}")["status"] == "active"
    world.clock("2025-03-20")
    assert world.grantor.seen(f"{PATH}/{grant}")["status"] == "revoked"
    assert world.buyer.seen(f"/contracts/{contract}")["status"] == "ended"
    for action in ("approve", "suspend", "revoke"):
        problem = world.grantor.refused(f"{PATH}/{grant}/{action}", {"reason": "again"}, 409, "grant_state")
        assert problem["state"] == "revoked"


def test_a_decision_takes_no_effect_in_the_past_but_a_clock_may_be_a_little_behind(world: World) -> None:
    world.offering(purpose="public_welfare")
    grant = world.grant()["id"]
    world.clock("2025-03-10")
    late = {"reason": "r", "effective_at": "2025-03-09T23:00:00+08:00"}
    world.grantor.refused(f"{PATH}/{grant}/suspend", late, 422, "effective_in_the_past")
    suspended = world.decide(grant, "suspend", effective_at="2025-03-10T00:00:00+08:00")
    assert suspended["status"] == "suspended"
    assert suspended["decisions"][-1]["effective_at"] > "2025-03-10T00:00:00+08:00"


def test_a_pending_grant_is_refused_by_revoking_it(world: World) -> None:
    world.offering(purpose="public_welfare")
    pending = world.grant(approved=False)
    world.grantor.refused(f"{PATH}/{pending['id']}/suspend", {"reason": "r"}, 409, "grant_state")
    revoked = world.decide(pending["id"], "revoke")
    assert (revoked["status"], revoked["contract"]) == ("revoked", None)


def test_free_use_is_asked_for_by_a_confirmed_public_interest_offering_only(world: World) -> None:
    world.offering()
    world.offering("unconfirmed", "public_welfare", confirmed=False)
    world.buyer.refused(PATH, grant_body(), 422, "not_public_interest")
    world.buyer.refused(PATH, grant_body("unconfirmed"), 422, "classification_unconfirmed")


def test_free_use_without_both_undertakings_is_refused(world: World) -> None:
    world.offering(purpose="public_welfare")
    for name in ("no_resale", "no_commercial_use"):
        body = {**grant_body(), "undertakings": {**grant_body()["undertakings"], name: False}}
        problem = world.buyer.refused(PATH, body, 422, "undertakings_missing")
        assert list(problem["errors"]) == [f"undertakings.{name}"]


FAULTY_GRANTS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"offering": "none"}, 404, "not_found", "offering"),
    ({"effective_until": "2025-03-01"}, 422, "dates_reversed", "effective_until"),
    ({"effective_from": "2024-01-01", "effective_until": "2025-03-01"}, 422, "grant_expired", "effective_until"),
    ({"undertakings": {"no_resale": True}}, 400, "malformed", "undertakings.no_commercial_use"),
    ({"undertakings": {"no_resale": "yes", "no_commercial_use": True}}, 400, "malformed", "undertakings.no_resale"),
    ({"quantity_limit": 100}, 400, "malformed", "quantity_limit"),
    ({"quantity_limit": "0"}, 400, "malformed", "quantity_limit"),
    ({"quantity_limit": "-1"}, 400, "malformed", "quantity_limit"),
    ({"purpose_statement": ""}, 400, "malformed", "purpose_statement"),
    ({"purpose_statement": "x" * 4001}, 400, "malformed", "purpose_statement"),
    ({"evidence": 7}, 400, "malformed", "evidence"),
    ({"evidence": []}, 400, "malformed", "evidence"),
    ({"evidence": [""]}, 400, "malformed", "evidence.0"),
]


def test_a_faulty_application_is_refused_by_the_field_at_fault(world: World) -> None:
    world.offering(purpose="public_welfare")
    for change, status, code, field in FAULTY_GRANTS:
        problem = world.buyer.refused(PATH, {**grant_body(), **change}, status, code)
        assert list(problem["errors"]) == [field]


def test_an_approval_names_no_instant_for_it_holds_from_the_start(world: World) -> None:
    world.offering(purpose="public_welfare")
    pending = world.grant(approved=False)
    body = {"reason": "r", "effective_at": "2025-04-01T00:00:00+08:00"}
    world.grantor.refused(f"{PATH}/{pending['id']}/approve", body, 400, "malformed")
    world.grantor.refused(f"{PATH}/{pending['id']}/approve", {}, 400, "malformed")


def test_a_grant_is_not_approved_once_its_term_is_over(world: World) -> None:
    world.offering(purpose="public_welfare")
    pending = world.grant(approved=False, effective_until="2025-04-01")
    world.clock("2025-04-01")
    world.grantor.refused(f"{PATH}/{pending['id']}/approve", {"reason": "r"}, 422, "grant_expired")


def test_a_grant_is_seen_by_its_buyer_and_by_those_who_oversee_it_and_decided_by_its_grantor(world: World) -> None:
    world.offering(purpose="public_welfare")
    grant = world.grant(approved=False)["id"]
    seeing = (world.buyer, world.operator, world.grantor, world.regulator, world.auditor, world.admin)
    blind = (world.other_buyer, world.rival, world.other_grantor, world.other_regulator)
    for client in seeing:
        assert [item["id"] for item in client.seen(PATH)["items"]] == [grant]
    for client in blind:
        assert client.seen(PATH)["items"] == []
        assert client.get(f"{PATH}/{grant}").status_code == 404
    assert world.provider.get(PATH).status_code == 403
    world.other_grantor.refused(f"{PATH}/{grant}/approve", {"reason": "r"}, 404, "not_found")
    world.buyer.refused(f"{PATH}/{grant}/approve", {"reason": "r"}, 403, "forbidden")
    world.grantor.refused(f"{PATH}/grt_none/approve", {"reason": "r"}, 404, "not_found")


def test_of_parallel_approvals_one_opens_the_contract_and_the_others_are_told(world: World) -> None:
    world.offering(purpose="public_welfare")
    grant = world.grant(approved=False)["id"]
    grantor: Client = world.grantor

    def approve(_number: int) -> int:
        return grantor.post(f"{PATH}/{grant}/approve", {"reason": "r"}).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(approve, range(6)))
    assert statuses == [200, 409, 409, 409, 409, 409]
    assert len(world.buyer.seen("/contracts")["items"]) == 1


def test_a_grant_keeps_the_version_of_the_conditions_that_it_was_given_under(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.offering(purpose="public_welfare")
    before = world.grant()
    assert before["conditions"]["version"] == "2025-03-01"
    entry = Entry("no_model_training", Bilingual("No models are trained on it.", "不得用于模型训练。"))
    values = (*CONDITIONS.text.values, replace(CONDITIONS.text.values[0], effective_from=TODAY, value=(entry,)))
    changed = Parameter(FREE_USE_CONDITIONS, replace(CONDITIONS.text, values=values))
    law = replace(load_law(), parameters={**load_law().parameters, FREE_USE_CONDITIONS: changed})
    monkeypatch.setattr(Settings, "law", property(lambda _settings: law))
    world.clock("2025-03-02")
    after = world.buyer.made(PATH, grant_body())
    assert [entry["code"] for entry in after["conditions"]["entries"]] == ["no_model_training"]
    assert after["conditions"]["version"] == "2025-03-02"
    assert world.buyer.seen(f"{PATH}/{before['id']}")["conditions"] == before["conditions"]


def test_a_review_that_is_overdue_is_listed_and_stops_nothing(world: World) -> None:
    world.offering(purpose="public_welfare")
    pending = world.grant(approved=False)
    quiet = world.grant()
    assert (quiet["review_due_on"], quiet["review_overdue"], quiet["reviews"]) == (None, False, [])
    past = {"reason": "r", "review_due_on": "2025-03-01"}
    world.grantor.refused(f"{PATH}/{pending['id']}/approve", past, 422, "review_in_the_past")
    grant = world.decide(pending["id"], "approve", review_every_months=3)
    assert (grant["review_due_on"], grant["review_every_months"]) == ("2025-06-01", 3)
    listed = world.grantor.seen(PATH, review_due_before="2025-06-01")["items"]
    assert listed == []
    world.clock("2025-06-02")
    [overdue] = world.grantor.seen(PATH, review_due_before="2025-06-02")["items"]
    assert (overdue["id"], overdue["review_overdue"], overdue["status"]) == (grant["id"], True, "approved")
    assert world.other_grantor.seen(PATH, review_due_before="2025-06-02")["items"] == []
    used = world.usage(grant["contract"], "offering", "1", "2025-06-02T00:00:00+08:00")
    assert used["accepted"] == 1

    path = f"{PATH}/{grant['id']}/review"
    going_on = world.grantor.made(path, {"finding": "As granted", "outcome": "continue"}, 200)
    assert (going_on["review_due_on"], going_on["review_overdue"]) == ("2025-09-02", False)
    named = {"finding": "Odd hours", "outcome": "suspend", "next_review_on": "2025-06-10"}
    suspended = world.grantor.made(path, named, 200)
    assert (suspended["status"], suspended["review_due_on"]) == ("suspended", "2025-06-10")
    assert suspended["decisions"][-1]["reason"] == "Odd hours"
    refused = {"finding": "f", "outcome": "revoke", "next_review_on": "2025-07-01"}
    world.grantor.refused(path, refused, 422, "review_unneeded")
    revoked = world.grantor.made(path, {"finding": "Sold on", "outcome": "revoke"}, 200)
    assert (revoked["status"], revoked["review_due_on"]) == ("revoked", None)
    assert [review["outcome"] for review in revoked["reviews"]] == ["continue", "suspend", "revoke"]
    assert world.grantor.seen(PATH, review_due_before="2099-01-01")["items"] == []
    world.grantor.refused(path, {"finding": "f", "outcome": "continue"}, 409, "grant_state")


def evidence_body(content: bytes, **given: Any) -> dict[str, Any]:
    return {
        "name": "letter.pdf",
        "media_type": "application/pdf",
        "content": b64encode(content).decode(),
        **given,
    }


def test_evidence_is_kept_as_it_came_and_given_out_to_be_saved_only(world: World) -> None:
    world.offering(purpose="public_welfare")
    path = f"{PATH}/{world.grant(approved=False)['id']}/evidence"
    content = b"%PDF-1.7 letter of the bureau"
    made = world.buyer.made(path, evidence_body(content, name="../../<b>任务\n书.pdf"))
    assert (made["name"], made["size_bytes"]) == ("_b_任务_书.pdf", len(content))
    assert made["sha256"] == sha256(content).hexdigest()
    for client in (world.buyer, world.grantor, world.regulator, world.auditor):
        assert [item["id"] for item in client.seen(path)["items"]] == [made["id"]]
        assert client.seen(f"{path}/{made['id']}") == made
        given = client.get(f"{path}/{made['id']}/content")
        assert (given.status_code, given.data, given.mimetype) == (200, content, "application/octet-stream")
        assert given.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''_b_%E4")
        assert given.headers["X-Content-SHA256"] == made["sha256"]
        assert given.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in given.headers["Content-Security-Policy"]
    assert world.operator.get(f"{path}/{made['id']}/content").status_code == 403
    assert world.other_buyer.get(f"{path}/{made['id']}/content").status_code == 404


def test_evidence_of_another_kind_size_or_number_than_allowed_is_refused(world: World) -> None:
    world.offering(purpose="public_welfare")
    path = f"{PATH}/{world.grant(approved=False)['id']}/evidence"
    page = b"<html><script>alert(1)</script>"
    world.buyer.refused(path, evidence_body(page), 422, "evidence_unreadable")
    world.buyer.refused(path, evidence_body(b"\0", media_type="text/plain"), 422, "evidence_unreadable")
    world.buyer.refused(path, evidence_body(page, media_type="text/html"), 400, "malformed")
    world.buyer.refused(path, {**evidence_body(b"%PDF-"), "content": "%%%"}, 400, "malformed")
    world.buyer.refused(path, evidence_body(b"%PDF-" + b"x" * EVIDENCE_BYTES_MAX), 400, "malformed")
    world.other_buyer.refused(path, evidence_body(b"%PDF-"), 404, "not_found")
    for number in range(EVIDENCE_FILES_MAX):
        world.buyer.made(path, evidence_body(b"%PDF-", name=f"{number}.pdf"))
    world.buyer.refused(path, evidence_body(b"%PDF-"), 409, "evidence_full")
