"""Requests that no honest client sends: each is refused in few words, and none is a fault."""

from __future__ import annotations

import io
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.test import TestResponse

from schemas.json_text import DEPTH_MAX, DIGITS_MAX, MEMBERS_MAX
from store.idempotency import KEY_LENGTH_MAX
from tests.client import BASE, Client
from tests.world import World, usage_event

before_the_database = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
"""For what is refused before any database hears of it: one of them is enough."""

JSON = "application/json"
PROBLEM = "application/problem+json"
ANSWER_BYTES_MAX = 25_000
PARTY = {"code": "p", "name": "P", "kinds": ["buyer"]}
NOON = "2025-03-01T00:00:00+08:00"


def send(client: Client, path: str, body: bytes, content_type: str | None = JSON, **headers: str) -> TestResponse:
    """POST bytes under a fresh idempotency key."""
    named = {"Authorization": f"Bearer {client.key}", "Idempotency-Key": urlsafe_b64encode(body[:60]).decode() or "k"}
    return client.app.test_client().post(
        f"{BASE}{path}",
        data=body,
        content_type=content_type,
        headers={**named, **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


def require_problem(answer: TestResponse, status: int, code: str) -> Any:
    """Require a problem of this status and code, in an answer of bounded size."""
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM), answer.text[:500]
    assert len(answer.data) <= ANSWER_BYTES_MAX
    assert answer.json is not None
    assert answer.json["code"] == code, answer.text[:500]
    return answer.json


BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "something after the end": b'{"code": "p"} x',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a member twice": b'{"code": "a", "code": "b", "name": "n", "kinds": ["buyer"]}',
    "a member twice, spelt differently": b'{"code": "a", "\\u0063ode": "b", "name": "n", "kinds": ["buyer"]}',
    "NaN": b'{"code": NaN}',
    "infinity": b'{"code": -Infinity}',
    "a number over all bounds": b'{"code": 1e999}',
    "a number of many digits": b'{"code": ' + b"9" * 1_000_000 + b"}",
    "deep": b"[" * 1_000_000,
    "deep, and closed": b'{"code": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "just too deep": b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
    "NUL": b'{"code": "a\\u0000b"}',
    "NUL as it is": b'{"code": "a\x00b"}',
    "half a character": b'{"code": "\\ud800"}',
    "half a character for a name": b'{"\\ud800": 1}',
    "UTF-16": json.dumps(PARTY).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(PARTY).encode("utf-16-le"),
    "UTF-32": json.dumps(PARTY).encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(PARTY).encode(),
    "Latin-1": '{"code": "é"}'.encode("latin-1"),
    "a long code": b'{"code": "' + b"x" * 5_000_000 + b'"}',
    "a long kind": b'{"code": "c", "name": "n", "kinds": ["' + b"x" * 5_000_000 + b'"]}',
    "a long unknown member": b'{"' + b"x" * 5_000_000 + b'": 1}',
    "many unknown members": json.dumps({f"m{number}": 1 for number in range(MEMBERS_MAX)}).encode(),
    "very many unknown members": json.dumps({f"m{number}": 1 for number in range(300_000)}).encode(),
    "a million kinds": b'{"code": "c", "name": "n", "kinds": [' + b'"a", ' * 1_000_000 + b'"b"]}',
}


@before_the_database
def test_a_body_that_is_not_plain_json_of_the_schema_is_malformed(admin: Client, subtests: pytest.Subtests) -> None:
    started = time.monotonic()
    for name, body in BODIES.items():
        with subtests.test(name):
            assert require_problem(send(admin, "/parties", body), 400, "malformed")["errors"]
    assert time.monotonic() - started < 60, "a body of some megabytes takes no longer than it takes to read"


@before_the_database
def test_a_batch_of_events_that_is_not_plain_json_is_malformed(world: World, subtests: pytest.Subtests) -> None:
    event = json.dumps(usage_event("e", "c", "offering", "1", NOON)).encode()
    bodies = {
        "nothing": b"",
        "a list": b"[]",
        "deep": b'{"events": ' + b"[" * 100_000,
        "UTF-16": b'{"events": []}'.decode().encode("utf-16"),
        "a byte order mark": b'\xef\xbb\xbf{"events": [' + event + b"]}",
        "events twice": b'{"events": [' + event + b'], "events": [' + event + b"]}",
        "another member": b'{"events": [' + event + b'], "more": 1}',
    }
    for name, body in bodies.items():
        with subtests.test(name):
            require_problem(send(world.operator, "/usage-events", body), 400, "malformed")
    with subtests.test("a million events"):
        body = b'{"events": [' + b"1," * 1_000_000 + b"1]}"
        require_problem(send(world.operator, "/usage-events", body), 413, "too_many_events")


def test_a_hostile_event_costs_its_neighbours_nothing(world: World, subtests: pytest.Subtests) -> None:
    good = usage_event("good", "c", "offering", "1", NOON)
    text = json.dumps(good)
    hostile = {
        "a member twice": text.replace('"good"', '"a", "id": "b"'),
        "NUL": text.replace("good", "a\\u0000b"),
        "a number of many digits": text.replace('"good"', "9" * 100_000),
        "NUL in a name": text.replace('"good"', '"a", "n\\u0000\\u0085": 1'),
        "a long text": text.replace("good", "x" * 1_000_000),
        "deep": text.replace('"good"', "[" * 200 + "]" * 200),
        "deeper than is read": text.replace('"1.0"', "[" * 5_000 + "]" * 5_000),
        "half a character": text.replace("good", "\\ud800"),
        "a long extension": text.replace('"good"', '"a", "x": "' + "y" * 1_000_000 + '"'),
    }
    for name, event in hostile.items():
        with subtests.test(name):
            answer = send(world.operator, "/usage-events", f'{{"events": [{event}, {text}]}}'.encode())
            assert answer.status_code == 201, answer.text[:500]
            assert answer.json is not None
            assert [result["status"] for result in answer.json["results"]] == ["refused", "refused"]
            assert answer.json["results"][1]["code"] == "contract_unknown"
            assert len(answer.data) <= ANSWER_BYTES_MAX
    for refused in world.operator.seen("/refused-usage-events", limit=100)["items"]:
        assert world.operator.post(f"/refused-usage-events/{refused['id']}/replay").status_code < 500


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON; Charset="UTF-8"', 201),
        ("application/json; charset=gbk", 415),
        ("application/json; charset=utf-16", 415),
        ("application/problem+json", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        (None, 415),
    ],
)
@before_the_database
def test_bodies_are_json_in_utf8(admin: Client, content_type: str | None, status: int) -> None:
    assert send(admin, "/parties", json.dumps(PARTY).encode(), content_type).status_code == status


@before_the_database
def test_a_packed_body_is_of_no_type_that_is_read(admin: Client) -> None:
    answer = send(admin, "/parties", json.dumps(PARTY).encode(), Content_Encoding="gzip")
    require_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/parties", "/keys/key_x/revoke"])
@before_the_database
def test_a_body_in_chunks_is_held_to_the_limit_too(admin: Client, path: str) -> None:
    def chunked(body: bytes) -> TestResponse:
        headers = {"Authorization": f"Bearer {admin.key}", "Idempotency-Key": "k", "Transfer-Encoding": "chunked"}
        return admin.app.test_client().post(
            f"{BASE}{path}",
            input_stream=io.BytesIO(body),
            content_type=JSON,
            headers=headers,
            environ_overrides={"wsgi.input_terminated": True},
        )

    limit = admin.app.config["MAX_CONTENT_LENGTH"]
    require_problem(chunked(b"{}" + b" " * limit), 413, "too_large")
    assert chunked(b"{}").status_code in (400, 404)


class Broken(io.RawIOBase):
    """A body that cannot be read to its end."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any, /) -> int:
        raise self.fault


@pytest.mark.parametrize("fault", [OSError("the connection is gone"), InvalidChunkSize(b"zz")])  # type: ignore[no-untyped-call]
@before_the_database
def test_a_body_that_does_not_arrive_is_malformed(admin: Client, fault: Exception) -> None:
    answer = admin.app.test_client().post(
        f"{BASE}/parties",
        content_type=JSON,
        headers={"Authorization": f"Bearer {admin.key}", "Idempotency-Key": "k", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": Broken(fault), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    require_problem(answer, 400, "malformed")


def test_a_route_that_takes_no_body_refuses_what_it_would_not_read(world: World) -> None:
    for body in (b"", b" ", b"{}"):
        require_problem(send(world.buyer, "/quotes/qt_x/accept", body), 404, "not_found")
    for body in (b'{"a": 1}', b"[", b"null", b"[]"):
        require_problem(send(world.buyer, "/quotes/qt_x/accept", body), 400, "malformed")


@before_the_database
def test_a_body_of_a_request_that_reads_is_of_no_account(admin: Client) -> None:
    headers = {"Authorization": f"Bearer {admin.key}"}
    answer = admin.app.test_client().get(f"{BASE}/parties", data=b"{", content_type=JSON, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "limit=1&limit=2",
        "limit=1&limit=1",
        "cursor=cHR5&cursor=cHR5",
        "limit",
        "limit=",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=%2B1",
        "limit=1.0",
        "limit=1e2",
        "limit=1_0",
        "limit=0x10",
        "limit=%D9%A1",
        f"limit={'9' * 5_000}",
        "limit[]=1",
        "%00=1",
        "cursor=",
        "cursor=%00",
        "cursor=%FF",
        "cursor=%F0%9F%98%80",
        f"cursor={'a' * 129}",
    ],
)
@before_the_database
def test_a_query_is_held_to_its_arguments_each_given_once(admin: Client, query: str) -> None:
    headers = {"Authorization": f"Bearer {admin.key}"}
    answer = admin.app.test_client().get(f"{BASE}/parties?{query}", headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json is not None
    assert answer.json["errors"]


@before_the_database
def test_a_route_that_writes_takes_no_query(admin: Client) -> None:
    require_problem(send(admin, "/parties?x=1", json.dumps(PARTY).encode()), 400, "malformed")


def test_a_cursor_that_was_tampered_with_is_no_fault(world: World, subtests: pytest.Subtests) -> None:
    places = (
        b'[1e400, "a", "b"]',
        b"[" * 2_500,
        b'[99999999999999999999, "a", "b"]',
        b'[1, "\\u0000", "b"]',
        b'[1, "\\ud800", "b"]',
        b'[NaN, "a", "b"]',
        b'{"a": 1, "b": 2, "c": 3}',
        b"null",
        b"[1, 2]",
        b"\xff\xfe",
    )
    for place in places:
        with subtests.test(repr(place[:20])):
            cursor = urlsafe_b64encode(place).decode()
            require_problem(world.operator.get("/usage-events", cursor=cursor), 400, "cursor_invalid")
    for path, client in (("/ledger/accounts", world.auditor), ("/ledger/transactions", world.auditor)):
        for cursor in ("9" * 128, str(2**63), "x", "-", "1.5"):
            with subtests.test(f"{path} {cursor[:10]}"):
                require_problem(client.get(path, cursor=cursor), 400, "cursor_invalid")
    for cursor in ("a.b", "x." + "9" * 100, "..", "a."):
        with subtests.test(f"/public/usage {cursor[:10]}"):
            assert world.admin.get("/public/usage", cursor=cursor).status_code in (200, 400)


@pytest.mark.parametrize("key", ["é", "\x01", "a\x7fb", "x" * (KEY_LENGTH_MAX + 1), "日".encode().decode("latin-1")])
@before_the_database
def test_an_idempotency_key_is_printable_ascii_of_bounded_length(admin: Client, key: str) -> None:
    answer = send(admin, "/parties", json.dumps(PARTY).encode(), Idempotency_Key=key)
    require_problem(answer, 400, "idempotency_key_malformed")


@pytest.mark.parametrize("key", ["", "   "])
@before_the_database
def test_a_blank_idempotency_key_is_none(admin: Client, key: str) -> None:
    answer = send(admin, "/parties", json.dumps(PARTY).encode(), Idempotency_Key=key)
    require_problem(answer, 400, "idempotency_key_missing")


@pytest.mark.parametrize("given", ["é", "x" * 129, "\x01", "a\x00b", "a\x7f"])
@before_the_database
def test_a_request_id_that_no_header_should_carry_is_not_given_back(admin: Client, given: str) -> None:
    answer = admin.app.test_client().get(f"{BASE}/public/prices", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("urn:uuid:")


def test_a_key_is_a_bearer_of_one_form(admin: Client, subtests: pytest.Subtests) -> None:
    key = admin.key or ""
    forms = {
        f"Bearer {key}": 200,
        f"bearer {key}": 200,
        f"BEARER  {key}": 200,
        "": 401,
        "Bearer": 401,
        "Bearer ": 401,
        "Bearer .": 401,
        f"Bearer {key} x": 401,
        f"Bearer {key},{key}": 401,
        f"Basic {key}": 401,
        key: 401,
        f"Bearer {key.partition('.')[0]}.": 401,
        f"Bearer {key.partition('.')[0]}.é": 401,
        f"Bearer {key.upper()}": 401,
        "Bearer é": 401,
        "Bearer \x00": 401,
        "Bearer " + "x" * 1_000_000: 401,
    }
    for header, status in forms.items():
        with subtests.test(header[:20]):
            answer = admin.app.test_client().get(f"{BASE}/parties", headers={"Authorization": header})
            assert answer.status_code == status, answer.text[:200]
            assert status == 200 or answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/parties/",
        "//parties",
        "/parties//buyer",
        "/parties/..",
        "/parties/%2e%2e",
        "/parties/a%2Fb",
        "/parties/../keys",
        "/parties/%ff",
        "/parties/%",
        "/parties/%0d%0aX: y",
        "/parties/" + "a" * 4_000,
        "/PARTIES",
        "/parties;x=1",
        "/docs/assets/..%2f..%2fapp.py",
        "/docs/assets/%2e%2e/app.py",
        "/docs/assets/%00",
        "/invoices/.pdf",
        "/invoices/%00.pdf",
        "/statements/x.exe",
    ],
)
@before_the_database
def test_a_path_that_leads_nowhere_is_not_found(admin: Client, path: str) -> None:
    require_problem(admin.get(path), 404, "not_found")


@before_the_database
def test_no_path_leads_to_another_host(admin: Client) -> None:
    answer = admin.app.test_client().get("//elsewhere.example/api/v1/parties", headers={"Host": "elsewhere.example"})
    assert answer.status_code in (401, 404)
    assert "Location" not in answer.headers


@before_the_database
def test_methods_that_a_route_does_not_have_are_named_by_those_that_it_has(admin: Client) -> None:
    open_ = admin.app.test_client().open
    headers = {"Authorization": f"Bearer {admin.key}"}
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "STRANGE"):
        answer = open_(f"{BASE}/parties", method=method, headers=headers)
        require_problem(answer, 405, "method_not_allowed")
        assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert open_(f"{BASE}/parties", method="HEAD").status_code == 401
    head = open_(f"{BASE}/parties", method="HEAD", headers=headers)
    assert (head.status_code, head.data) == (200, b"")
    options = open_(f"{BASE}/parties", method="OPTIONS")
    assert (options.status_code, options.data) == (200, b"")
    assert {"GET", "POST"} <= set(options.headers["Allow"].split(", "))


@before_the_database
def test_digits_are_counted_before_they_are_read(admin: Client) -> None:
    longest = b'{"code": ' + b"9" * DIGITS_MAX + b"}"
    for body in (longest, longest.replace(b"9", b"-9", 1), longest.replace(b"9}", b"9e9}")):
        require_problem(send(admin, "/parties", body), 400, "malformed")
