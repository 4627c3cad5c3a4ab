"""The document bounds everything that a client may send, and says of every route how it can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask

from tests.client import BASE

METHODS = ("get", "post", "put")
BRANCHES = ("anyOf", "oneOf", "allOf")
OPEN_OBJECTS = ("UsageEventIn",)
"""Extension attributes of CloudEvents are the client's to name; how many there are is bounded by the body."""

Said = Mapping[str, Any]
Operations = list[tuple[str, str, Said]]


@pytest.fixture
def document(app: Flask) -> Said:
    found: Said = app.test_client().get(f"{BASE}/openapi.json").json or {}
    return found


def operations(document: Said) -> Operations:
    paths = document["paths"].items()
    return [(path, method, said[method]) for path, said in paths for method in METHODS if method in said]


def is_bounded_text(said: Said) -> bool:
    pattern = re.sub(r"\(\?[=!][^)]*\)", "", said.get("pattern", ""))
    return "enum" in said or "maxLength" in said or (bool(pattern) and not re.search(r"[*+](?![\]\-])", pattern))


def unbounded(document: Said, said: Said, path: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Give the paths of what may be sent without bounds."""
    if "$ref" in said:
        name = said["$ref"].rpartition("/")[2]
        if name not in seen:
            inner = document["components"]["schemas"][name]
            yield from unbounded(document, inner, f"{path}<{name}>", seen | {name})
        return
    yield from (f"{path}: {fault}" for fault in faults_of(said, path))
    for where, inner in inside(said):
        yield from unbounded(document, inner, f"{path}{where}", seen)


def faults_of(said: Said, path: str) -> Iterator[str]:
    """Give the kinds of values that a schema itself leaves without bounds."""
    kinds = said["type"] if isinstance(said.get("type"), list) else [said.get("type")]
    is_open = path.endswith(tuple(f"<{name}>" for name in OPEN_OBJECTS))
    is_free = {
        "text": "string" in kinds and not is_bounded_text(said),
        "number": bool({"integer", "number"} & set(kinds)) and not {"minimum", "maximum"} <= set(said),
        "list": "array" in kinds and "maxItems" not in said,
        "object": "object" in kinds and said.get("additionalProperties") is not False and not is_open,
        "anything": kinds == [None] and not any(kind in said for kind in BRANCHES),
    }
    yield from (kind for kind, free in is_free.items() if free)


def inside(said: Said) -> Iterator[tuple[str, Said]]:
    """Give the schemas within a schema, and how they extend its path."""
    for kind in BRANCHES:
        yield from (("", branch) for branch in said.get(kind, []))
    if "items" in said:
        yield "[]", said["items"]
    for name, inner in said.get("properties", {}).items():
        yield f".{name}", inner


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"], "pattern": "^a+$"}, "text"),
        ({"type": "string", "pattern": "^[a-z]*$"}, "text"),
        ({"type": "integer", "minimum": 1}, "number"),
        ({"type": "array", "items": {"type": "boolean"}}, "list"),
        ({"type": "object"}, "object"),
        ({}, "anything"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, "text"),
    ],
)
def test_what_is_unbounded_is_found(said: Said, fault: str) -> None:
    assert list(unbounded({}, said, "x")) == [f"x: {fault}"]


def test_every_text_list_and_number_that_may_be_sent_is_bounded(document: Said) -> None:
    found: list[str] = []
    for path, method, said in operations(document):
        parameters = [*said.get("parameters", []), *document["paths"][path].get("parameters", [])]
        for parameter in parameters:
            found += unbounded(document, parameter["schema"], f"{method} {path} {parameter['name']}")
        for content in said.get("requestBody", {}).get("content", {}).values():
            found += unbounded(document, content["schema"], f"{method} {path}")
    assert not found


def test_every_route_says_how_it_fails(document: Said) -> None:
    for path, method, said in operations(document):
        wanted = {"400", "404"}
        if said["security"]:
            wanted |= {"401", "403"}
        if "requestBody" in said:
            wanted |= {"413", "415"}
        if method != "get":
            wanted |= {"409", "422"}
        assert wanted <= set(said["responses"]), f"{method} {path}"


def test_no_query_argument_is_null_and_no_default_is(document: Said) -> None:
    for path, method, said in operations(document):
        for parameter in said.get("parameters", []):
            assert "null" not in json.dumps(parameter["schema"]), f"{method} {path} {parameter['name']}"
    assert '"default": null' not in json.dumps(document)
