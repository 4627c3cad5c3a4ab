"""The keys that sign seals (Ed25519): the private half in a file, the public half in the books, one in force at a time.

The private key never enters the database: whoever can change rows cannot sign for what they say. A new key is endorsed
by the one before it. Its file is written before its row, beside the old file, and takes that one's place once the row
is durable; so a stop at any moment leaves a key that fits.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import func, make_url, select, text
from sqlmodel import col

from ledger.canonical import fields
from ledger.seal_tables import Seal, SigningKey
from pricing.errors import Conflict, Refusal
from store.settings import Settings
from store.unit import Unit

SETTING: Final = "TARIFFBOOK_SIGNING_KEY_FILE"
_LOCK: Final = 0x7365616C
"""Names the lock of sealers on PostgreSQL: "seal" in ASCII."""
_TICK: Final = timedelta(microseconds=1)
_OPEN_TO_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP


class SigningKeyMissing(Refusal):
    """No file is named for the private key, or the one that is in force is not there."""

    code = "signing_key_missing"


class SigningKeyUnusable(Refusal):
    """The file of the private key holds no Ed25519 key, or others than its owner may use it."""

    code = "signing_key_unusable"


class SigningKeyNotInForce(Conflict):
    """The private key in the file is not the one whose public half is in force in the books."""

    code = "signing_key_not_in_force"


@dataclass(frozen=True)
class Signer:
    """A private key that is in force since ``valid_from``."""

    private: Ed25519PrivateKey
    valid_from: datetime

    @property
    def key_id(self) -> str:
        """The id of its public half."""
        return key_id(_public(self.private))

    def sign(self, message: bytes) -> str:
        """Return the signature in hexadecimal."""
        return self.private.sign(message).hex()


def key_id(public_key: str) -> str:
    """Return the id of a public key (hexadecimal): taken from the key itself, so that it names no other."""
    return f"sgk_{hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:32]}"


def is_signed(public_key: str, message: bytes, signature: str | None) -> bool:
    """Say whether a signature is that of a public key under a message; False too where either is no such thing."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature or ""), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def endorsement_statement(key: SigningKey) -> bytes:
    """Return the bytes that the key before signs to endorse one."""
    return fields(["signing_key.1", key.id, key.public_key, key.valid_from, key.endorsed_by])


def key_fault(key: SigningKey, known: Mapping[str, SigningKey], newest: SigningKey | None) -> str | None:
    """Return what is wrong with a key that follows on ``newest``, None where nothing is."""
    try:
        own = key_id(key.public_key)
    except ValueError:
        own = ""
    if own != key.id:
        return f"the public key of {key.id} is another's"
    if newest is not None and key.valid_from <= newest.valid_from:
        return f"{key.id} is in force from {key.valid_from.isoformat()}, not after {newest.id}"
    if key.endorsed_by is None:
        return None
    by = known.get(key.endorsed_by)
    if by is None or by is not newest or not is_signed(by.public_key, endorsement_statement(key), key.endorsement):
        return f"the endorsement of {key.id} is not by {key.endorsed_by}, the key before it"
    return None


def key_file(settings: Settings) -> Path:
    """Return where the private key is kept: as set, else beside an SQLite database; raises SigningKeyMissing."""
    if settings.signing_key_file:
        return Path(settings.signing_key_file)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{url.database}.signing-key")
    message = f"name the file of the private key that signs seals in {SETTING}: a file that the service alone may read"
    raise SigningKeyMissing(message)


def lock_sealing(unit: Unit) -> None:
    """Hold the turn to seal and to change keys until the transaction ends; on SQLite a writer holds it already."""
    if unit.dialect == "postgresql":
        unit.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def newest_key(unit: Unit) -> SigningKey | None:
    """Return the key in force."""
    return unit.session.scalars(select(SigningKey).order_by(col(SigningKey.valid_from).desc()).limit(1)).first()


def signer_in_force(unit: Unit) -> Signer:
    """Return the private key in force; the first is made where there is none yet. The turn to seal is held.

    Raises SigningKeyMissing, SigningKeyUnusable, SigningKeyNotInForce.
    """
    path, key = key_file(unit.settings), newest_key(unit)
    if key is None:
        private = _read(path) if path.exists() else _write_new(path)
        _enter(unit, private, unit.now, None)
        return Signer(private, unit.now)
    private = _matching(path, key)
    return Signer(private, key.valid_from)


def rotate_key(unit: Unit, *, is_lost: bool) -> SigningKey:
    """Put a new key in force, endorsed by the one before it, unless that one ``is_lost``.

    Raises what ``signer_in_force`` raises. Seals made until now stay as they are.
    """
    lock_sealing(unit)
    path, key = key_file(unit.settings), newest_key(unit)
    before = None if is_lost or key is None else Signer(_matching(path, key), key.valid_from)
    coming = _coming(path)
    coming.unlink(missing_ok=True)
    private = _write_new(coming)
    entered = _enter(unit, private, _after_all(unit, key), before)
    unit.after_commit.append(lambda: _take_place(coming, path))
    unit.object_id = entered.id
    return entered


def _take_place(coming: Path, path: Path) -> None:
    """Put a key's file in the place of the one before it, now that its row is durable."""
    coming.replace(path)


def _after_all(unit: Unit, key: SigningKey | None) -> datetime:
    """Return the present, or the moment after the last key and seal where they read the clock later than this."""
    last_sealed = unit.session.execute(select(func.max(col(Seal.sealed_at)))).scalar_one()
    known = [moment for moment in (last_sealed, key.valid_from if key else None) if moment is not None]
    return max([unit.now, *(moment + _TICK for moment in known)])


def _enter(unit: Unit, private: Ed25519PrivateKey, since: datetime, before: Signer | None) -> SigningKey:
    public = _public(private)
    key = SigningKey(id=key_id(public), public_key=public, valid_from=since)
    if before is not None:
        key.endorsed_by = before.key_id
        key.endorsement = before.sign(endorsement_statement(key))
    unit.session.add(key)
    unit.session.flush()
    return key


def _matching(path: Path, key: SigningKey) -> Ed25519PrivateKey:
    """Return the private half of a key; a file that waits to take the place of the old one does so now."""
    coming = _coming(path)
    if coming.exists():
        with suppress(SigningKeyUnusable):
            if _public(_read(coming)) == key.public_key:
                coming.replace(path)
    if not path.exists():
        message = (
            f"{path}, the private half of {key.id}, is not there: restore it, "
            "or, where it is lost, put a new key in force with tariffbook ledger rotate-key --lost"
        )
        raise SigningKeyMissing(message)
    private = _read(path)
    if _public(private) != key.public_key:
        message = f"{path} holds another key than {key.id}, which is in force: restore that one's file"
        raise SigningKeyNotInForce(message)
    return private


def _coming(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & _OPEN_TO_OTHERS:
        message = f"{path} may be used by others than its owner: take their rights away (chmod 600)"
        raise SigningKeyUnusable(message)
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        message = f"{path} holds no private key in PEM without a password"
        raise SigningKeyUnusable(message) from fault
    if not isinstance(private, Ed25519PrivateKey):
        message = f"{path} holds a key of another kind; seals are signed with Ed25519"
        raise SigningKeyUnusable(message)
    return private


def _write_new(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file that is its owner's alone, durably, before any row names it."""
    private = Ed25519PrivateKey.generate()
    written = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, written)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return private


def _public(private: Ed25519PrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
