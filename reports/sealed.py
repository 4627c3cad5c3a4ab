"""The check of the seals: keys, chain and signatures, every sealed row recomputed to its seal's root, and the rest.

What is attested beside the books are the closes of months, the log, and the refused events.

It reads the books in windows of whole seals, so that memory stays flat, and names the first row at fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col

from ledger.attested import ACCOUNT, KINDS, TRANSACTION, Page, Window, extent, hashed, leaves, pages
from ledger.merkle import root
from ledger.seal_tables import Seal, SealPart
from ledger.sealed_closes import Closes, ClosesInOrder
from ledger.sealed_rows import LOG, REFUSED, Rows, RowsInOrder
from ledger.seals import ID_BYTES, MARK_BYTES, PART_LEAVES, Chain, Part, all_keys
from store.unit import Unit

LEAVES_AT_ONCE = 65_536
_PAGE = 1000

Found = dict[str, dict[bytes, bytes]]
"""Leaf hashes by packed id, of each kind."""


@dataclass(frozen=True)
class Member:
    """Something that a seal holds: its kind and packed id."""

    kind: str
    packed: bytes

    def __str__(self) -> str:
        return f"{self.kind}_id={int.from_bytes(self.packed, 'big', signed=True)}"


def seals_in_order(unit: Unit) -> Iterator[Seal]:
    """Give every seal by its number, a page at a time."""
    last = 0
    while True:
        query = select(Seal).where(col(Seal.number) > last).order_by(col(Seal.number)).limit(_PAGE)
        page = unit.session.scalars(query).all()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].number


def seals_fault(unit: Unit, take: Callable[[Page], None] | None = None) -> str | None:
    """Return what does not agree with the seals first, None where all does.

    ``take`` is handed every page of sealed transactions on the way, each once where all agrees.
    """
    take = take or _ignored
    following = Chain(all_keys(unit))
    if following.key_fault is not None:
        return following.key_fault
    beside = _Beside(unit)
    group: list[Seal] = []
    leaf_count = 0
    for sealed in seals_in_order(unit):
        fault = following.fault(sealed) or beside.fault(sealed)
        if fault is not None:
            return _contents_fault(unit, group, take) or fault
        group.append(sealed)
        leaf_count += sealed.account_count + sealed.transaction_count
        if leaf_count >= LEAVES_AT_ONCE:
            fault = _contents_fault(unit, group, take)
            if fault is not None:
                return fault
            group, leaf_count = [], 0
    return _contents_fault(unit, group, take) or _stray_part(unit, following.length)


class _Beside:
    """What seals attest beside the books, read once in the order of their numbers."""

    def __init__(self, unit: Unit) -> None:
        self._closes = ClosesInOrder(unit)
        self._log, self._refused = RowsInOrder(unit, LOG), RowsInOrder(unit, REFUSED)

    def fault(self, sealed: Seal) -> str | None:
        """Return what is wrong with the closes up to a seal, or with what was logged or refused in its window."""
        closes = self._closes.up_to(sealed.recorded_until)
        log, refused = (rows.up_to(sealed.recorded_until) for rows in (self._log, self._refused))
        return (
            _closes_fault(sealed, closes)
            or _rows_fault(sealed, LOG.name, log, Rows(sealed.log_count, sealed.log_digest))
            or _rows_fault(sealed, REFUSED.name, refused, Rows(sealed.refused_count, sealed.refused_digest))
        )


def _rows_fault(sealed: Seal, table: str, found: Rows, attested: Rows) -> str | None:
    if found == attested:
        return None
    after = "the beginning" if sealed.recorded_after is None else sealed.recorded_after.isoformat()
    return (
        f"the rows of {table} are not those that seal {sealed.number} attests: {attested.count} recorded after "
        f"{after} until {sealed.recorded_until.isoformat()}, and there are {found.count}; one was removed, added or "
        "changed"
    )


def _closes_fault(sealed: Seal, found: Closes) -> str | None:
    if found == Closes(sealed.closes_count, sealed.closes_digest):
        return None
    return (
        f"the closed periods are not those that seal {sealed.number} attests: {sealed.closes_count} closed until "
        f"{sealed.recorded_until.isoformat()}, and there are {found.count}; one was removed, added or changed"
    )


def _stray_part(unit: Unit, length: int) -> str | None:
    highest: int | None = unit.connection.execute(select(func.max(col(SealPart.seal)))).scalar()
    if highest is None or highest <= length:
        return None
    return f"seal {highest} is missing: what it holds is there, and the seals end with {length}"


def _ignored(page: Page) -> None:
    """Take a page, and do nothing with it."""


def _contents_fault(unit: Unit, group: Sequence[Seal], take: Callable[[Page], None]) -> str | None:
    """Recompute seals that follow each other; return the first member at fault."""
    if not group:
        return None
    window = Window(group[0].recorded_after, group[-1].recorded_until)
    accounts = dict(leaves(unit, ACCOUNT, window, extent(unit, ACCOUNT, window)))
    found = {ACCOUNT: accounts, TRANSACTION: _taken(unit, window, take)}
    parts = _parts(unit, group)
    for sealed in group:
        fault = _seal_fault(sealed, parts[sealed.number], found)
        if fault is not None:
            return fault
    return _added(found, group)


def _taken(unit: Unit, window: Window, take: Callable[[Page], None]) -> dict[bytes, bytes]:
    """Return the leaf hashes of a window's transactions by packed id."""
    found: dict[bytes, bytes] = {}
    for page in pages(unit, window, extent(unit, TRANSACTION, window)):
        take(page)
        found.update(hashed(page.records()))
    return found


def _parts(unit: Unit, group: Sequence[Seal]) -> Mapping[int, list[Part]]:
    """Return what each seal says that it holds."""
    query = (
        select(col(SealPart.seal), col(SealPart.members), col(SealPart.marks), col(SealPart.root))
        .where(col(SealPart.seal).between(group[0].number, group[-1].number))
        .order_by(col(SealPart.seal), col(SealPart.part))
    )
    parts: dict[int, list[Part]] = defaultdict(list)
    for number, members, marks, of_part in unit.connection.execute(query):
        parts[number].append(Part(members, marks, of_part))
    return parts


def _seal_fault(sealed: Seal, parts: Sequence[Part], found: Found) -> str | None:
    """Take a seal's members out of what was found; return the first that is missing or not what was sealed."""
    packed = b"".join([part.members for part in parts])
    if len(packed) != ID_BYTES * (sealed.account_count + sealed.transaction_count):
        return f"seal {sealed.number} holds another number of members than it says"
    ids = [packed[start : start + ID_BYTES] for start in range(0, len(packed), ID_BYTES)]
    accounts, transactions = found[ACCOUNT], found[TRANSACTION]
    hashes = [accounts.pop(each, b"") for each in ids[: sealed.account_count]]
    hashes += [transactions.pop(each, b"") for each in ids[sealed.account_count :]]
    members = [
        Part(*_remade(hashes[start : start + PART_LEAVES], ids[start : start + PART_LEAVES]))
        for start in range(0, len(hashes), PART_LEAVES)
    ]
    if root([part.root for part in members]).hex() == sealed.root and list(parts) == members:
        return None
    for index, (number, leaf) in enumerate(zip(ids, hashes, strict=True)):
        member = Member(ACCOUNT if index < sealed.account_count else TRANSACTION, number)
        if not leaf:
            return f"{member} of seal {sealed.number} is missing: it was removed, or moved to another moment"
        part, place = divmod(index, PART_LEAVES)
        if part >= len(parts) or parts[part].marks[place * MARK_BYTES :][:MARK_BYTES] != leaf[:MARK_BYTES]:
            return f"{member} is not what seal {sealed.number} holds: it was changed, or its place was"
    return f"the members of seal {sealed.number} do not make its root"


def _remade(hashes: Sequence[bytes], ids: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    return b"".join(ids), b"".join([leaf[:MARK_BYTES] for leaf in hashes]), root(hashes)


def _added(found: Found, group: Sequence[Seal]) -> str | None:
    for kind in KINDS:
        if found[kind]:
            member = Member(kind, min(found[kind]))
            seals = f"seal {group[0].number}" if len(group) == 1 else f"seals {group[0].number} to {group[-1].number}"
            return f"{member} was recorded within {seals} and is not in: it was added later"
    return None
