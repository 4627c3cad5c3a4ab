"""Keys and seals as JSON Lines: an auditor's copy, and the comparison of a database with such a copy.

Whoever keeps a copy outside finds what the database alone cannot show: that its last seals are gone with what they
held, or that all of them were made anew under another key. The copy is judged by itself first: each key is trusted by
name or endorsed by the one before it, the chain is whole, the signatures hold.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from ledger.seal_tables import Seal, SigningKey
from ledger.seals import Chain, all_keys
from pricing.errors import Malformed
from reports.sealed import seals_fault, seals_in_order
from store.unit import Unit

_INSTANTS = ("recorded_after", "recorded_until", "sealed_at", "valid_from")
_KINDS: dict[str, type[SigningKey | Seal]] = {"signing_key": SigningKey, "seal": Seal}


class SealFileInvalid(Malformed):
    """A file that is no copy of keys and seals as they are exported."""

    code = "seal_file_invalid"


def exported(unit: Unit) -> Iterator[str]:
    """Give every key, then every seal, each as a line of JSON."""
    for key in all_keys(unit):
        yield _line("signing_key", key)
    for sealed in seals_in_order(unit):
        yield _line("seal", sealed)


def copy_fault(unit: Unit, lines: Iterable[str], trusted: Collection[str] = ()) -> str | None:
    """Return in what a database first disagrees with an auditor's copy, or the copy with itself; None where nothing.

    ``trusted`` are ids of keys that the auditor knows from elsewhere; without them the first key of the copy is
    trusted. Raises SealFileInvalid.
    """
    rows = _rows(lines)
    keys: list[SigningKey] = []
    first: Seal | None = None
    for row in rows:
        if isinstance(row, Seal):
            first = row
            break
        keys.append(row)
    following = Chain(keys)
    fault = following.key_fault or _untrusted(keys, trusted)
    if fault is not None:
        return f"in the copy, {fault}"
    if first is not None:
        fault = _seals_fault(unit, following, _seals(first, rows))
    return fault or seals_fault(unit)


def _seals(first: Seal, rows: Iterable[SigningKey | Seal]) -> Iterator[Seal]:
    yield first
    for row in rows:
        if not isinstance(row, Seal):
            message = f"the key {row.id} stands after a seal; keys come first"
            raise SealFileInvalid(message)
        yield row


def _seals_fault(unit: Unit, following: Chain, kept: Iterable[Seal]) -> str | None:
    present = seals_in_order(unit)
    for sealed in kept:
        fault = following.fault(sealed)
        if fault is not None:
            return f"in the copy, {fault}"
        found = next(present, None)
        if found is None:
            return (
                f"seal {sealed.number} is missing from the database, with what was recorded from then on: "
                f"its tail was removed, or it was restored from before {sealed.sealed_at.isoformat()}"
            )
        if (found.number, found.hash, found.signature) != (sealed.number, sealed.hash, sealed.signature):
            return f"seal {sealed.number} of the database is another than that of the copy"
    return None


def _untrusted(keys: Iterable[SigningKey], trusted: Collection[str]) -> str | None:
    """Return the first key that is neither trusted by name nor endorsed by one that is."""
    known = set(trusted)
    for index, key in enumerate(keys):
        if key.id not in known and key.endorsed_by not in known and (trusted or index):
            return f"{key.id} is not endorsed by a trusted key; name it if you know it from elsewhere"
        known.add(key.id)
    return None


def _line(kind: str, row: SigningKey | Seal) -> str:
    document = {
        name: _text(value) if isinstance(value, datetime) else value for name, value in row.model_dump().items()
    }
    return json.dumps({"type": kind, **document}, separators=(",", ":")) + "\n"


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _rows(lines: Iterable[str]) -> Iterator[SigningKey | Seal]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _row(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as fault:
                message = f"line {number} is no key and no seal as they are exported"
                raise SealFileInvalid(message) from fault


def _row(document: dict[str, Any]) -> SigningKey | Seal:
    model = _KINDS[document.pop("type")]
    for name in _INSTANTS:
        if document.get(name) is not None:
            document[name] = datetime.fromisoformat(document[name])
    if set(document) != set(model.model_fields):
        message = "other members than those that are exported"
        raise ValueError(message)
    return model(**document)
