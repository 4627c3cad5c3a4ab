"""Keys to the API: made once, shown once, kept as a hash, revoked at will.

A key is 256 random bits, so a plain SHA-256 keeps it as well as a slow hash would keep a password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from pricing.errors import Malformed, Refusal, Unauthenticated
from registry.lookup import code_of, find, missing
from registry.tables import ApiKey, Party
from store.columns import read_instant
from store.direct import rows
from store.ids import is_id, new_id
from store.unit import Principal, Unit

_HOLDER: Final = {
    dialect: (
        "SELECT key.role, key.party_id, key.secret_hash, key.expires_at, key.revoked_at, instance.clock_offset_us, "  # noqa: S608
        f"{clock} FROM api_key AS key CROSS JOIN instance WHERE key.id = {given}"
    )
    for dialect, clock, given in (("postgresql", "clock_timestamp()", "%s"), ("sqlite", "NULL", "?"))
}
PARTYLESS_ROLES = frozenset({"admin", "auditor"})


class PartyNeeded(Malformed):
    """A key of this role acts for a party."""

    code = "party_required"


class RoleNotOfParty(Refusal):
    """A party holds keys only of the kinds that it is."""

    code = "role_not_of_party"


class KeyExpired(Refusal):
    """A key that would be expired when it is made."""

    code = "expiry_in_the_past"


def create_key(unit: Unit, given: Mapping[str, Any]) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is not kept; raises PartyNeeded, RoleNotOfParty, KeyExpired."""
    party = find(unit, Party, given["party"], "party") if given["party"] else None
    if party is None and given["role"] not in PARTYLESS_ROLES:
        message = f"a key of the role {given['role']} acts for a party: name it"
        raise PartyNeeded(message, errors={"party": [message]})
    if party is not None and given["role"] not in PARTYLESS_ROLES and given["role"] not in party.kinds:
        message = f"{party.code} is registered as {', '.join(party.kinds)}, not as {given['role']}"
        raise RoleNotOfParty(message, errors={"role": [message]})
    if given["expires_at"] is not None and given["expires_at"] <= unit.now:
        message = "expires_at lies in the past"
        raise KeyExpired(message, errors={"expires_at": [message]})
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=new_id("key"),
        role=given["role"],
        party_id=party.id if party else None,
        secret_hash=_hash(secret),
        expires_at=given["expires_at"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(key)
    unit.object_id = key.id
    return key, f"{key.id}.{secret}"


def revoke_key(unit: Unit, key_id: str) -> ApiKey:
    """Revoke a key from now on; a revoked one stays as it is. Raises NotFound."""
    key = unit.session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise missing("key", key_id)
    if key.revoked_at is None:
        key.revoked_at = unit.now
    unit.object_id = key.id
    return key


def authenticate(connection: Connection, said: str) -> Principal:
    """Return who holds a key; raises Unauthenticated without saying which part of it was wrong.

    Every call begins with this, so it is one statement, the clock included.
    """
    key_id, _, secret = said.partition(".")
    refused = Unauthenticated("the key is unknown, expired or revoked; ask an administrator for a new one")
    if not is_id(key_id, "key") or not secret:
        raise refused
    found = rows(connection, _HOLDER[connection.dialect.name], (key_id,))
    if not found:
        raise refused
    [(role, party_id, secret_hash, expires_at, revoked_at, offset, clock)] = found
    if not hmac.compare_digest(secret_hash, _hash(secret)):
        raise refused
    now = (clock or datetime.now(UTC)) + timedelta(microseconds=offset)
    if revoked_at is not None or (expires_at is not None and read_instant(expires_at) <= now):
        raise refused
    return Principal(role, party_id, key_id)


def all_keys(_unit: Unit) -> Select[tuple[ApiKey]]:
    """Return the query of all keys, for the administrator."""
    return select(ApiKey)


def key_document(unit: Unit, key: ApiKey) -> dict[str, Any]:
    """Return a key as the wire says it, without its secret."""
    return {
        **key.model_dump(include={"id", "role", "expires_at", "revoked_at", "recorded_at"}),
        "party": code_of(unit, Party, key.party_id) if key.party_id else None,
    }


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
