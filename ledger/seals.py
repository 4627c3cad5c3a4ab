"""Sealing: what was recorded up to the horizon goes into signed Merkle trees, batch by batch, each chained to the last.

A seal holds all that was recorded after the one before it, up to and with an instant at or below the horizon: nothing
can be committed there any more, so no transaction is skipped, whatever its number and whenever it was committed. It
also attests every close of a month up to that instant (``ledger.sealed_closes``), and what was logged and refused since
the seal before it (``ledger.sealed_rows``), and is made for these alone too. The hashing works on a snapshot, without a
lock; the write is brief, and comes to nothing where another sealer was faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import insert, select
from sqlmodel import col

from ledger.attested import ACCOUNT, TRANSACTION, Extent, Window, extent, leaves
from ledger.canonical import fields
from ledger.merkle import root
from ledger.seal_tables import Seal, SealPart, SigningKey
from ledger.sealed_closes import Closes, ClosesInOrder
from ledger.sealed_rows import LOG, REFUSED, SEAL_OBJECT, Rows, RowsInOrder, has_news
from ledger.signing import is_signed, key_fault, lock_sealing, signer_in_force
from ledger.tables import Transaction
from store.horizon import advance
from store.unit import Call, Store, Unit

PART_LEAVES: Final = 1024
"""Leaves of a full part: a power of two, so that the roots of the parts make the tree of the whole."""
TRANSACTIONS_MAX: Final = 65_536
"""Transactions of one seal, unless more were recorded at one instant."""
ID_BYTES: Final = 8
MARK_BYTES: Final = 8


@dataclass(frozen=True)
class Part:
    """Members of a subtree by their ids, the marks of their leaves, and its root."""

    members: bytes
    marks: bytes
    root: bytes


@dataclass(frozen=True)
class Draft:
    """A seal that is not signed yet."""

    number: int
    after: datetime | None
    until: datetime
    accounts: int
    transactions: int
    parts: tuple[Part, ...]
    closes: Closes
    log: Rows
    refused: Rows
    previous_hash: str | None

    @property
    def root(self) -> str:
        """The root over all parts."""
        return root([part.root for part in self.parts]).hex()


@dataclass(frozen=True)
class Sealed:
    """What a run has sealed."""

    seals: int
    accounts: int
    transactions: int
    until: datetime


def seal(store: Store, call: Call, transactions_max: int = TRANSACTIONS_MAX) -> Sealed:
    """Seal all that was recorded until now and is not sealed yet; return how much it was.

    Each seal is a transaction of its own: a run that is stopped leaves whole seals, and the next goes on from there.
    Raises HorizonBehind while older work does not end, and what ``ledger.signing`` raises.
    """
    return seal_until(store, call, advance(store), transactions_max)


def seal_until(store: Store, call: Call, horizon: datetime, transactions_max: int = TRANSACTIONS_MAX) -> Sealed:
    """Seal what was recorded up to a horizon that was reached before, and is not sealed yet."""
    seals = accounts = transactions = 0
    while True:
        with store.reading(call, fresh=True) as unit:
            draft = _draft(unit, horizon, transactions_max)
        if draft is None:
            return Sealed(seals, accounts, transactions, horizon)
        if store.run(call, partial(_keep, draft=draft)):
            seals, accounts, transactions = seals + 1, accounts + draft.accounts, transactions + draft.transactions


def last_seal(unit: Unit) -> Seal | None:
    """Return the newest seal."""
    return unit.session.scalars(select(Seal).order_by(col(Seal.number).desc()).limit(1)).first()


def all_keys(unit: Unit) -> list[SigningKey]:
    """Return every key that ever was in force, the oldest first."""
    return list(unit.session.scalars(select(SigningKey).order_by(col(SigningKey.valid_from))))


def statement(sealed: Seal) -> bytes:
    """Return the bytes that are hashed for the chain, and signed: everything that a seal says."""
    return fields(
        [
            "seal.1",
            sealed.number,
            sealed.recorded_after,
            sealed.recorded_until,
            sealed.account_count,
            sealed.transaction_count,
            sealed.root,
            sealed.closes_count,
            sealed.closes_digest,
            sealed.log_count,
            sealed.log_digest,
            sealed.refused_count,
            sealed.refused_digest,
            sealed.previous_hash,
            sealed.key_id,
            sealed.sealed_at,
        ]
    )


class Chain:
    """Follows keys and seals in their order, and says of each what does not fit to those before it."""

    def __init__(self, keys: list[SigningKey]) -> None:
        self._keys: dict[str, SigningKey] = {}
        self._until: dict[str, datetime] = {}
        self._last: Seal | None = None
        self.key_fault: str | None = None
        newest: SigningKey | None = None
        for key in keys:
            self.key_fault = self.key_fault or key_fault(key, self._keys, newest)
            if newest is not None:
                self._until[newest.id] = key.valid_from
            self._keys[key.id] = newest = key

    @property
    def length(self) -> int:
        """How many seals were followed."""
        return self._last.number if self._last else 0

    def fault(self, sealed: Seal) -> str | None:
        """Return what is wrong with the next seal, None where nothing is."""
        last, self._last = self._last, sealed
        number, before = (last.number, last) if last else (0, None)
        if sealed.number != number + 1:
            return f"seal {number + 1} is missing: seal {sealed.number} comes after {number}"
        if before and (sealed.previous_hash, sealed.recorded_after) != (before.hash, before.recorded_until):
            return f"seal {sealed.number} does not go on from seal {before.number}"
        if sealed.recorded_after is not None and sealed.recorded_until <= sealed.recorded_after:
            return f"seal {sealed.number} ends before it begins"
        said = statement(sealed)
        if hashlib.sha256(said).hexdigest() != sealed.hash:
            return f"seal {sealed.number} does not have the hash of what it says"
        return self._signature_fault(sealed, said)

    def _signature_fault(self, sealed: Seal, said: bytes) -> str | None:
        key, until = self._keys.get(sealed.key_id), self._until.get(sealed.key_id)
        if key is None:
            return f"seal {sealed.number} is signed with {sealed.key_id}, which is no key of these books"
        if sealed.sealed_at < key.valid_from or (until is not None and sealed.sealed_at >= until):
            return f"seal {sealed.number} is of {sealed.sealed_at.isoformat()}, when {key.id} was not in force"
        if not is_signed(key.public_key, said, sealed.signature):
            return f"seal {sealed.number} does not have the signature of {key.id}"
        return None


def seal_document(sealed: Seal) -> dict[str, Any]:
    """Return a seal as the wire says it."""
    return {**sealed.model_dump(), "id": str(sealed.number)}


def seal_with_key(unit: Unit, sealed: Seal) -> dict[str, Any]:
    """Return a seal with what its signature is checked with."""
    key = unit.session.get_one(SigningKey, sealed.key_id)
    return {**seal_document(sealed), "public_key": key.public_key, "statement": statement(sealed).decode()}


def _draft(unit: Unit, horizon: datetime, transactions_max: int) -> Draft | None:
    """Return the next seal over what the snapshot holds up to the horizon, None where there is nothing new."""
    last = last_seal(unit)
    after = last.recorded_until if last else None
    if after is not None and after >= horizon:
        return None
    until = _cut(unit, after, horizon, transactions_max)
    window = Window(after, until)
    spans = {kind: extent(unit, kind, window) for kind in (ACCOUNT, TRANSACTION)}
    every_close = ClosesInOrder(unit)
    known = every_close.up_to(after).count if after else 0
    closes = every_close.up_to(until)
    is_empty = closes.count == known and not any(span.count for span in spans.values())
    if is_empty and not has_news(unit, after, until):
        return None
    return Draft(
        number=last.number + 1 if last else 1,
        after=after,
        until=until,
        accounts=spans[ACCOUNT].count,
        transactions=spans[TRANSACTION].count,
        parts=tuple(_parts(unit, window, spans)),
        closes=closes,
        log=RowsInOrder(unit, LOG, after).up_to(until),
        refused=RowsInOrder(unit, REFUSED, after).up_to(until),
        previous_hash=last.hash if last else None,
    )


def _cut(unit: Unit, after: datetime | None, horizon: datetime, transactions_max: int) -> datetime:
    """Return the instant by which as many transactions as a seal takes were recorded, the horizon where fewer."""
    recorded = col(Transaction.recorded_at)
    query = select(recorded).where(recorded <= horizon).order_by(recorded).offset(transactions_max - 1).limit(1)
    if after is not None:
        query = query.where(recorded > after)
    return unit.connection.execute(query).scalar_one_or_none() or horizon


def _parts(unit: Unit, window: Window, spans: Mapping[str, Extent]) -> Iterator[Part]:
    every = chain.from_iterable(leaves(unit, kind, window, span) for kind, span in spans.items())
    while batch := list(islice(every, PART_LEAVES)):
        hashes = [leaf for _, leaf in batch]
        yield Part(
            members=b"".join([number for number, _ in batch]),
            marks=b"".join([leaf[:MARK_BYTES] for leaf in hashes]),
            root=root(hashes),
        )


def _keep(unit: Unit, draft: Draft) -> bool:
    """Sign a draft and write it, unless another sealer has written that number."""
    lock_sealing(unit)
    last = last_seal(unit)
    if (last.number if last else 0) != draft.number - 1:
        return False
    signer = signer_in_force(unit)
    made = Seal(
        number=draft.number,
        recorded_after=draft.after,
        recorded_until=draft.until,
        account_count=draft.accounts,
        transaction_count=draft.transactions,
        root=draft.root,
        closes_count=draft.closes.count,
        closes_digest=draft.closes.digest,
        log_count=draft.log.count,
        log_digest=draft.log.digest,
        refused_count=draft.refused.count,
        refused_digest=draft.refused.digest,
        previous_hash=draft.previous_hash,
        hash="",
        key_id=signer.key_id,
        signature="",
        sealed_at=max(unit.now, signer.valid_from),
    )
    said = statement(made)
    made.hash, made.signature = hashlib.sha256(said).hexdigest(), signer.sign(said)
    unit.session.add(made)
    unit.session.flush()
    parts = [
        {"seal": made.number, "part": number, "members": part.members, "marks": part.marks, "root": part.root}
        for number, part in enumerate(draft.parts)
    ]
    if parts:  # a seal of closes alone has none
        unit.connection.execute(insert(SealPart), parts)
    unit.object_id = f"{SEAL_OBJECT}{made.number}"
    return True
