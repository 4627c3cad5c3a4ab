"""Usage events as values: what an event says, what became of it, and the hash by which two contents are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

Document = msgspec.Raw | Mapping[str, Any]
"""An event as it came: JSON text that was not opened yet, or members made from a row of a file."""

Key = tuple[str, str]
"""What tells an operator's events apart: source and id."""

EVENTS_MAX: Final = 10_000
"""A batch holds at most this many events."""


class Event(NamedTuple):
    """Use that happened: ``time`` in UTC, ``subject`` the id of the contract, ``quantity`` in millionths of the unit.

    ``offering`` is the id or the code, as it was sent; ``reverses`` the key of the event that this one takes back.
    """

    source: str
    id: str
    type: str
    time: datetime
    subject: str
    offering: str
    quantity: int
    document: Document
    reverses: Key | None = None

    @property
    def key(self) -> Key:
        """What tells it apart from the operator's other events."""
        return self.source, self.id


class Unreadable(NamedTuple):
    """An event that is not well formed: the code and the sentence that say why."""

    code: str
    detail: str
    document: Document


class Status(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


class Verdict(NamedTuple):
    """What became of an event, and why where it was not counted."""

    status: Status
    code: str | None = None
    detail: str | None = None


ACCEPTED: Final = Verdict(Status.ACCEPTED)
_DUPLICATE: Final = Verdict(Status.DUPLICATE)
_CONFLICT: Final = Verdict(
    Status.CONFLICT,
    "key_conflict",
    "an event with this source and id but other content was counted before; nothing was changed",
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def refused(code: str, detail: str) -> Verdict:
    """Return the verdict on an event that is not counted, with its reason."""
    return Verdict(Status.REFUSED, code, detail)


def counted_before(*, same: bool) -> Verdict:
    """Return the verdict on an event whose key was counted: a duplicate if its content is the same, else a conflict."""
    return _DUPLICATE if same else _CONFLICT


def content_hash(event: Event, offering_id: str) -> bytes:
    """Return the SHA-256 of what an event says, its key included, and not how it is spelt.

    Each text goes in with its length, so that no two events share a preimage; a reversal also says of what it is one.
    """
    source, name, kind, time, subject = event[:5]
    past = time - _EPOCH
    said = (
        f"{len(source)}:{source}{len(name)}:{name}{len(kind)}:{kind}{past.days}.{past.seconds}.{past.microseconds};"
        f"{len(subject)}:{subject}{len(offering_id)}:{offering_id}{event.quantity}"
    )
    if event.reverses is not None:
        said += "".join(f"{len(text)}:{text}" for text in ("reverses", *event.reverses))
    return hashlib.sha256(said.encode()).digest()


def events_digest(contents: Iterable[bytes]) -> str:
    """Return the digest by which a posting attests its events, given as their content hashes in the order of keys."""
    return hashlib.sha256(b"".join(contents)).hexdigest()
