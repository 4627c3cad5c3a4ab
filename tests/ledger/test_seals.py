"""Sealing: nothing is skipped, nothing is sealed twice, and whatever is stopped half way goes on."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from ledger import seals, signing
from ledger.merkle import leaf_hash, root
from ledger.seal_tables import Seal, SealPart, SigningKey
from ledger.seals import ID_BYTES, Sealed, last_seal, seal
from ledger.signing import (
    SigningKeyMissing,
    SigningKeyNotInForce,
    SigningKeyUnusable,
    is_signed,
    key_file,
    rotate_key,
)
from ledger.tables import Account, Transaction
from pricing.errors import Unavailable
from reports.sealed import seals_fault
from store.horizon import advance
from store.sandbox import move_clock
from store.settings import Settings
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.forked import kill, killed
from tests.ledger.books import close_books, end_month, post_pairs


def sealed_ids(store: Store) -> list[int]:
    """The ids of transactions in the order in which seals hold them."""
    found = []
    with store.reading(LOCAL) as unit:
        for made in unit.session.scalars(select(Seal).order_by(col(Seal.number))):
            parts = select(SealPart).where(col(SealPart.seal) == made.number).order_by(col(SealPart.part))
            members = b"".join(part.members for part in unit.session.scalars(parts))
            found += [
                int.from_bytes(members[start : start + ID_BYTES], "big")
                for start in range(made.account_count * ID_BYTES, len(members), ID_BYTES)
            ]
    return found


def fault(store: Store) -> str | None:
    with store.reading(LOCAL) as unit:
        return seals_fault(unit)


def posted(store: Store, number: int) -> list[int]:
    return store.run(LOCAL, lambda unit: post_pairs(unit, number))


def test_all_that_was_recorded_is_sealed_once(store: Store) -> None:
    first = posted(store, 5)
    made = seal(store, LOCAL)
    assert (made.seals, made.transactions) == (1, 5)
    assert seal(store, LOCAL).seals == 0
    second = posted(store, 2)
    assert seal(store, LOCAL).transactions == 2
    assert sealed_ids(store) == [*first, *second]
    assert fault(store) is None
    with store.reading(LOCAL) as unit:
        accounts = unit.connection.execute(select(func.count()).select_from(Account)).scalar_one()
        assert unit.connection.execute(select(func.sum(col(Seal.account_count)))).scalar_one() == accounts


@pytest.mark.parametrize(("transactions_max", "seals_made"), [(6, 3), (7, 2)])
def test_a_long_window_is_sealed_in_batches_that_end_between_instants(
    store: Store, transactions_max: int, seals_made: int
) -> None:
    ids = [number for _ in range(6) for number in posted(store, 3)]
    made = seal(store, LOCAL, transactions_max=transactions_max)
    assert (made.seals, made.transactions) == (seals_made, 18)
    assert sealed_ids(store) == ids
    assert fault(store) is None


def test_a_seal_of_many_parts_has_the_root_of_all_its_leaves(store: Store) -> None:
    posted(store, 2500)
    seal(store, LOCAL)
    assert fault(store) is None
    with store.reading(LOCAL) as unit:
        made = last_seal(unit)
        assert made is not None
        parts = unit.session.scalars(select(SealPart).order_by(col(SealPart.part))).all()
        assert len(parts) == 3
        assert root([part.root for part in parts]).hex() == made.root


def test_an_empty_book_is_not_sealed(store: Store) -> None:
    assert seal(store, LOCAL).seals == 0
    assert not key_file(store.settings).exists()


def test_a_transaction_with_a_lower_number_that_is_committed_later_is_never_skipped(settings: Settings) -> None:
    """Real interleaving: one holds its number open while a later one commits and the sealer runs."""
    store = Store(replace(settings, wait_seconds_max=2))
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: nothing commits while another holds its number")
    posted(store, 1)
    early: list[int] = []
    holds, may_commit = Event(), Event()

    def hold(unit: Unit) -> None:
        early.extend(post_pairs(unit, 1))
        holds.set()
        may_commit.wait(30)

    worker = Thread(target=store.run, args=(LOCAL, hold))
    worker.start()
    assert holds.wait(30)
    (late,) = posted(store, 1)
    assert late > early[0]
    with pytest.raises(Unavailable, match="running for more than 2 s"):
        seal(store, LOCAL)
    assert late not in sealed_ids(store)
    waiting: list[Sealed] = []
    sealer = Thread(target=lambda: waiting.append(seal(store, LOCAL)))
    sealer.start()
    may_commit.set()
    worker.join()
    sealer.join()
    assert {early[0], late} <= set(sealed_ids(store))
    assert fault(store) is None
    store.close()


def closes_attested(store: Store) -> list[int]:
    """How many closes each seal attests."""
    with store.reading(LOCAL) as unit:
        return list(unit.session.scalars(select(col(Seal.closes_count)).order_by(col(Seal.number))))


@pytest.mark.parametrize("earlier", [0, 3])
def test_a_close_alone_is_sealed_once(store: Store, earlier: int) -> None:
    posted(store, earlier)
    seal(store, LOCAL)
    before = closes_attested(store)
    store.run(LOCAL, end_month)
    store.run(LOCAL, close_books)
    made = seal(store, LOCAL)
    assert (made.seals, made.transactions, made.accounts) == (1, 0, 0)
    assert closes_attested(store) == [*before, 1]
    assert seal(store, LOCAL).seals == 0
    posted(store, 1)
    seal(store, LOCAL)
    assert closes_attested(store) == [*before, 1, 1]
    assert fault(store) is None


def test_a_close_that_is_committed_after_the_clock_was_moved_is_never_skipped(settings: Settings) -> None:
    """Real interleaving: one holds its instant open while the clock moves, a later one commits and the sealer runs."""
    store = Store(replace(settings, wait_seconds_max=2))
    if store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: nothing commits while another holds its instant")
    posted(store, 1)
    store.run(LOCAL, end_month)
    holds, may_commit = Event(), Event()

    def hold(unit: Unit) -> None:
        close_books(unit)
        unit.flush()
        holds.set()
        may_commit.wait(30)

    worker = Thread(target=store.run, args=(LOCAL, hold))
    worker.start()
    assert holds.wait(30)
    store.run(LOCAL, lambda unit: move_clock(unit, unit.now + timedelta(days=1)))
    with pytest.raises(Unavailable, match="running for more than 2 s"):
        seal(store, LOCAL)
    assert closes_attested(store) == []
    may_commit.set()
    worker.join()
    seal(store, LOCAL)
    assert closes_attested(store) == [1]
    assert fault(store) is None
    store.close()


def test_whoever_posts_while_sealers_run_is_sealed_once(store: Store) -> None:
    """Three writers and two sealers at once, on threads of their own."""
    made: list[int] = []
    done = Event()

    def write() -> None:
        for _ in range(12):
            made.extend(posted(store, 3))

    def keep_sealing() -> None:
        while not done.is_set():
            seal(store, LOCAL, transactions_max=10)

    writers = [Thread(target=write) for _ in range(3)]
    sealers = [Thread(target=keep_sealing) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    seal(store, LOCAL)
    assert sorted(sealed_ids(store)) == sorted(made)
    assert fault(store) is None


def killed_at(
    settings: Settings, module: ModuleType, function: str, *, after: bool, work: Callable[[Store], object]
) -> None:
    """Do work in a process of its own that is killed before, or after, a function of it."""
    original = getattr(module, function)

    def killing(*given: Any, **named: Any) -> None:
        if after:
            original(*given, **named)
        kill()

    def work_until_killed() -> None:
        with mock.patch.object(module, function, killing):
            work(Store(settings))

    killed(work_until_killed)


def seal_in_batches(store: Store) -> object:
    return seal(store, LOCAL, transactions_max=3)


def rotate(store: Store) -> object:
    return store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=False))


@pytest.mark.parametrize(
    ("module", "function", "after"),
    [
        (seals, "_draft", True),
        (seals, "lock_sealing", True),
        (signing, "_write_new", False),
        (signing, "_write_new", True),
        (seals, "signer_in_force", True),
        (seals, "statement", True),
        (seals, "_keep", True),
    ],
)
def test_a_sealer_that_is_killed_anywhere_leaves_whole_seals_and_the_next_goes_on(
    store: Store, module: ModuleType, function: str, after: bool
) -> None:
    ids = [number for _ in range(3) for number in posted(store, 3)]
    killed_at(store.settings, module, function, after=after, work=seal_in_batches)
    assert fault(store) is None
    seal_in_batches(store)
    assert sealed_ids(store) == ids
    assert fault(store) is None


@pytest.mark.parametrize(
    ("function", "after"), [("_write_new", True), ("_enter", True), ("_take_place", False), ("_take_place", True)]
)
def test_a_rotation_that_is_killed_anywhere_leaves_a_key_that_fits(store: Store, function: str, after: bool) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    killed_at(store.settings, signing, function, after=after, work=rotate)
    posted(store, 1)
    seal(store, LOCAL)
    rotate(store)
    posted(store, 1)
    seal(store, LOCAL)
    assert fault(store) is None


def test_the_private_key_is_its_owners_alone_and_not_in_the_database(store: Store) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    path = key_file(store.settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with store.reading(LOCAL) as unit:
        (key,) = unit.session.scalars(select(SigningKey)).all()
        assert len(bytes.fromhex(key.public_key)) == 32
    secret = path.read_text().split("\n")[1]
    if store.engine.dialect.name == "sqlite":
        assert secret.encode() not in Path(str(store.engine.url.database)).read_bytes()


def test_a_rotated_key_is_endorsed_and_old_seals_stay_as_they_are(store: Store) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=False))
    posted(store, 1)
    seal(store, LOCAL)
    with store.reading(LOCAL) as unit:
        first, second = unit.session.scalars(select(SigningKey).order_by(col(SigningKey.valid_from))).all()
        assert second.endorsed_by == first.id
        assert [made.key_id for made in unit.session.scalars(select(Seal).order_by(col(Seal.number)))] == [
            first.id,
            second.id,
        ]
    assert fault(store) is None


def test_a_sealer_that_read_its_clock_before_the_key_came_in_force_dates_the_seal_when_it_did(store: Store) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    posted(store, 1)
    horizon = advance(store)
    with store.reading(LOCAL, fresh=True) as unit:
        draft = seals._draft(unit, horizon, 10)
    assert draft is not None

    def keep(unit: Unit) -> bool:
        now, unit.now = unit.now, unit.now - timedelta(days=1)
        kept = seals._keep(unit, draft)
        unit.now = now
        return kept

    assert store.run(LOCAL, keep)
    assert fault(store) is None


def test_a_key_that_is_lost_is_replaced_only_when_that_is_said(store: Store) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    key_file(store.settings).unlink()
    posted(store, 1)
    with pytest.raises(SigningKeyMissing, match="--lost"):
        seal(store, LOCAL)
    with pytest.raises(SigningKeyMissing):
        store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=False))
    store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=True))
    assert seal(store, LOCAL).transactions == 1
    assert fault(store) is None


def write_other_key(path: Path) -> None:
    other = path.with_name("other")
    signing._write_new(other)
    other.replace(path)


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (write_other_key, SigningKeyNotInForce),
        (lambda path: path.chmod(0o644), SigningKeyUnusable),
        (lambda path: path.write_text("no key"), SigningKeyUnusable),
    ],
)
def test_a_key_file_that_does_not_fit_signs_nothing(
    store: Store, spoil: Callable[[Path], None], refusal: type[Exception]
) -> None:
    posted(store, 1)
    seal(store, LOCAL)
    spoil(key_file(store.settings))
    posted(store, 1)
    with pytest.raises(refusal):
        seal(store, LOCAL)
    assert len(sealed_ids(store)) == 1


def test_a_server_that_names_no_file_for_its_key_does_not_seal() -> None:
    with pytest.raises(SigningKeyMissing, match="TARIFFBOOK_SIGNING_KEY_FILE"):
        key_file(Settings("postgresql+psycopg://db/books"))


def test_what_is_signed_is_no_other_message_and_no_other_key() -> None:
    assert not is_signed("00" * 32, b"message", "00" * 64)
    assert not is_signed("no hex", b"message", "00")
    assert not is_signed("00" * 32, b"message", None)


def test_seals_reach_their_instants_and_never_overlap(store: Store) -> None:
    ends: list[datetime] = []
    for _ in range(3):
        posted(store, 2)
        seal(store, LOCAL)
    with store.reading(LOCAL) as unit:
        for made in unit.session.scalars(select(Seal).order_by(col(Seal.number))):
            assert made.recorded_after == (ends[-1] if ends else None)
            ends.append(made.recorded_until)
        newest = unit.connection.execute(select(func.max(col(Transaction.recorded_at)))).scalar_one()
    assert ends == sorted(ends)
    assert newest <= ends[-1]


def test_a_leaf_is_hashed_as_the_standard_says() -> None:
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
