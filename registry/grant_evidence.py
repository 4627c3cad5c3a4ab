"""Evidence for free use sent as files: bounded, of a few kinds, kept as they came, and only ever given out to save.

What a file says of itself is not believed: its first bytes have to be those of its kind, and its name is made safe.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlmodel import col

from pricing.errors import Conflict, Refusal, TooLarge
from registry.grant_tables import GrantEvidence
from registry.grants import find_grant
from registry.lookup import missing
from registry.tables import FreeUseGrant
from store.ids import new_id
from store.unit import Unit

EVIDENCE_BYTES_MAX: Final = 4 * 1024 * 1024
EVIDENCE_FILES_MAX: Final = 20
NAME_LENGTH_MAX: Final = 100
MEDIA_TYPES: Final[Mapping[str, tuple[str, bytes]]] = {
    "application/pdf": ("pdf", b"%PDF-"),
    "image/png": ("png", b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": ("jpg", b"\xff\xd8\xff"),
    "text/plain": ("txt", b""),
}
"""What may be sent: the end that its name is given, and the bytes that it begins with."""

_UNSAFE: Final = re.compile(r"[^\w\- .()（）《》〔〕、，]")


class EvidenceUnreadable(Refusal):
    """A file that is not what its media type says."""

    code = "evidence_unreadable"


class EvidenceFull(Conflict):
    """A grant with as many files as it may have."""

    code = "evidence_full"


def add_evidence(unit: Unit, grant_id: str, given: Mapping[str, Any]) -> GrantEvidence:
    """Keep a file of the buyer's for its grant; raises NotFound, TooLarge, EvidenceUnreadable, EvidenceFull."""
    grant = unit.session.get(FreeUseGrant, grant_id, with_for_update=True)
    if grant is None or grant.buyer_id != unit.principal.party:
        raise missing("free-use grant", grant_id)
    content: bytes = given["content"]
    _require_fit(content, given["media_type"])
    held = select(func.count()).where(col(GrantEvidence.grant_id) == grant.id)
    if unit.session.execute(held).scalar_one() >= EVIDENCE_FILES_MAX:
        message = f"grant {grant.id} has {EVIDENCE_FILES_MAX} files of evidence, as many as it may have"
        raise EvidenceFull(message)
    row = GrantEvidence(
        id=new_id("gev"),
        grant_id=grant.id,
        name=safe_name(given["name"], given["media_type"]),
        media_type=given["media_type"],
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def safe_name(name: str, media_type: str) -> str:
    r"""Return a name that no system takes for a path or a program: its last part, plain signs, the end of its kind.

    >>> safe_name("..\\..\\evil.exe", "application/pdf"), safe_name("/etc/passwd", "text/plain")
    ('evil.exe.pdf', 'passwd.txt')
    >>> safe_name('a"b\r\n.pdf', "application/pdf"), safe_name("...", "image/png")
    ('a_b__.pdf', 'evidence.png')
    """
    end = f".{MEDIA_TYPES[media_type][0]}"
    last = re.split(r"[/\\]", name)[-1]
    plain = _UNSAFE.sub("_", last).strip(" .")
    stem = plain.removesuffix(end).rstrip(" .")[: NAME_LENGTH_MAX - len(end)]
    return f"{stem or 'evidence'}{end}"


def find_evidence(unit: Unit, grant_id: str, evidence_id: str) -> GrantEvidence:
    """Return a file of a grant that the caller may see; raises NotFound."""
    grant = find_grant(unit, grant_id)
    row = unit.session.get(GrantEvidence, evidence_id)
    if row is None or row.grant_id != grant.id:
        raise missing("file of evidence", evidence_id)
    return row


def evidence_of(unit: Unit, grant_id: str) -> Select[Any]:
    """Return the query of the files of a grant that the caller may see; raises NotFound."""
    return select(GrantEvidence).where(col(GrantEvidence.grant_id) == find_grant(unit, grant_id).id)


def evidence_document(_unit: Unit, row: GrantEvidence) -> dict[str, Any]:
    """Return what is said of a file, without its bytes."""
    return {**row.model_dump(exclude={"content", "grant_id", "recorded_by"}), "grant": row.grant_id}


def _require_fit(content: bytes, media_type: str) -> None:
    if len(content) > EVIDENCE_BYTES_MAX:
        message = f"the file has {len(content)} bytes, and one of evidence has at most {EVIDENCE_BYTES_MAX}"
        raise TooLarge(message)
    _, begins = MEDIA_TYPES[media_type]
    if not content or not content.startswith(begins) or (media_type == "text/plain" and not _is_text(content)):
        message = f"the file does not begin as {media_type} does; send it under its own type"
        raise EvidenceUnreadable(message, errors={"content": [message]})


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
