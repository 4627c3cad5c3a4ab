"""Issued files: rendered once, kept with their hash, and served from storage from then on."""

from __future__ import annotations

import hashlib

from sqlalchemy.dialects import postgresql, sqlite

from store.tables import IssuedFile
from store.unit import Unit


def find_file(unit: Unit, document_id: str, form: str, language: str) -> IssuedFile | None:
    """Return the file of a document in a form and language, None before it was first asked for."""
    return unit.session.get(IssuedFile, (document_id, form, language))


def keep_file(unit: Unit, document_id: str, form: str, language: str, content: bytes) -> IssuedFile:
    """Keep a rendered file and return what is kept, also for after the unit; of two at once the first stays."""
    insert = sqlite.insert if unit.dialect == "sqlite" else postgresql.insert
    row = {
        "document_id": document_id,
        "form": form,
        "language": language,
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": content,
        "recorded_at": unit.now,
    }
    unit.connection.execute(insert(IssuedFile).values(row).on_conflict_do_nothing())
    unit.object_id = document_id
    kept = unit.session.get_one(IssuedFile, (document_id, form, language))
    unit.session.expunge(kept)
    return kept
