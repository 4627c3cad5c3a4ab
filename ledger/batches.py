"""Postings that stand each for itself: a batch in, an outcome each out, and no bad one costs its neighbours anything.

A key posts once. The same key again with the same content is a duplicate, with other content a conflict; which of two
callers at the same moment was first, the key's own uniqueness decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import msgpack

from ledger.books import Posting, fault_of, reserve, write
from store.arrays import Texts
from store.direct import rows
from store.unit import Unit

_CACHE: Final = "ledger.parties"
_packed: Final = msgpack.Encoder().encode
_HELD: Final = "SELECT head.key, head.id, head.content_hash FROM ledger_transaction AS head "
_HELD_SQLITE: Final = _HELD + "JOIN json_each(?) AS wanted ON wanted.value = head.key"
_HELD_POSTGRESQL: Final = _HELD + "JOIN unnest(%(keys)b::text[]) AS wanted (key) ON wanted.key = head.key"
_PARTIES_SQLITE: Final = "SELECT id FROM party WHERE id IN (SELECT value FROM json_each(?))"
_PARTIES_POSTGRESQL: Final = "SELECT id FROM party WHERE id = ANY(%(ids)b::text[])"


class Result(StrEnum):
    """What became of a posting."""

    POSTED = "posted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """What became of a posting: the id of the transaction that has its key, or why it was refused."""

    result: Result
    id: int | None = None
    reason: str | None = None


class _Held(NamedTuple):
    """The transaction that has a key, and the hash of its content (none where its use case vouches for it)."""

    id: int
    content_hash: bytes | None


def post_each(unit: Unit, postings: Sequence[Posting]) -> list[Outcome]:
    """Post what can be posted, each under its own key; return an outcome each, in the order given.

    Takes a fixed number of statements whatever the size of the batch.
    """
    reasons = _reasons(unit, postings)
    hashes = [b"" if index in reasons else content_hash(posting) for index, posting in enumerate(postings)]
    firsts = {posting.key: index for index, posting in reversed([*enumerate(postings)]) if index not in reasons}
    written = _write(unit, postings, hashes, [firsts[key] for key in sorted(firsts)])
    if len(written) == len(postings):
        return [Outcome(Result.POSTED, written[index]) for index in range(len(postings))]
    late = [key for key, index in firsts.items() if index not in written]
    holders = _held(unit, late) | {
        key: _Held(written[index], hashes[index]) for key, index in firsts.items() if index in written
    }
    return [
        Outcome(Result.REFUSED, reason=reasons[index])
        if index in reasons
        else _outcome(hashes[index], holders[posting.key], mine=written.get(index))
        for index, posting in enumerate(postings)
    ]


def content_hash(posting: Posting) -> bytes:
    """Return the 16-byte hash of what a posting says beside its key.

    It is of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), in which every value says its kind
    and its length, so that no two contents have the same bytes; days are texts.
    """
    legs = [(account.code, side, amount, month, day) for account, side, amount, month, day in posting.legs]
    return hashlib.blake2b(_packed((*posting[1:4], *posting[5:8], legs)), digest_size=16).digest()


def _outcome(content: bytes, holder: _Held, mine: int | None) -> Outcome:
    if mine is not None:
        return Outcome(Result.POSTED, mine)
    same = holder.content_hash == content
    return Outcome(Result.DUPLICATE if same else Result.CONFLICT, holder.id)


def _reasons(unit: Unit, postings: Sequence[Posting]) -> dict[int, str]:
    """Return why postings cannot be transactions, by their place."""
    faults = {index: fault for index, posting in enumerate(postings) if (fault := fault_of(posting)) is not None}
    named = {posting.book for posting in postings}
    named |= {party for posting in postings for leg in posting.legs if (party := leg.account.party_id) is not None}
    unknown = named - _known(unit, named)
    if unknown:
        for index, posting in enumerate(postings):
            if index not in faults and (missing := sorted(unknown.intersection(_parties(posting)))):
                faults[index] = f"{posting.key}: there is no party {', '.join(missing)}"
    return faults


def _parties(posting: Posting) -> list[str]:
    """Return the parties that a posting names: its book, which is that of its accounts, and whom these are for."""
    return [posting.book, *[party for leg in posting.legs if (party := leg.account.party_id) is not None]]


def _known(unit: Unit, ids: Collection[str]) -> set[str]:
    """Return those of the ids that are parties; what is one stays one, and is remembered."""
    remembered: set[str] = unit.cache.setdefault(_CACHE, set())
    asked = sorted(set(ids) - remembered)
    if not asked:
        return set(ids)
    if unit.dialect == "sqlite":
        parties = rows(unit.connection, _PARTIES_SQLITE, (json.dumps(asked),))
    else:
        parties = rows(unit.connection, _PARTIES_POSTGRESQL, {"ids": Texts(asked)})
    found = {party for (party,) in parties}
    unit.after_commit.append(lambda: remembered.update(found))
    return found | (set(ids) & remembered)


def _write(unit: Unit, postings: Sequence[Posting], hashes: Sequence[bytes], wanted: Sequence[int]) -> dict[int, int]:
    """Write the postings at these places, in the order of their keys; return the ids of those whose keys were free."""
    if unit.dialect == "sqlite":
        # There is no other writer: what is free now stays free.
        held = _held(unit, [postings[index].key for index in wanted])
        wanted = [index for index in wanted if postings[index].key not in held]
    if not wanted:
        return {}
    ids = reserve(unit, len(wanted))
    written = write(unit, ids, [postings[index] for index in wanted], [hashes[index] for index in wanted])
    if len(written) == len(ids):
        return dict(zip(wanted, ids, strict=True))
    return {index: number for index, number in zip(wanted, ids, strict=True) if number in written}


def _held(unit: Unit, keys: Sequence[str]) -> dict[str, _Held]:
    if not keys:
        return {}
    if unit.dialect == "sqlite":
        held = rows(unit.connection, _HELD_SQLITE, (json.dumps(keys),))
    else:
        held = rows(unit.connection, _HELD_POSTGRESQL, {"keys": Texts(keys)})
    return {key: _Held(number, content) for key, number, content in held}
