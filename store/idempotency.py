"""Idempotency keys: the answer is kept in the transaction of the write it answers.

The claim is an INSERT that the same transaction completes: a second caller with the key waits at the unique index
until the first has ended, then reads the stored answer. A fault rolls the claim back together with the write.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from pricing.errors import Conflict, Malformed, Refusal
from store.arrays import Blobs, Int64s, Texts
from store.columns import written_instant
from store.direct import change, change_each, rows
from store.faults import is_wait_timeout
from store.tables import StoredAnswer

if TYPE_CHECKING:
    from datetime import timedelta

    from store.unit import Principal, Unit

KEY_LENGTH_MAX = 255

_TAKEN_SQLITE: Final = "SELECT key FROM stored_answer WHERE principal = ? AND key IN (SELECT value FROM json_each(?))"
_CLAIM_SQLITE: Final = "INSERT INTO stored_answer (principal, recorded_at, key, request_hash) VALUES (?, ?, ?, ?)"
_CLAIM_POSTGRESQL: Final = (
    "INSERT INTO stored_answer (principal, key, request_hash, recorded_at) "
    "SELECT %(principal)s, given.key, given.request_hash, %(recorded_at)s "
    "FROM unnest(%(key)b::text[], %(request_hash)b::text[]) AS given (key, request_hash) "
    "ON CONFLICT DO NOTHING RETURNING key"
)
_KEEP_SQLITE: Final = "UPDATE stored_answer SET status = ?, body = ? WHERE principal = ? AND key = ?"
_KEEP_POSTGRESQL: Final = (
    "UPDATE stored_answer AS answer SET status = given.status, body = given.body "
    "FROM unnest(%(key)b::text[], %(status)b::bigint[], %(body)b::bytea[]) AS given (key, status, body) "
    "WHERE answer.principal = %(principal)s AND answer.key = given.key"
)


class IdempotencyKeyMissing(Malformed):
    """A POST that creates or moves something came without its key."""

    code = "idempotency_key_missing"


class IdempotencyKeyMalformed(Malformed):
    """A key that is too long, or not of printable ASCII."""

    code = "idempotency_key_malformed"


class IdempotencyKeyReused(Refusal):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class RequestInFlight(Conflict):
    """The first request with this key has not ended yet."""

    code = "request_in_flight"


@dataclass(frozen=True)
class Claim:
    """An idempotency key and the hash of the request that it protects."""

    key: str
    request_hash: str


@dataclass(frozen=True)
class Answer:
    """What a call is answered: a status and the bytes of a document; ``replayed`` when it was given before."""

    status: int
    body: bytes
    replayed: bool = False


def claim_of(key: str, principal: Principal, method: str, path: str, body: bytes) -> Claim:
    """Return the claim of a request: the hash covers principal, method, path and body, each with its length."""
    digest = hashlib.sha256()
    for part in (principal.name.encode(), method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return Claim(key, digest.hexdigest())


def claim(unit: Unit, wanted: Claim) -> Answer | None:
    """Take the key for this transaction, or return the answer that it already has.

    Raises IdempotencyKeyReused for another request under the same key, RequestInFlight when the first one does not
    end in time.
    """
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    row = {
        "principal": unit.principal.name,
        "key": wanted.key,
        "request_hash": wanted.request_hash,
        "recorded_at": unit.now,
    }
    try:
        taken = unit.connection.execute(
            dialect.insert(StoredAnswer).values(row).on_conflict_do_nothing().returning(col(StoredAnswer.key))
        ).first()
    except DBAPIError as fault:
        if not is_wait_timeout(fault):
            raise
        message = f"the first request with the idempotency key {wanted.key!r} is still running; ask again later"
        raise RequestInFlight(message) from fault
    return None if taken else _earlier(unit, wanted)


def claim_each(unit: Unit, wanted: Sequence[Claim]) -> set[str]:
    """Take those of several keys of one principal that are free, each named once; return them.

    They are taken in their order, so that nobody waits for a lower key while holding a higher one.
    """
    hashes = {claim.key: claim.request_hash for claim in sorted(wanted, key=lambda claim: claim.key)}
    if unit.dialect == "sqlite":
        # There is no other writer: what is free now stays free.
        given = (unit.principal.name, json.dumps(list(hashes)))
        taken = {key for (key,) in rows(unit.connection, _TAKEN_SQLITE, given)}
        free = hashes.keys() - taken
        shared = (unit.principal.name, written_instant(unit.now))
        change_each(unit.connection, _CLAIM_SQLITE, [(*shared, key, hashes[key]) for key in hashes if key in free])
        return free
    columns = {
        "principal": unit.principal.name,
        "recorded_at": unit.now,
        "key": Texts(hashes),
        "request_hash": Texts(hashes.values()),
    }
    return {key for (key,) in rows(unit.connection, _CLAIM_POSTGRESQL, columns)}


def keep_each(unit: Unit, answers: Mapping[str, tuple[int, bytes]]) -> None:
    """Store the answers, status and body, under the keys that this transaction holds."""
    kept = [(key, status, zlib.compress(body, 1)) for key, (status, body) in answers.items()]
    if not kept:
        return
    if unit.dialect == "sqlite":
        given = [(status, body, unit.principal.name, key) for key, status, body in kept]
        change_each(unit.connection, _KEEP_SQLITE, given)
        return
    keys, statuses, bodies = zip(*kept, strict=True)
    columns = {"principal": unit.principal.name, "key": Texts(keys), "status": Int64s(statuses), "body": Blobs(bodies)}
    change(unit.connection, _KEEP_POSTGRESQL, columns)


def keep(unit: Unit, taken: Claim, status: int, body: bytes) -> None:
    """Store the answer under the key that this transaction holds."""
    unit.connection.execute(
        update(StoredAnswer)
        .where(col(StoredAnswer.principal) == unit.principal.name, col(StoredAnswer.key) == taken.key)
        .values(status=status, body=zlib.compress(body, 1))
    )


def forget_older(unit: Unit, age: timedelta) -> int:
    """Delete the answers older than ``age``; return how many."""
    return unit.connection.execute(delete(StoredAnswer).where(col(StoredAnswer.recorded_at) < unit.now - age)).rowcount


def _earlier(unit: Unit, wanted: Claim) -> Answer:
    stored = unit.connection.execute(
        select(col(StoredAnswer.request_hash), col(StoredAnswer.status), col(StoredAnswer.body)).where(
            col(StoredAnswer.principal) == unit.principal.name, col(StoredAnswer.key) == wanted.key
        )
    ).one()
    if stored.request_hash != wanted.request_hash:
        message = (
            f"the idempotency key {wanted.key!r} was used for another request; nothing was changed: "
            "send a new key for a new request"
        )
        raise IdempotencyKeyReused(message)
    return Answer(stored.status, zlib.decompress(stored.body), replayed=True)
