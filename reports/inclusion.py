"""The proof that a transaction is in a seal: its record, its place, and the hashes from there up to the signed root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from ledger.attested import ACCOUNT, TRANSACTION, Extent, Window, packed, records
from ledger.merkle import inclusion_path, leaf_hash, root_by_inclusion
from ledger.seal_tables import Seal, SealPart
from ledger.seals import ID_BYTES, PART_LEAVES, seal_with_key
from ledger.tables import Transaction
from pricing.errors import Conflict, NotFound
from store.unit import Unit


class NotSealedYet(Conflict):
    """A transaction that was recorded after the last seal."""

    code = "not_sealed_yet"


class SealBroken(Conflict):
    """What the books hold does not make the root that was signed."""

    code = "seal_broken"


def inclusion_proof(unit: Unit, number: int, books: Sequence[str] | None) -> dict[str, Any]:
    """Return the proof for a transaction of these books (None: all).

    The leaf hash is SHA-256 over the byte 0 and the record, which is given in hexadecimal; the path leads from it to
    the root as RFC 9162, 2.1.3.2, says. Raises NotFound, NotSealedYet, SealBroken.
    """
    head = unit.session.get(Transaction, number)
    if head is None or (books is not None and head.book not in books):
        message = f"there is no transaction {number} in the books that you may read"
        raise NotFound(message)
    query = select(Seal).where(col(Seal.recorded_until) >= head.recorded_at).order_by(col(Seal.recorded_until)).limit(1)
    sealed = unit.session.scalars(query).first()
    if sealed is None:
        message = f"transaction {number} was recorded after the last seal; ask again after the next"
        raise NotSealedYet(message)
    return _proof(unit, packed(number), sealed)


def _proof(unit: Unit, member: bytes, sealed: Seal) -> dict[str, Any]:
    parts = select(SealPart).where(col(SealPart.seal) == sealed.number).order_by(col(SealPart.part))
    held = unit.session.scalars(parts).all()
    index = _place(b"".join([part.members for part in held]), member, sealed)
    part, place = divmod(index, PART_LEAVES)
    found = _records(unit, sealed, held[part])
    hashes = [leaf_hash(record) for record in found]
    path = inclusion_path(hashes, place) + inclusion_path([each.root for each in held], part)
    size = sealed.account_count + sealed.transaction_count
    proven = root_by_inclusion(hashes[place], index, size, path)
    if proven is None or proven.hex() != sealed.root:
        raise _broken(sealed)
    return {
        "transaction": int.from_bytes(member, "big", signed=True),
        "record": found[place].hex(),
        "leaf_hash": hashes[place].hex(),
        "index": index,
        "size": size,
        "path": [each.hex() for each in path],
        "seal": seal_with_key(unit, sealed),
    }


def _place(members: bytes, member: bytes, sealed: Seal) -> int:
    start = sealed.account_count * ID_BYTES
    while (found := members.find(member, start)) >= 0:
        if found % ID_BYTES == 0:
            return found // ID_BYTES
        start = found + 1
    raise _broken(sealed)


def _records(unit: Unit, sealed: Seal, part: SealPart) -> list[bytes]:
    """Return the records of a part's members in their order."""
    ids = [part.members[start : start + ID_BYTES] for start in range(0, len(part.members), ID_BYTES)]
    accounts = ids[: max(sealed.account_count - part.part * PART_LEAVES, 0)]
    window = Window(sealed.recorded_after, sealed.recorded_until)
    found = []
    for kind, wanted in ((ACCOUNT, accounts), (TRANSACTION, ids[len(accounts) :])):
        if wanted:
            numbers = [int.from_bytes(each, "big", signed=True) for each in wanted]
            span = Extent(len(numbers), min(numbers), max(numbers))
            of_kind = dict(records(unit, kind, window, span))
            if of_kind.keys() != set(wanted):
                raise _broken(sealed)
            found += [of_kind[each] for each in wanted]
    return found


def _broken(sealed: Seal) -> SealBroken:
    message = f"the books do not make the root of seal {sealed.number}: tariffbook ledger verify names the row at fault"
    return SealBroken(message)
