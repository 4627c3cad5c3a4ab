"""Documents of use: events and their results, refused events, use, write-offs.

Events come by the thousand, so each is decoded straight into a struct; only what the struct does not take goes
through the marshmallow schema, which words what is wrong with it (and alone describes the event to the OpenAPI
document). A property test holds the two to the same judgement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec
from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from metering.events import EVENTS_MAX, Document, Event, Key, Unreadable
from pricing import money, period
from pricing.errors import InstantWithoutOffset, Malformed, TooLarge
from schemas.fields import Choice, Cursor, Day, Instant, Items, MonthField, Quantity, Ref, TotalQuantity, Words
from schemas.json_mask import masked
from schemas.json_text import read_json
from schemas.wire import PageQuery, Query, Wire

ATTRIBUTE_LENGTH_MAX: Final = 256
EXTENSION_NAME_LENGTH_MAX: Final = 64
DETAIL_LENGTH_MAX: Final = 500
CURSOR_LENGTH_MAX: Final = 4096
MALFORMED_EVENT: Final = "malformed_event"
_NO_ID: Final = "a source by itself names no event: give reversesid too"

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_EXTENSION_NAME: Final = re.compile(f"[a-z0-9]{{1,{EXTENSION_NAME_LENGTH_MAX}}}")
_INTEGER_MAX: Final = 2**31
_COMMON_INSTANT: Final = re.compile(
    r"(?:19[7-9]|[2-8][0-9]{2})[0-9](?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){2}(?:\.[0-9]{1,6})?(?:Z|\+08:00)"
)


class TooManyEvents(TooLarge):
    """A batch larger than is taken at once."""

    code = "too_many_events"


class Attribute(fields.String):
    """A text of CloudEvents, kept to the letter: 1 to 256 characters, none of them a control character."""

    pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=[validate.Length(min=1, max=ATTRIBUTE_LENGTH_MAX), _require_text], **kwargs)


def _require_text(text: str) -> None:
    if not text.isprintable() and (found := _CONTROL.search(text)):
        raise ValidationError(f"the control character {found[0]!r} is not text")


class UsageDataIn(Wire):
    """What was used, and how much of it."""

    offering = Attribute(required=True)
    quantity = Quantity(required=True, above=0)


class UsageEventIn(Wire):
    """A CloudEvents 1.0 event of use; ``subject`` is the id of the contract. Extension attributes are allowed.

    With ``reversesid`` it takes back the counted event of that id (and of ``reversessource``, if that is another source
    than its own), whose contract, offering and quantity it repeats.
    """

    class Meta:
        """What is not named here is an extension attribute, or a fault."""

        unknown = INCLUDE

    specversion = Choice("1.0", required=True)
    id = Attribute(required=True)
    source = Attribute(required=True)
    type = Attribute(required=True)
    time = Instant(required=True)
    subject = Attribute(required=True)
    data = fields.Nested(UsageDataIn, required=True)
    datacontenttype = Attribute(load_default=None, allow_none=True)
    dataschema = Attribute(load_default=None, allow_none=True)
    reversesid = Attribute(load_default=None, allow_none=True)
    reversessource = Attribute(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=False)
    def refuse_a_source_alone(self, content: Mapping[str, Any], **_kwargs: Any) -> None:
        """A source by itself names no event to reverse."""
        if content.get("reversessource") is not None and content.get("reversesid") is None:
            raise ValidationError({"reversessource": [_NO_ID]})

    @validates_schema(skip_on_field_errors=False)
    def refuse_what_is_no_extension(self, content: Mapping[str, Any], **_kwargs: Any) -> None:
        """Hold extension attributes to CloudEvents 1.0: names of a-z and 0-9; texts, booleans, 32-bit integers."""
        faults = {
            str(name): ["this is no extension attribute: those have names of a-z and 0-9, and simple values"]
            for name, value in content.items()
            if name not in self.fields and not _is_extension(name, value)
        }
        if faults:
            raise ValidationError(faults)


class UsageBatchIn(Wire):
    """A batch of events of use."""

    events = Items(fields.Nested(UsageEventIn), required=True, least=1, most=EVENTS_MAX)


class EventResult(Wire):
    """What became of one event, by its place in the batch."""

    index = fields.Integer(required=True)
    status = Choice("accepted", "duplicate", "conflict", "refused", required=True)
    code = fields.String()
    detail = fields.String()


class UsageBatchOut(Wire):
    """What became of a batch."""

    accepted = fields.Integer(required=True)
    duplicates = fields.Integer(required=True)
    conflicts = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    results = fields.List(fields.Nested(EventResult), required=True)


class ReversedOut(Wire):
    """The event that another takes back."""

    source = fields.String(required=True)
    id = fields.String(required=True)


class UsageEventOut(Wire):
    """An accepted event; with ``reverses`` it took back another one's use instead of bringing its own."""

    id = fields.String(required=True)
    source = fields.String(required=True)
    type = fields.String(required=True)
    time = Instant(required=True)
    operator = fields.String(required=True)
    contract = fields.String(required=True)
    offering = fields.String(required=True)
    service_on = Day(required=True)
    quantity = Quantity(required=True)
    transaction = fields.Integer(required=True)
    recorded_at = Instant(required=True)
    reverses = fields.Nested(ReversedOut, required=True, allow_none=True)


class UsageEventsQuery(PageQuery):
    """Which events to list; their cursor spells out the key of one, and so is longer than others."""

    cursor = Cursor(longest=CURSOR_LENGTH_MAX, load_default=None)
    contract = Ref(load_default=None)
    month = MonthField(load_default=None)


class UsageEventQuery(Query):
    """Which of the events with an id: that of a source, and (for those who see several) of an operator."""

    source = Attribute(required=True)
    operator = Ref(load_default=None)


class RefusedEventsQuery(PageQuery):
    """Which refused events to list."""

    contract = Ref(load_default=None)
    code = Ref(load_default=None)


class RefusedEventOut(Wire):
    """A refused event, with the reason; ``outcome`` says what it became when it was judged again, if not refused.

    ``event`` is the text that was kept where that was cut short or cannot be read.
    """

    id = fields.String(required=True)
    operator = fields.String(required=True)
    contract = fields.String(allow_none=True)
    event = fields.Raw(required=True)
    truncated = fields.Boolean(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    outcome = Choice("accepted", "duplicate", allow_none=True)
    recorded_at = Instant(required=True)
    judged_at = Instant(allow_none=True)


class UsageQuery(Query):
    """Whose use of what; of all months unless one is named."""

    contract = Ref(required=True)
    offering = Ref(required=True)
    month = MonthField(load_default=None)


class UsageOut(Wire):
    """Use of an offering under a contract: accepted = unbilled + billed + free + written_off."""

    contract = fields.String(required=True)
    offering = fields.String(required=True)
    month = MonthField(required=True, allow_none=True)
    unit = fields.String(required=True)
    accepted = TotalQuantity(required=True)
    unbilled = TotalQuantity(required=True)
    billed = TotalQuantity(required=True)
    free = TotalQuantity(required=True)
    written_off = TotalQuantity(required=True)


class WriteoffIn(Wire):
    """Unbilled use of a month that will not be billed, and why."""

    contract = Ref(required=True)
    offering = Ref(required=True)
    month = MonthField(required=True)
    quantity = Quantity(required=True, above=0)
    reason = Words(required=True)


class WriteoffOut(WriteoffIn):
    """A write-off of use."""

    id = fields.String(required=True)
    recorded_at = Instant(required=True)


class WriteoffsQuery(PageQuery):
    """Which write-offs to list."""

    contract = Ref(load_default=None)


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_LENGTH_MAX)]


class _Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    offering: _Text
    quantity: str


class _Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    time: str
    subject: _Text
    data: _Data
    datacontenttype: _Text | None = None
    dataschema: _Text | None = None
    reversesid: _Text | None = None
    reversessource: _Text | None = None


_QUOTES: Final = 34
"""Quotes around the names and texts of an event that has the required members only."""
_MEMBERS: Final = frozenset(_Event.__struct_fields__)
_FAULTS: Final = (msgspec.DecodeError, UnicodeError, RecursionError, Malformed, ValidationError)
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_events = msgspec.json.Decoder(list[_Event]).decode
_decode_body = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_worder = UsageEventIn()


def read_batch(body: bytes) -> list[Event | Unreadable]:
    """Return the events of a body, each by itself: one that is malformed costs the others nothing.

    Raises Malformed for a body that is no batch, and TooManyEvents.
    """
    sight = body
    try:
        members = _decode_body(body)
    except _FAULTS:
        sight = masked(body)
        members = _members(sight)
    seen = bytes(members.get("events", b""))
    before = sight.rpartition(seen)[0] if seen else sight
    listed, after = body[len(before) : len(before) + len(seen)], body[len(before) + len(seen) :]
    around = read_json(body[: len(before)] + b"[]" * bool(listed) + after)
    faults = {_spelt_out(name): ["Unknown field."] for name in around if name != "events"}
    events: list[msgspec.Raw] = []
    try:
        events = _decode_list(seen) if seen else []
    except _FAULTS:
        faults["events"] = ["Not a list of events."]
    if sight is not body:
        events = _unmasked(events, seen, listed)
    if not events:
        faults.setdefault("events", ["Give at least one event."])
    if faults:
        raise Malformed(f"not well formed: {', '.join(sorted(faults))}", errors=faults)
    if len(events) > EVENTS_MAX:
        raise TooManyEvents(f"a batch holds at most {EVENTS_MAX} events, not {len(events)}; send them in parts")
    return _read_alike(listed, events) or [read_event(event) for event in events]


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _decode_body(body)
    except _FAULTS as fault:
        raise Malformed(f"the body is no JSON object that can be read: {fault}") from fault


def _unmasked(events: Sequence[msgspec.Raw], seen: bytes, listed: bytes) -> list[msgspec.Raw]:
    """Return the events as they were sent: what stands in a list where the masked ones do in the list as it was seen.

    Only blanks and commas stand between two events, so that the next place where the text of one is found is its own.
    """
    sent: list[msgspec.Raw] = []
    end = 1
    for event in events:
        text = bytes(event)
        begin = seen.index(text, end)
        end = begin + len(text)
        sent.append(msgspec.Raw(listed[begin:end]))
    return sent


def _read_alike(listed: bytes, documents: Sequence[msgspec.Raw]) -> list[Event | Unreadable] | None:
    """Return the events of a list, read at once, where all of them are plain and well formed; None else."""
    try:
        wires = _decode_events(listed)
        if listed.count(b'"') == sum(map(_quotes, wires)):
            return list(map(_event, wires, documents))
    except _FAULTS:
        pass
    return None


def read_event(document: msgspec.Raw) -> Event | Unreadable:
    """Return the event that a JSON text says, or why it cannot be read."""
    text = bytes(document)
    try:
        wire = _decode_event(text)
        if text.count(b'"') == _quotes(wire):
            return _event(wire, document)
    except _FAULTS:
        pass
    try:
        content = read_json(text)
    except Malformed as fault:
        return Unreadable(MALFORMED_EVENT, _spelt_out(fault.detail)[:DETAIL_LENGTH_MAX], document)
    return _read(content, document)


def read_members(content: Mapping[str, Any]) -> Event | Unreadable:
    """Return the event that has these members, as they would be in JSON, or why it cannot be read."""
    return _read(content, content)


def _read(content: Any, document: Document) -> Event | Unreadable:
    if not isinstance(content, Mapping):
        return Unreadable(MALFORMED_EVENT, "an event is a JSON object", document)
    try:
        return _event(msgspec.convert(_without_extensions(content), _Event), document)
    except _FAULTS:
        return _worded(content, document)


def _quotes(wire: _Event) -> int:
    """Return how many quotes the text of an event has in which nothing is said twice and no quote is escaped."""
    given = (wire.datacontenttype, wire.dataschema, wire.reversesid, wire.reversessource)
    return _QUOTES + 4 * (4 - given.count(None))


def _event(wire: _Event, document: Document) -> Event:
    _require_text(wire.id + wire.source + wire.type + wire.subject + wire.data.offering)
    if wire.datacontenttype is not None or wire.dataschema is not None:
        _require_text(f"{wire.datacontenttype}{wire.dataschema}")
    reverses = None
    if wire.reversesid is not None or wire.reversessource is not None:
        reverses = _reverses(wire)
    return Event(
        wire.source,
        wire.id,
        wire.type,
        _instant(wire.time),
        wire.subject,
        wire.data.offering,
        _quantity_above_zero(wire.data.quantity),
        document,
        reverses,
    )


def _reverses(wire: _Event) -> Key:
    if wire.reversesid is None:
        raise Malformed(_NO_ID)
    _require_text(f"{wire.reversesid}{wire.reversessource}")
    return wire.reversessource or wire.source, wire.reversesid


def _instant(text: str) -> datetime:
    """Return the instant that a text says, by a short way where it is spelt as most are; raises Malformed."""
    if _COMMON_INSTANT.fullmatch(text) is None:
        return period.parse_instant(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return period.parse_instant(text)


@lru_cache(maxsize=4096)
def _quantity_above_zero(text: str) -> int:
    quantity = money.parse_quantity(text)
    if quantity == 0:
        raise Malformed("a use of nothing is no use")
    return quantity


def _is_extension(name: object, value: object) -> bool:
    if not isinstance(name, str) or _EXTENSION_NAME.fullmatch(name) is None:
        return False
    if isinstance(value, int):
        return -_INTEGER_MAX <= value < _INTEGER_MAX
    return value is None or (isinstance(value, str) and _SURROGATE.search(value) is None)


def _without_extensions(content: Mapping[str, Any]) -> Mapping[str, Any]:
    if content.keys() <= _MEMBERS:
        return content
    return {name: value for name, value in content.items() if name in _MEMBERS or not _is_extension(name, value)}


def _worded(content: Mapping[str, Any], document: Document) -> Event | Unreadable:
    """Let the marshmallow schema judge: it says what is wrong, field by field."""
    try:
        loaded = _worder.load(content)
    except ValidationError as fault:
        code = InstantWithoutOffset.code if _lacks_only_an_offset(content, fault) else MALFORMED_EVENT
        detail = _spelt_out("; ".join(_sentences(fault.messages_dict)))
        return Unreadable(code, detail[:DETAIL_LENGTH_MAX], document)
    return Event(
        loaded["source"],
        loaded["id"],
        loaded["type"],
        loaded["time"],
        loaded["subject"],
        loaded["data"]["offering"],
        loaded["data"]["quantity"],
        document,
        (loaded["reversessource"] or loaded["source"], loaded["reversesid"]) if loaded["reversesid"] else None,
    )


def _spelt_out(said: str) -> str:
    """Return a sentence without what no column holds, which the name of a member may bring into it."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], said)


def _lacks_only_an_offset(content: Mapping[str, Any], fault: ValidationError) -> bool:
    if set(fault.messages_dict) != {"time"}:
        return False
    try:
        period.parse_instant(content.get("time", ""))
    except InstantWithoutOffset:
        return True
    except Malformed:
        return False
    return False


def _sentences(messages: Mapping[str, Any], path: str = "") -> list[str]:
    said: list[str] = []
    for name, found in messages.items():
        here = path if name == "_schema" else f"{path}.{name}".lstrip(".")
        if isinstance(found, Mapping):
            said.extend(_sentences(found, here))
        else:
            said.extend(f"{here}: {message}" for message in found)
    return said
