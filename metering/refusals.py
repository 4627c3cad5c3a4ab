"""Refused events: kept with the reason, listed, and judged afresh once its cause is mended.

A refused event does not hold its key. The same event refused again is the same row, with the newest reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from metering.events import Document, Event, Status, Unreadable, Verdict
from metering.tables import RefusedEvent
from registry.lookup import code_of, missing
from registry.relations import operators_overseen
from registry.tables import Party
from store.ids import new_id
from store.unit import Unit

TEXT_BYTES_MAX: Final = 4096
"""So much of a refused event is kept."""
_SUBJECT_LENGTH_MAX: Final = 256
_KEPT: Final = (Status.REFUSED, Status.CONFLICT)


def keep_refused(unit: Unit, operator_id: str, judged: Iterable[tuple[Event | Unreadable, Verdict]]) -> None:
    """Keep the events that were refused, or that stand against others' content, each content once."""
    rows: dict[str, dict[str, object]] = {}
    for event, verdict in judged:
        if verdict.status in _KEPT:
            row = _row(unit, operator_id, event, verdict)
            rows[row["content_hash"]] = row
    if not rows:
        return
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    statement = dialect.insert(RefusedEvent)
    newest = {
        "code": statement.excluded.code,
        "detail": statement.excluded.detail,
        "judged_at": statement.excluded.recorded_at,
    }
    unit.connection.execute(
        statement.on_conflict_do_update(index_elements=["operator_id", "content_hash"], set_=newest),
        [rows[content_hash] for content_hash in sorted(rows)],
    )


def find_refused(unit: Unit, refused_id: str) -> RefusedEvent:
    """Return a refused event that the caller may see; raises NotFound."""
    query = visible_refused(unit, {}).where(col(RefusedEvent.id) == refused_id)
    row: RefusedEvent | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("refused usage event", refused_id)
    return row


def visible_refused(unit: Unit, wanted: Mapping[str, Any]) -> Select[RefusedEvent]:
    """Return the query of the refused events that the caller may see; ``contract`` and ``code`` narrow it."""
    query = select(RefusedEvent)
    operators = operators_overseen(unit)
    if operators is not None:
        query = query.where(col(RefusedEvent.operator_id).in_(operators))
    if wanted.get("contract"):
        query = query.where(col(RefusedEvent.subject) == wanted["contract"])
    if wanted.get("code"):
        query = query.where(col(RefusedEvent.code) == wanted["code"])
    return query


def refused_document(unit: Unit, row: RefusedEvent) -> dict[str, Any]:
    """Return a refused event as the wire says it; one that was cut short or cannot be read is shown as its text."""
    content = None if row.truncated else _opened(msgspec.Raw(row.event.encode()))
    return {
        **row.model_dump(exclude={"operator_id", "content_hash", "subject", "event"}),
        "operator": code_of(unit, Party, row.operator_id),
        "contract": row.subject,
        "event": row.event if content is None else content,
    }


def _row(unit: Unit, operator_id: str, event: Event | Unreadable, verdict: Verdict) -> dict[str, Any]:
    content = _opened(event.document)
    text = _text(event.document)
    kept = text.encode()[:TEXT_BYTES_MAX].decode(errors="ignore")
    return {
        "id": new_id("rfe"),
        "operator_id": operator_id,
        "content_hash": _hash(event.document, content),
        "subject": event.subject if isinstance(event, Event) else _subject(content),
        "event": kept,
        "truncated": kept != text,
        "code": verdict.code,
        "detail": verdict.detail,
        "recorded_at": unit.now,
    }


def _opened(document: Document) -> Any:
    """Return what an event's JSON says; None where it cannot be read."""
    if not isinstance(document, msgspec.Raw):
        return document
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(document: Document) -> str:
    return msgspec.json.encode(document).decode(errors="replace")


def _hash(document: Document, content: Any) -> str:
    """Return a hash of what was sent that does not hang on blanks or on the order of members."""
    said = msgspec.json.encode(document if content is None else content, order="sorted")
    return hashlib.sha256(said).hexdigest()


def _subject(content: Any) -> str | None:
    subject = content.get("subject") if isinstance(content, Mapping) else None
    if isinstance(subject, str) and subject.isprintable() and 0 < len(subject) <= _SUBJECT_LENGTH_MAX:
        return subject
    return None
