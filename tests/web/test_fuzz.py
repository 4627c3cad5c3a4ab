"""The document and the service are held against each other, by requests that are made up from the document.

Each route gets requests that fit the document and requests that do not. ``TARIFFBOOK_FUZZ_EXAMPLES`` says how many of
each (by default two, always the same ones); where it is given, they are others in each run.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.client import BASE, Client
from tests.web.everything import Everything, made_in
from tests.world import World
from web.door import KEY_PATTERN, ROLES_OF_VIEW

Operation = APIOperation[Any, Any, Any, Any]
Sent = Case[Operation]

EXAMPLES = os.environ.get("TARIFFBOOK_FUZZ_EXAMPLES")
CONFIGURATION = {"generation": {"with-security-parameters": False}}
PARTY_OF_ROLE = {role: role for role in ("operator", "grantor", "regulator", "provider", "buyer")}
ROLES_IN_ORDER = ("admin", *PARTY_OF_ROLE, "auditor")

CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)

JUDGED_ONE_BY_ONE = f"{BASE}/usage-events"
"""A batch is taken as a whole: each of its events is refused by itself, in an answer that is none."""

RULES_BETWEEN_FIELDS = (
    f"{BASE}/ceilings",
    f"{BASE}/tariffs",
    f"{BASE}/tariffs/what-if",
    f"{BASE}/revenue-cap-applications/{{application_id}}/evaluate",
    f"{BASE}/distribution-agreements",
    f"{BASE}/invoices/{{invoice_id}}/credit-notes",
    f"{BASE}/disputes",
    f"{BASE}/disputes/{{dispute_id}}/accept",
    f"{BASE}/reports/filings",
)
"""Routes whose bodies keep rules between fields that the document tells in words: what fits it may be malformed."""


@pytest.fixture
def everything(world: World) -> Everything:
    return made_in(world)


def test_requests_that_fit_the_document_are_answered_as_it_says(
    app: Flask, everything: Everything, subtests: pytest.Subtests
) -> None:
    for operation in operations(app):
        with subtests.test(operation.label):
            fuzz(operation, GenerationMode.POSITIVE, everything)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)  # the pickier of the two, should one get there
def test_requests_that_do_not_fit_the_document_are_refused(
    app: Flask, everything: Everything, subtests: pytest.Subtests
) -> None:
    for operation in different(operations(app)):
        with subtests.test(operation.label):
            fuzz(operation, GenerationMode.NEGATIVE, everything)


def operations(app: Flask) -> Iterator[Operation]:
    """Give the operations of the document; the one that moves the clock comes last, for it changes all others."""
    configuration = schemathesis.Config.from_dict(CONFIGURATION)
    document = schemathesis.openapi.from_wsgi(f"{BASE}/openapi.json", app, config=configuration)
    found: list[Operation] = [each.ok() for each in document.get_all_operations()]  # type: ignore[union-attr]
    yield from sorted(found, key=lambda each: "clock" in each.path)


def different(found: Iterable[Operation]) -> Iterator[Operation]:
    """Give one of the operations that take the same: those that only differ in what they answer refuse alike."""
    seen = set()
    for operation in found:
        taken = [operation.definition.raw.get(name) for name in ("parameters", "requestBody")]
        said = json.dumps([taken, [each.definition["schema"] for each in operation.path_parameters]])
        if said not in seen:
            seen.add(said)
            yield operation


def fuzz(operation: Operation, mode: GenerationMode, everything: Everything) -> None:
    """Send made-up requests to a route with the key of somebody it is for, and judge each answer."""
    client = client_for(operation, everything.world)
    headers = {"Authorization": f"Bearer {client.key}"} if client.key else {}

    @settings(
        max_examples=int(EXAMPLES or 1),
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,),
    )
    @given(case=operation.as_strategy(generation_mode=mode), dice=st.randoms(use_true_random=False))
    def send(case: Sent, dice: Any) -> None:
        if re.fullmatch(KEY_PATTERN, str(case.headers.get("Idempotency-Key", ""))):
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        if mode is GenerationMode.POSITIVE:
            name_what_there_is(case, everything, lambda: bool(dice.random() < 0.5))
        judge(case, case.call(headers=headers), mode)

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing fits the document"


def client_for(operation: Operation, world: World) -> Client:
    """Return the client of the first role that a route is for, in the order of ROLES_IN_ORDER; none where public."""
    rule = operation.path.replace("{", "<").replace("}", ">")
    app = world.admin.app
    endpoint = next(
        found.endpoint
        for found in app.url_map.iter_rules()
        if re.sub(r"<\w+:", "<", found.rule) == rule and operation.method.upper() in (found.methods or ())
    )
    roles = getattr(app.view_functions[endpoint], ROLES_OF_VIEW)
    role = next((role for role in ROLES_IN_ORDER if role in roles), None)
    if role is None:
        return Client(app)
    return world.admin if role == "admin" else world.client(role, PARTY_OF_ROLE.get(role))


def name_what_there_is(case: Sent, everything: Everything, is_wanted: Callable[[], bool]) -> None:
    """Put references to what there is in place of made-up ones, now and then, so that requests get further."""
    if case.path_parameters and is_wanted():
        named = re.split(r"[{}]", case.operation.path)[1::2]
        filled = everything.filled(case.operation.path)
        places = re.escape(case.operation.path)
        for name in named:
            places = places.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>[^/]+)")
        found = re.fullmatch(places, filled)
        assert found is not None
        case.path_parameters.update(found.groupdict())
    if isinstance(case.body, dict):
        case.body = with_references(case.body, everything.references, is_wanted)
    case.query.update(with_references(case.query, everything.references, is_wanted))


def with_references(value: Any, references: Mapping[str, str], is_wanted: Callable[[], bool]) -> Any:
    """Return a body in which some texts under the names of references are references."""
    if isinstance(value, list):
        return [with_references(each, references, is_wanted) for each in value]
    if not isinstance(value, Mapping):
        return value
    replaced: dict[str, Any] = {}
    for name, inner in value.items():
        if name in references and isinstance(inner, str) and is_wanted():
            replaced[name] = references[name]
        elif name.removesuffix("s") in references and isinstance(inner, list) and inner and is_wanted():
            replaced[name] = [references[name.removesuffix("s")]]
        else:
            replaced[name] = with_references(inner, references, is_wanted)
    return replaced


def judge(case: Sent, answer: Response, mode: GenerationMode) -> None:
    """Require an answer that the document foresees, and a refusal just where it says there is one."""
    operation = case.operation
    case.validate_response(answer, checks=list(CHECKS))
    said = operation.definition.raw["responses"]
    assert str(answer.status_code) in said, f"{answer.status_code} is not said of {operation.label}: {answer.text}"
    if mode is GenerationMode.NEGATIVE and operation.path != JUDGED_ONE_BY_ONE:
        case.validate_response(answer, checks=[checks.negative_data_rejection])
    if mode is GenerationMode.POSITIVE and answer.status_code == 400 and operation.path not in RULES_BETWEEN_FIELDS:
        assert answer.json()["code"] != "malformed", f"{case.body!r} {case.query} fits the document: {answer.text}"
