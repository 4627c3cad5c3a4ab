"""Parties and keys through the API."""

from __future__ import annotations

from tests.client import Client


def test_a_party_is_registered_and_found_by_id_and_by_code(admin: Client) -> None:
    made = admin.made("/parties", {"code": "buyer-1", "name": "某公司", "kinds": ["buyer"]})
    assert admin.seen("/parties/buyer-1") == admin.seen(f"/parties/{made['id']}") == made


def test_an_enterprise_needs_a_valid_credit_code(admin: Client) -> None:
    enterprise = {"code": "e", "name": "E", "kinds": ["buyer"], "legal_form": "enterprise"}
    admin.refused("/parties", enterprise, 422, "credit_code_required")
    admin.refused("/parties", {**enterprise, "credit_code": "91350211M000100Y43"}, 422, "credit_code_invalid")
    admin.made("/parties", {**enterprise, "credit_code": "91350100M000100Y43"})


def test_many_faults_of_one_body_come_back_together(admin: Client) -> None:
    problem = admin.refused("/parties", {"code": "a b", "kinds": ["king"], "colour": 1}, 400, "malformed")
    assert set(problem["errors"]) == {"code", "name", "kinds.0", "colour"}


def test_the_same_idempotency_key_gives_the_same_answer_and_another_request_is_refused(admin: Client) -> None:
    party = {"code": "p", "name": "P", "kinds": ["buyer"]}
    first, again = admin.post("/parties", party, key="k-1"), admin.post("/parties", party, key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert again.headers["Idempotent-Replayed"] == "true"
    other = admin.post("/parties", {**party, "name": "Q"}, key="k-1")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")  # type: ignore[index]


def test_a_post_without_an_idempotency_key_is_malformed(admin: Client) -> None:
    answer = admin.post("/parties", {"code": "p", "name": "P", "kinds": ["buyer"]}, key=None)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_missing")  # type: ignore[index]


def test_a_replayed_key_is_shown_without_its_secret(admin: Client) -> None:
    first = admin.post("/keys", {"role": "auditor"}, key="k")
    again = admin.post("/keys", {"role": "auditor"}, key="k")
    assert "key" in (first.json or {})
    assert again.json is not None
    assert "key" not in again.json


def test_a_revoked_key_opens_nothing(admin: Client) -> None:
    auditor = admin.client_of("auditor")
    auditor.seen("/parties")
    assert auditor.key is not None
    admin.made(f"/keys/{auditor.key.split('.')[0]}/revoke", status=200)
    assert auditor.get("/parties").status_code == 401


def test_the_wrong_role_is_turned_away_before_its_body_is_read(admin: Client) -> None:
    admin.made("/parties", {"code": "b", "name": "B", "kinds": ["buyer"]})
    buyer = admin.client_of("buyer", "b")
    answer = buyer.post("/parties", {"nonsense": True})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")  # type: ignore[index]


def test_a_list_is_paged_and_its_cursor_is_stable_under_new_rows(admin: Client) -> None:
    for number in range(5):
        admin.made("/parties", {"code": f"p{number}", "name": "P", "kinds": ["buyer"]})
    first = admin.seen("/parties", limit=2)
    admin.made("/parties", {"code": "late", "name": "P", "kinds": ["buyer"]})
    rest = admin.seen("/parties", limit=10, cursor=first["next_cursor"])
    assert [party["code"] for party in rest["items"]] == ["p2", "p3", "p4", "late"]
    assert rest["next_cursor"] is None
    assert admin.get("/parties", cursor="nonsense!").status_code == 400
    assert admin.get("/parties", colour="red").status_code == 400


def test_the_sandbox_clock_moves_forward_only(admin: Client) -> None:
    assert admin.made("/sandbox/clock", {"now": "2025-04-01T00:00:00+08:00"}, status=200)
    admin.refused("/sandbox/clock", {"now": "2025-03-31T00:00:00+08:00"}, 422, "clock_backwards")
    admin.refused("/sandbox/clock", {"now": "2025-05-01T00:00:00"}, 400, "malformed")
