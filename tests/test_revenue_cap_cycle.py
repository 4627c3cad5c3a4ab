"""The page on a revenue-cap cycle is true: its requests are sent as they stand, its answers are held against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from werkzeug.test import TestResponse

from tests.client import Client

PAGE = Path(__file__).parent.parent / "docs" / "revenue-cap-cycle.md"

_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
_CALL = re.compile(
    r"""^(?:(?P<name>[A-Z]+(?:_[A-Z]+)*)=\$\()?  # what is kept of the answer
    (?P<method>post|get)\ "\$(?P<key>[A-Z]+)"\ (?P<path>"[^"]+"|[^\s|']+)
    (?:\ '(?P<body>[^']*)')?
    (?:\ \|\ (?:member\ (?P<member>\w+)|python3\ -c\ '[^']*\["items"\]\[0\]\["(?P<of_first>\w+)"\][^']*')\))?$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True)
class Told:
    """A request of the page, or (``answer``) what the page says of the answer to the one before it."""

    call: re.Match[str] | None = None
    answer: Any = None


def told() -> Iterator[Told]:
    for language, block in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language == "json":
            yield Told(answer=json.loads(block))
            continue
        calls = list(_CALL.finditer(re.sub(r"""'"\$(\w+)"'""", r"$\1", block)))
        if not re.search(r"^(api=|tariffbook )", block, re.MULTILINE):
            assert len(calls) == len(re.findall(r"(?:^|\()(?:post|get) ", block, re.MULTILINE)), block
            yield from (Told(call=call) for call in calls)


def filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$([A-Z_]+)", lambda found: known[found[1]], text)


def sent(app: Flask, call: re.Match[str], known: Mapping[str, str]) -> TestResponse:
    client = Client(app, known[call["key"]])
    path, _, query = filled(call["path"].strip('"'), known).partition("?")
    if call["method"] == "get":
        return client.get(path, **dict(parse_qsl(query)))
    return client.post(path, json.loads(filled(call["body"], known)))


def says(answer: Any, expected: Any) -> bool:
    """Whether an answer holds what the page says of it: members it names, lists item by item."""
    if isinstance(expected, dict):
        return all(name in answer and says(answer[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return len(answer) == len(expected) and all(map(says, answer, expected))
    return bool(answer == expected)


def test_a_price_authority_can_follow_the_page_through_a_whole_cycle(app: Flask, admin: Client) -> None:
    known: dict[str, str] = {"ADMIN": str(admin.key)}
    last: TestResponse | None = None
    is_expected = True
    for step in told():
        if step.call is None:
            assert last is not None
            assert says(last.json, step.answer), f"{json.dumps(last.json, ensure_ascii=False, indent=1)}\n{step.answer}"
            is_expected = True
            continue
        assert is_expected or last is None or last.status_code < 300, last.text
        last = sent(app, step.call, known)
        is_expected = last.status_code < 300
        if step.call["name"] is not None:
            assert is_expected, last.text
            said: Any = last.json
            member, of_first = step.call["member"], step.call["of_first"]
            known[step.call["name"]] = said[member] if member else said["items"][0][of_first]
    assert is_expected
    assert len(known) > 10
