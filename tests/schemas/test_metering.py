"""The quick reading of events and the schema that words their faults judge alike."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from metering.events import Event, Unreadable
from pricing.errors import Malformed
from schemas import metering
from schemas.json_mask import MASKED_FROM, masked
from schemas.metering import UsageEventIn, read_batch, read_event, read_members

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/gateway/1",
    "type": "usage",
    "time": "2026-01-31T16:00:00Z",
    "subject": "ctr_1",
    "data": {"offering": "api-1", "quantity": "1.5"},
}
LEFT_OUT = object()

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=300),
    st.sampled_from(["", " ", "\x00", "\n", "\x85", "字", "a" * 256, "a" * 257, "1.0", "0.3"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
_TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.from_regex(
        r"\A[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,8})?([Zz]|\+08:00)\Z"
    ),
)
_QUANTITIES = st.one_of(
    st.from_regex(r"\A-?[0-9]{1,11}(\.[0-9]{1,7})?\Z"), st.sampled_from(["0", "0.0", "+1", "1e3", "١", "1_0", " 1"])
)
_CHANGES = st.one_of(
    st.dictionaries(st.sampled_from([*GOOD, "datacontenttype", "dataschema"]), _VALUES, max_size=2),
    st.dictionaries(st.from_regex(r"\A[a-z0-9A-Z_-]{0,70}\Z"), _VALUES, max_size=2),
    st.builds(lambda time: {"time": time}, _TIMES),
    st.builds(lambda quantity: {"data": {**GOOD["data"], "quantity": quantity}}, _QUANTITIES),
    st.builds(lambda value: {"data": {**GOOD["data"], "offering": value}}, _VALUES),
    st.builds(lambda name: {name: LEFT_OUT}, st.sampled_from(list(GOOD))),
    st.builds(
        lambda extra: {"data": {**GOOD["data"], **extra}}, st.dictionaries(st.text(max_size=5), _VALUES, max_size=1)
    ),
)


def _changed(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not LEFT_OUT}


def _by_schema(content: dict[str, Any]) -> tuple[Any, ...] | None:
    try:
        loaded = UsageEventIn().load(content)
    except ValidationError:
        return None
    named = tuple(loaded[name] for name in ("source", "id", "type", "time", "subject"))
    reverses = (loaded["reversessource"] or loaded["source"], loaded["reversesid"]) if loaded["reversesid"] else None
    return (*named, loaded["data"]["offering"], loaded["data"]["quantity"], reverses)


def _by_struct(content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...] | None:
    """What the quick reading makes of an event by itself: nothing, where it would leave it to the schema."""
    with monkeypatch.context() as patched:
        patched.setattr(metering, "_worded", lambda _content, document: Unreadable("left", "", document))
        read = read_event(msgspec.Raw(json.dumps(content).encode()))
        again = read_members(content)
    assert isinstance(read, Event) == isinstance(again, Event)
    return (*read[:-2], read.reverses) if isinstance(read, Event) else None


@given(changes=_CHANGES)
def test_the_quick_reading_takes_what_the_schema_takes_and_reads_the_same(changes: dict[str, Any]) -> None:
    content = _changed(changes)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert _by_struct(content, monkeypatch) == _by_schema(content)


def test_what_is_wrong_with_an_event_is_said_field_by_field() -> None:
    content = _changed({"id": "", "time": "today", "data": {"offering": "x", "quantity": 1}})
    fault = read_members(content)
    assert isinstance(fault, Unreadable)
    assert fault.code == "malformed_event"
    for field in ("id: ", "time: ", "data.quantity: "):
        assert field in fault.detail


def test_a_long_fault_is_said_in_short() -> None:
    fault = read_members(_changed({f"Not-An-Extension-{number}": number for number in range(30)}))
    assert isinstance(fault, Unreadable)
    assert len(fault.detail) == metering.DETAIL_LENGTH_MAX


@pytest.mark.parametrize(
    "twice", ['"id": "e2"', '"data": {"offering": "api-1", "quantity": "2"}', '"extra": 1, "extra": 1']
)
def test_an_event_that_says_a_member_twice_could_mean_either_and_is_refused(twice: str) -> None:
    text = f"{json.dumps(GOOD)[:-1]}, {twice}}}"
    [event] = read_batch(f'{{"events": [{text}]}}'.encode())
    assert isinstance(event, Unreadable)
    assert "given twice" in event.detail


def test_a_quote_within_a_text_is_text() -> None:
    [event] = read_batch(
        json.dumps({"events": [{**GOOD, "id": 'say "a"', "datacontenttype": "application/json"}]}).encode()
    )
    assert isinstance(event, Event)
    assert event.id == 'say "a"'


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"events": [], "events": [{}]}', {"body"}),
        (b'{"events": [{}], "source": [{}]}', {"source"}),
        (b' { "source" : 1 } ', {"events", "source"}),
        (b"{}", {"events"}),
        (b'{"events": "[]"}', {"events"}),
    ],
)
def test_a_body_is_one_list_of_events_and_nothing_else(body: bytes, fields: set[str]) -> None:
    with pytest.raises(Malformed) as refused:
        read_batch(body)
    assert set(refused.value.errors) == fields


_DEEP = b"[" * 50_000 + b"]" * 50_000


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"id": b'"\\ud800"'}, "id: the control character '\\ud800'"),
        ({"id": b'"\\uDFFF\\uD800"'}, "id: the control character '\\udfff'"),
        ({"specversion": b'"\\ud800"'}, "specversion: "),
        ({"extra": b'"\\ud800"'}, "extra: this is no extension attribute"),
        ({"\\ud800": b"1"}, "\\ud800: this is no extension attribute"),
        ({"data": b'{"offering":"api-1","quantity":"\\ud800"}'}, "data.quantity: "),
        ({"data": b'{"offering":"api-1","quantity":"1","\\udc00":"]"}'}, "data.\\udc00: "),
        ({"extra": _DEEP}, "nested more than 32 deep"),
        ({"extra": b'{"a":' * 50_000 + b'"}]"' + b"}" * 50_000}, "nested more than 32 deep"),
        ({"extra": b"[" * 2000 + b'"\\ud800\\"["' + b"]" * 2000}, "nested more than 32 deep"),
    ],
)
def test_an_event_that_no_text_or_stack_can_hold_costs_its_neighbours_nothing(odd: dict[str, bytes], said: str) -> None:
    good = [json.dumps({**GOOD, "id": name}).encode() for name in ("[", "back\\ud800slash", "\U0001f600 ]", "d")]
    members = {**{name: json.dumps(value).encode() for name, value in GOOD.items()}, **odd}
    bad = b"{%s}" % b", ".join(b'"%s": %s' % (name.encode(), text) for name, text in members.items())
    read = read_batch(b' { "events" : [ %s ,%s, %s,%s , %s,%s ] } ' % (good[0], bad, good[1], good[2], bad, good[3]))
    assert [bytes(event.document) for event in read] == [good[0], bad, good[1], good[2], bad, good[3]]  # type: ignore[arg-type]
    assert [event.id for event in read if isinstance(event, Event)] == ["[", "back\\ud800slash", "\U0001f600 ]", "d"]
    faults = [event for event in read if isinstance(event, Unreadable)]
    assert [fault.code for fault in faults] == ["malformed_event"] * 2
    assert said in faults[0].detail
    faults[0].detail.encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"events": [{"id": "\\ud800"}, }]}',
        b'{"events": [{"id": "\\ud8"}]}',
        b'{"events": [{"id": "\\ud800}]}',
        b'{"events": [%s' % _DEEP,
        b'{"events": [{%s: 1}]}' % _DEEP,
        b'{"events": [{"id": "\\ud800"}], "deep": %s}' % _DEEP,
        b'{"events": [{"id": "\\ud800"}], "\\ud800": 1}',
        _DEEP,
        b'"' + b'\\"' * 50_000,
    ],
)
def test_a_body_that_is_no_batch_is_malformed_whatever_else_is_odd_in_it(body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_batch(body)
    json.dumps(refused.value.errors, ensure_ascii=False).encode()


@given(_VALUES, st.sampled_from(["", "\\", '"', "\ud800", "[", "}"]))
def test_what_is_masked_stands_where_it_stood(value: Any, text: str) -> None:
    deep: Any = [value]
    for _ in range(MASKED_FROM):
        deep = {text: deep, "[": text}
    body = json.dumps([value, {text: [text, deep]}, text]).encode()
    seen = masked(body)
    assert len(seen) == len(body)
    first, second, third = msgspec.json.decode(seen, type=list[msgspec.Raw])
    assert seen.endswith(bytes(third) + b"]")
    assert body.index(json.dumps(value).encode()) == seen.index(bytes(first)) == 1
    assert len(bytes(second)) == len(json.dumps({text: [text, deep]}))
