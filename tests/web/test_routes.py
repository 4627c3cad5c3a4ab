"""Guards over all routes: none is open by accident, none is undocumented, and the document is a valid OpenAPI one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from openapi_spec_validator import validate
from werkzeug.routing import Rule

from schemas.registry import ROLES
from tests.client import BASE, Client
from web.door import ROLES_OF_VIEW

PUBLIC_PREFIXES = (f"{BASE}/public/", f"{BASE}/docs", f"{BASE}/openapi.json", "/healthz", "/readyz", "/metrics")

ASKED = tuple(BASE + path for path in ("/entitlements/check", "/quotes/rate", "/tariffs/what-if", "/ceilings/what-if"))
"""What is asked by POST and moves nothing."""


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def path_of(rule: Rule) -> str:
    return re.sub(r"<[^>]+>", "x", rule.rule)


def roles_of(app: Flask, rule: Rule) -> frozenset[str]:
    return getattr(app.view_functions[rule.endpoint], ROLES_OF_VIEW, frozenset())


def test_every_route_names_who_may_call_it_and_only_public_ones_are_open(app: Flask) -> None:
    for rule, method in routes(app):
        roles = roles_of(app, rule)
        if rule.rule.startswith(PUBLIC_PREFIXES):
            assert roles <= {"public"}, rule
        else:
            assert roles, f"{method} {rule.rule} names no role"
            assert roles <= set(ROLES), rule


@pytest.mark.parametrize("role", ["auditor", "nobody"])
def test_no_route_answers_a_caller_it_does_not_name(app: Flask, admin: Client, role: str) -> None:
    client = admin.client_of("auditor") if role == "auditor" else Client(app)
    for rule, method in routes(app):
        roles = roles_of(app, rule)
        if not roles or "public" in roles or role in roles:
            continue
        response = client.app.test_client().open(
            path_of(rule), method=method, headers={"Authorization": f"Bearer {client.key}"} if client.key else {}
        )
        assert response.status_code == (403 if client.key else 401), f"{method} {rule.rule}: {response.text}"
        assert response.mimetype == "application/problem+json"


def test_the_auditor_changes_nothing(app: Flask) -> None:
    for rule, method in routes(app):
        if method != "GET" and rule.rule not in (f"{BASE}/ledger/verify", *ASKED):
            assert "auditor" not in roles_of(app, rule), rule


def test_every_post_that_creates_or_moves_something_needs_an_idempotency_key(app: Flask, admin: Client) -> None:
    document = admin.app.test_client().get(f"{BASE}/openapi.json").json
    assert document is not None
    for path, operations in document["paths"].items():
        if "post" in operations and path not in ASKED:
            names = [parameter.get("name") for parameter in operations["post"].get("parameters", [])]
            assert "Idempotency-Key" in names, path


def test_the_openapi_document_is_valid_and_says_every_route(app: Flask) -> None:
    document = app.test_client().get(f"{BASE}/openapi.json").json
    assert document is not None
    validate(document)
    said = {(path, method.upper()) for path, operations in document["paths"].items() for method in operations}
    for rule, method in routes(app):
        if rule.rule.startswith(BASE) and not rule.rule.startswith((f"{BASE}/docs", f"{BASE}/openapi.json")):
            assert (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method) in said


def test_every_error_of_the_document_is_a_problem_document(app: Flask) -> None:
    document = app.test_client().get(f"{BASE}/openapi.json").json
    assert document is not None
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "put"):
                assert set(operation["responses"]) >= {"default"}, f"{method} {path}"
    assert list(document["components"]["responses"]["DEFAULT_ERROR"]["content"]) == ["application/problem+json"]


def test_the_api_page_loads_nothing_from_elsewhere(app: Flask) -> None:
    client = app.test_client()
    page = client.get(f"{BASE}/docs")
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page.text)
    assert "'self'" in page.headers["Content-Security-Policy"]
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        with client.get(asset) as answer:
            assert answer.status_code == 200, asset


def test_health_and_readiness(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_metrics_count_requests_and_are_given_to_this_machine_only(app: Flask) -> None:
    client = app.test_client()
    client.get("/healthz")
    assert 'route="/healthz"' in client.get("/metrics").text
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "10.0.0.9"}).status_code == 404


def test_unknown_paths_methods_and_bodies_end_in_problem_documents(admin: Client) -> None:
    assert admin.get("/nowhere").mimetype == "application/problem+json"
    wrong = admin.app.test_client().delete(f"{BASE}/parties", headers={"Authorization": f"Bearer {admin.key}"})
    assert (wrong.status_code, wrong.mimetype) == (405, "application/problem+json")
    headers = {"Authorization": f"Bearer {admin.key}", "Idempotency-Key": "k"}
    send = admin.app.test_client().post
    assert send(f"{BASE}/parties", data="{", content_type="application/json", headers=headers).status_code == 400
    assert send(f"{BASE}/parties", data="a=b", content_type="text/plain", headers=headers).status_code == 415
    big = "x" * (admin.app.config["MAX_CONTENT_LENGTH"] + 1)
    assert send(f"{BASE}/parties", data=big, content_type="application/json", headers=headers).status_code == 413
