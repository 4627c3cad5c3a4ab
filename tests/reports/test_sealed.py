"""Whoever owns the database and changes it behind the guards is found, by the first row at fault, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from ledger.sealed_rows import LOG, REFUSED
from ledger.seals import seal
from ledger.signing import key_file, rotate_key
from metering.tables import RefusedEvent
from pricing.errors import Malformed
from reports import verification
from reports.seal_export import copy_fault, exported
from reports.sealed import seals_fault
from store.guards import guards_fault
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.books import OPERATOR, close_books, end_month, post_pairs


@dataclass(frozen=True)
class Sealed:
    """Books of three seals over nine transactions, and the right to do anything to them."""

    store: Store
    ids: list[int]

    @contextmanager
    def tampered(self) -> Iterator[Connection]:
        """Take the guards away, let the rows be changed as an owner can, put the guards back as they were."""
        engine = create_engine(self.store.settings.database_url)
        with engine.connect() as connection:
            guards = guards_put_off(connection)
            yield connection
            for statement in guards:
                connection.execute(text(statement))
            connection.commit()
        engine.dispose()
        with self.store.reading(LOCAL) as unit:
            assert guards_fault(unit.connection) is None

    def change(self, *statements: str) -> None:
        with self.tampered() as connection:
            for statement in statements:
                changed = connection.execute(text(statement))
                assert changed.rowcount != 0, statement

    @property
    def fault(self) -> str | None:
        with self.store.reading(LOCAL) as unit:
            return seals_fault(unit)

    def export(self) -> list[str]:
        with self.store.reading(LOCAL) as unit:
            return list(exported(unit))

    def disagreement(self, copy: list[str], *trusted: str) -> str | None:
        with self.store.reading(LOCAL) as unit:
            return copy_fault(unit, copy, trusted)


def guards_put_off(connection: Connection) -> list[str]:
    """Put the guards off as an owner can; return what puts them back."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        return ["SET session_replication_role = origin"]
    connection.execute(text("PRAGMA ignore_check_constraints = ON"))
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in rows:
        connection.execute(text(f"DROP TRIGGER {name}"))
    return [sql for _, sql in rows]


@pytest.fixture
def sealed(store: Store) -> Sealed:
    ids = []
    for _ in range(3):
        ids += store.run(LOCAL, lambda unit: post_pairs(unit, 3, document_id="inv_1"))
        seal(store, LOCAL)
    return Sealed(store, ids)


HEAD_CHANGES = {
    "id": "id + 1000000",
    "key": "key || 'x'",
    "kind": "'bill'",
    "book": "'pty_other'",
    "effective_on": "'2025-04-01'",
    "legs": "legs + 1",
    "document_id": "NULL",
    "event_count": "coalesce(event_count, 0) + 1",
    "event_digest": "coalesce(event_digest, '') || '0'",
    "content_hash": "(SELECT root FROM seal_part WHERE seal = 1 AND part = 0)",
}
LEG_CHANGES = {
    "leg": "leg + 10",
    "account_id": "account_id + 1",
    "asset": "'GB'",
    "side": "CASE side WHEN 'D' THEN 'C' ELSE 'D' END",
    "amount": "amount + 1",
    "service_month": "'2025-04'",
    "service_on": "'2025-04-01'",
}
ACCOUNT_CHANGES = {
    "id": "id + 1000000",
    "code": "code || 'x'",
    "kind": "'bank'",
    "book": "'pty_other'",
    "asset": "'GB'",
    "party_id": "coalesce(party_id, '') || 'x'",
    "contract_id": "coalesce(contract_id, '') || 'x'",
    "offering_id": "coalesce(offering_id, '') || 'x'",
}


def test_books_that_nobody_touched_agree_with_their_seals(sealed: Sealed) -> None:
    assert sealed.fault is None
    assert sealed.disagreement(sealed.export()) is None


@pytest.mark.parametrize("column", HEAD_CHANGES)
def test_a_change_of_any_field_of_a_transaction_is_found(sealed: Sealed, column: str) -> None:
    victim = sealed.ids[4]
    sealed.change(f"UPDATE ledger_transaction SET {column} = {HEAD_CHANGES[column]} WHERE id = {victim}")
    assert f"transaction_id={victim} " in str(sealed.fault)


def test_a_transaction_that_was_moved_in_time_is_found(sealed: Sealed) -> None:
    victim, other = sealed.ids[4], sealed.ids[0]
    sealed.change(
        f"UPDATE ledger_transaction SET recorded_at = "
        f"(SELECT recorded_at FROM ledger_transaction WHERE id = {other}) WHERE id = {victim}"
    )
    assert f"transaction_id={victim} " in str(sealed.fault)


@pytest.mark.parametrize("column", LEG_CHANGES)
def test_a_change_of_any_field_of_a_leg_is_found(sealed: Sealed, column: str) -> None:
    victim = sealed.ids[4]
    sealed.change(
        f"UPDATE ledger_entry SET {column} = {LEG_CHANGES[column]} WHERE transaction_id = {victim} AND leg = 1"
    )
    assert f"transaction_id={victim} is not what seal 2 holds" in str(sealed.fault)


@pytest.mark.parametrize("column", ACCOUNT_CHANGES)
def test_a_change_of_any_field_of_an_account_is_found(sealed: Sealed, column: str) -> None:
    sealed.change(f"UPDATE account SET {column} = {ACCOUNT_CHANGES[column]} WHERE id = 2")
    assert "account_id=2 of seal 1" in str(sealed.fault) or "account_id=2 is not what seal 1" in str(sealed.fault)


def test_a_change_of_an_accounts_asset_or_moment_is_found(sealed: Sealed) -> None:
    sealed.change("UPDATE asset SET scale = 3 WHERE code = 'CALL'")
    assert "account_id=" in str(sealed.fault)
    sealed.change("UPDATE asset SET scale = 6 WHERE code = 'CALL'")
    assert sealed.fault is None
    sealed.change("UPDATE account SET recorded_at = '2025-01-01T00:00:00.000000Z' WHERE id = 2")
    assert "account_id=2 " in str(sealed.fault)


@pytest.fixture
def closed(sealed: Sealed) -> Sealed:
    """The same books with a closed month, which the fourth of five seals attests first."""
    sealed.store.run(LOCAL, end_month)
    sealed.store.run(LOCAL, close_books)
    seal(sealed.store, LOCAL)
    sealed.store.run(LOCAL, lambda unit: post_pairs(unit, 1))
    seal(sealed.store, LOCAL)
    assert sealed.fault is None
    return sealed


CLOSE_CHANGES = {
    "id": "id || 'x'",
    "book": "'pty_other'",
    "month": "'2025-02'",
    "opens_on": "'2025-03-01'",
    "closed_at": "(SELECT recorded_until FROM seal WHERE number = 4)",
    "closed_by": "coalesce(closed_by, '') || 'x'",
}
NOT_OF_SEAL_4 = "the closed periods are not those that seal 4 attests: 1 closed until"


@pytest.mark.parametrize("column", CLOSE_CHANGES)
def test_a_change_of_any_field_of_a_closed_month_is_found(closed: Sealed, column: str) -> None:
    closed.change(f"UPDATE closed_period SET {column} = {CLOSE_CHANGES[column]}")
    assert NOT_OF_SEAL_4 in str(closed.fault)


def test_a_month_that_was_opened_again_is_found_by_the_verification_and_the_auditors_copy(closed: Sealed) -> None:
    copy = closed.export()
    closed.change("DELETE FROM closed_period")
    assert "and there are 0; one was removed, added or changed" in str(closed.fault)
    assert NOT_OF_SEAL_4 in str(closed.disagreement(copy))
    with closed.store.reading(LOCAL) as unit:
        found = {check["check"]: check["first_fault"] for check in verification.findings(unit)}
    assert NOT_OF_SEAL_4 in str(found["seals_hold"])
    seal(closed.store, LOCAL)
    assert NOT_OF_SEAL_4 in str(closed.fault)


@pytest.mark.parametrize(("number", "named"), [(2, 2), (5, 4)])
def test_a_close_that_was_moved_to_another_seals_time_is_found(closed: Sealed, number: int, named: int) -> None:
    closed.change(f"UPDATE closed_period SET closed_at = (SELECT recorded_until FROM seal WHERE number = {number})")
    assert f"the closed periods are not those that seal {named} attests" in str(closed.fault)


def test_a_close_that_was_added_later_is_found(closed: Sealed) -> None:
    closed.change(
        "INSERT INTO closed_period (id, book, month, opens_on, closed_at) "
        "SELECT 'per_added', book, '2025-04', '2025-05-01', closed_at FROM closed_period"
    )
    assert NOT_OF_SEAL_4 in str(closed.fault)


def refuse(unit: Unit, name: str = "rfe_1") -> None:
    unit.session.add(
        RefusedEvent(
            id=name,
            operator_id=OPERATOR,
            content_hash=name,
            subject="ctr",
            event="{}",
            truncated=False,
            code="contract_unknown",
            detail="none",
            recorded_at=unit.now,
        )
    )


@pytest.fixture
def logged(sealed: Sealed) -> Sealed:
    """The same books, with a refused event in the fourth of five seals; each holds rows of the log."""
    sealed.store.run(LOCAL, refuse)
    seal(sealed.store, LOCAL)
    sealed.store.run(LOCAL, lambda unit: post_pairs(unit, 1))
    seal(sealed.store, LOCAL)
    assert sealed.fault is None
    return sealed


LOG_CHANGES = {
    "id": "id || 'x'",
    "recorded_at": "(SELECT recorded_until FROM seal WHERE number = 1)",
    "role": "'auditor'",
    "party_id": "coalesce(party_id, '') || 'x'",
    "key_id": "coalesce(key_id, '') || 'x'",
    "action": "action || 'x'",
    "outcome": "'refused'",
    "code": "coalesce(code, '') || 'x'",
    "object_id": "coalesce(object_id, '') || 'x'",
    "request_id": "coalesce(request_id, '') || 'x'",
    "detail": "'{}'",
}
REFUSED_CHANGES = {
    "id": "id || 'x'",
    "recorded_at": "(SELECT recorded_until FROM seal WHERE number = 1)",
    "operator_id": "'pty_other'",
    "content_hash": "content_hash || 'x'",
    "subject": "NULL",
    "event": "event || ' '",
    "truncated": "NOT truncated",
}
MAY_CHANGE = {"code", "detail", "judged_at", "outcome"}


def test_every_field_that_never_changes_of_the_log_and_of_refused_events_is_attested() -> None:
    tables = SQLModel.metadata.tables
    assert set(LOG_CHANGES) == set(tables["audit_entry"].columns.keys()) == set(LOG.c.keys())
    assert set(REFUSED_CHANGES) | MAY_CHANGE == set(tables["refused_event"].columns.keys())
    assert set(REFUSED.c.keys()) == set(REFUSED_CHANGES)


@pytest.mark.parametrize("column", LOG_CHANGES)
def test_a_change_of_any_field_of_the_log_is_found(logged: Sealed, column: str) -> None:
    last = "(SELECT max(id) FROM audit_entry WHERE recorded_at <= (SELECT recorded_until FROM seal WHERE number = 4))"
    logged.change(f"UPDATE audit_entry SET {column} = {LOG_CHANGES[column]} WHERE id = {last}")
    number = 1 if column == "recorded_at" else 4
    assert f"the rows of audit_entry are not those that seal {number} attests" in str(logged.fault)


@pytest.mark.parametrize("column", REFUSED_CHANGES)
def test_a_change_of_any_field_of_a_refused_event_that_never_changes_is_found(logged: Sealed, column: str) -> None:
    logged.change(f"UPDATE refused_event SET {column} = {REFUSED_CHANGES[column]}")
    number = 1 if column == "recorded_at" else 4
    assert f"the rows of refused_event are not those that seal {number} attests" in str(logged.fault)


def test_a_refused_event_that_is_judged_afresh_stays_what_was_attested(logged: Sealed) -> None:
    logged.change(
        "UPDATE refused_event SET code = 'other', detail = 'other', judged_at = recorded_at, outcome = 'accepted'"
    )
    assert logged.fault is None


@pytest.mark.parametrize("size", [1, 2, 3])
def test_it_is_no_matter_how_many_rows_are_read_at_once(
    logged: Sealed, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logged.tampered() as connection:  # several rows of one instant, as calls that were served together leave them
        for number in range(4):
            connection.execute(
                text(
                    "INSERT INTO audit_entry (id, recorded_at, role, action, outcome) "
                    f"SELECT 'log_{number}', max(recorded_at), 'admin', 'unsealed', 'done' "
                    "FROM audit_entry"
                )
            )
    seal(logged.store, LOCAL)
    monkeypatch.setattr("ledger.sealed_rows._ROWS_AT_ONCE", size)
    assert logged.fault is None
    logged.change("DELETE FROM audit_entry WHERE id = 'log_2'")
    assert "attests: 5 recorded after" in str(logged.fault)


@pytest.mark.parametrize("table", ["audit_entry", "refused_event"])
def test_rows_that_were_removed_or_added_beside_the_books_are_found(logged: Sealed, table: str) -> None:
    copy = logged.export()
    logged.change(
        f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM seal WHERE number = 4 "
        "AND recorded_at > seal.recorded_after AND recorded_at <= seal.recorded_until)"
    )
    said = f"the rows of {table} are not those that seal 4 attests"
    assert said in str(logged.fault)
    assert "and there are 0; one was removed" in str(logged.fault)
    assert said in str(logged.disagreement(copy))
    seal(logged.store, LOCAL)
    assert said in str(logged.fault)


def test_a_row_that_was_added_to_the_log_or_to_the_refused_events_later_is_found(logged: Sealed) -> None:
    logged.store.run(LOCAL, lambda unit: refuse(unit, "rfe_2"))
    logged.change(
        "UPDATE refused_event SET recorded_at = (SELECT recorded_until FROM seal WHERE number = 2) WHERE id = 'rfe_2'"
    )
    assert "the rows of refused_event are not those that seal 2 attests: 0 recorded after" in str(logged.fault)
    logged.change("DELETE FROM refused_event WHERE id = 'rfe_2'")
    assert logged.fault is None
    logged.change(
        "INSERT INTO audit_entry (id, recorded_at, role, action, outcome) "
        "SELECT 'log_x', recorded_until, 'admin', 'forged', 'done' FROM seal WHERE number = 3"
    )
    assert "the rows of audit_entry are not those that seal 3 attests" in str(logged.fault)


ADDED_HEAD = (
    "INSERT INTO ledger_transaction (id, key, kind, book, effective_on, recorded_at, recorded_month, legs) "
    "SELECT {id}, 'added', kind, book, effective_on, recorded_at, recorded_month, 2 "
    "FROM ledger_transaction WHERE id = {like}"
)
ADDED_LEGS = (
    "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
    "SELECT {id}, leg, account_id, asset, side, amount, recorded_month "
    "FROM ledger_entry WHERE transaction_id = {like} AND leg <= 2"
)


@pytest.mark.parametrize("number", [-7, 1_000_000])
def test_a_transaction_that_was_added_within_a_seal_is_found(sealed: Sealed, number: int) -> None:
    like = sealed.ids[4]
    sealed.change(ADDED_HEAD.format(id=number, like=like), ADDED_LEGS.format(id=number, like=like))
    assert f"transaction_id={number} was recorded within" in str(sealed.fault)


def test_a_leg_that_was_added_or_removed_is_found(sealed: Sealed) -> None:
    victim = sealed.ids[4]
    sealed.change(
        "INSERT INTO ledger_entry (transaction_id, leg, account_id, asset, side, amount, recorded_month) "
        f"SELECT transaction_id, 99, account_id, asset, side, amount, recorded_month FROM ledger_entry "
        f"WHERE transaction_id = {victim} AND leg = 1"
    )
    assert f"transaction_id={victim} is not" in str(sealed.fault)
    sealed.change(f"DELETE FROM ledger_entry WHERE transaction_id = {victim} AND leg = 99")
    assert sealed.fault is None
    sealed.change(f"DELETE FROM ledger_entry WHERE transaction_id = {victim} AND leg = 2")
    assert f"transaction_id={victim} is not" in str(sealed.fault)


def removal(ids: list[int]) -> list[str]:
    numbers = ", ".join(map(str, ids))
    return [
        f"DELETE FROM ledger_entry WHERE transaction_id IN ({numbers})",
        f"DELETE FROM ledger_transaction WHERE id IN ({numbers})",
    ]


def test_the_last_transactions_that_were_removed_are_found(sealed: Sealed) -> None:
    sealed.change(*removal(sealed.ids[-2:]))
    assert f"transaction_id={sealed.ids[-2]} of seal 3 is missing" in str(sealed.fault)


def test_a_tail_that_was_removed_with_its_seal_is_found_by_the_auditors_copy(sealed: Sealed) -> None:
    copy = sealed.export()
    sealed.change(*removal(sealed.ids[-3:]), "DELETE FROM seal WHERE number = 3")
    assert "seal 3 is missing" in str(sealed.fault)
    sealed.change("DELETE FROM seal_part WHERE seal = 3")
    assert sealed.fault is None
    assert "seal 3 is missing from the database" in str(sealed.disagreement(copy))


def test_a_seal_that_was_removed_from_the_middle_is_found(sealed: Sealed) -> None:
    sealed.change("DELETE FROM seal WHERE number = 2")
    assert "seal 2 is missing" in str(sealed.fault)


def test_two_transactions_that_changed_places_are_found(sealed: Sealed) -> None:
    one, other = sealed.ids[3], sealed.ids[5]
    sealed.change(
        f"UPDATE ledger_entry SET transaction_id = -1 WHERE transaction_id = {one}",
        f"UPDATE ledger_entry SET transaction_id = {one} WHERE transaction_id = {other}",
        f"UPDATE ledger_entry SET transaction_id = {other} WHERE transaction_id = -1",
        f"UPDATE ledger_transaction SET id = -1 WHERE id = {one}",
        f"UPDATE ledger_transaction SET id = {one} WHERE id = {other}",
        f"UPDATE ledger_transaction SET id = {other} WHERE id = -1",
    )
    assert f"transaction_id={one} is not what seal 2 holds" in str(sealed.fault)


def test_members_that_changed_places_are_found(sealed: Sealed) -> None:
    with sealed.store.reading(LOCAL) as unit:
        members, marks = unit.connection.execute(text("SELECT members, marks FROM seal_part WHERE seal = 2")).one()
    swapped = {name: value[8:16] + value[:8] + value[16:] for name, value in (("members", members), ("marks", marks))}
    with sealed.tampered() as connection:
        connection.execute(text("UPDATE seal_part SET members = :members, marks = :marks WHERE seal = 2"), swapped)
    assert sealed.fault == "the members of seal 2 do not make its root"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("recorded_until", "'2031-01-01T00:00:00.000000Z'", "seal 2 does not have the hash of what it says"),
        ("transaction_count", "transaction_count - 1", "seal 2 does not have the hash of what it says"),
        ("account_count", "account_count + 1", "seal 2 does not have the hash of what it says"),
        ("closes_count", "closes_count + 1", "seal 2 does not have the hash of what it says"),
        ("closes_digest", "hash", "seal 2 does not have the hash of what it says"),
        ("log_count", "log_count + 1", "seal 2 does not have the hash of what it says"),
        ("log_digest", "hash", "seal 2 does not have the hash of what it says"),
        ("refused_count", "refused_count + 1", "seal 2 does not have the hash of what it says"),
        ("refused_digest", "hash", "seal 2 does not have the hash of what it says"),
        ("root", "hash", "seal 2 does not have the hash of what it says"),
        ("sealed_at", "'2031-01-01T00:00:00.000000Z'", "seal 2 does not have the hash of what it says"),
        ("previous_hash", "hash", "seal 2 does not go on from seal 1"),
        ("hash", "root", "seal 2 does not have the hash of what it says"),
        ("signature", "replace(signature, substr(signature, 1, 8), '00000000')", "seal 2 does not have the signature"),
    ],
)
def test_a_seal_that_was_changed_is_found(sealed: Sealed, column: str, value: str, said: str) -> None:
    sealed.change(f"UPDATE seal SET {column} = {value} WHERE number = 2")
    assert said in str(sealed.fault)


def test_a_key_that_was_exchanged_is_found(sealed: Sealed) -> None:
    sealed.change(f"UPDATE signing_key SET public_key = '{'00' * 32}'")
    assert "the public key of sgk_" in str(sealed.fault)


def test_books_that_were_sealed_anew_under_another_key_disagree_with_the_auditors_copy(sealed: Sealed) -> None:
    copy = sealed.export()
    key_file(sealed.store.settings).unlink()
    sealed.change(
        f"UPDATE ledger_transaction SET document_id = 'forged' WHERE id = {sealed.ids[0]}",
        "DELETE FROM seal_part",
        "DELETE FROM seal",
        "DELETE FROM signing_key",
    )
    seal(sealed.store, LOCAL)
    assert sealed.fault is None
    assert sealed.disagreement(copy) == "seal 1 of the database is another than that of the copy"


def test_a_copy_that_was_changed_or_is_of_unknown_keys_is_not_trusted(sealed: Sealed) -> None:
    copy = sealed.export()
    forged = json.loads(copy[2])
    forged["transaction_count"] += 1
    assert "in the copy, seal 2 does not have the hash" in str(
        sealed.disagreement([*copy[:2], json.dumps(forged), *copy[3:]])
    )
    assert "in the copy, seal 2 is missing" in str(sealed.disagreement([*copy[:2], *copy[3:]]))
    assert "is not endorsed by a trusted key" in str(sealed.disagreement(copy, "sgk_known"))
    with pytest.raises(Malformed, match="line 1"):
        sealed.disagreement(["no json"])
    with pytest.raises(Malformed, match="line 2"):
        sealed.disagreement([copy[0], '{"type":"seal"}'])


def test_a_key_that_came_after_a_lost_one_is_trusted_only_by_its_name(sealed: Sealed) -> None:
    sealed.store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=False))
    endorsed = sealed.export()
    assert sealed.disagreement(endorsed) is None
    new = sealed.store.run(LOCAL, lambda unit: rotate_key(unit, is_lost=True).model_dump())
    copy = sealed.export()
    first = json.loads(copy[0])["id"]
    assert f"{new['id']} is not endorsed" in str(sealed.disagreement(copy))
    assert sealed.disagreement(copy, first, str(new["id"])) is None


def test_the_verification_has_the_seals_and_the_guards_among_its_checks(sealed: Sealed) -> None:
    victim = sealed.ids[4]
    sealed.change(f"UPDATE ledger_transaction SET document_id = 'forged' WHERE id = {victim}")
    with sealed.store.reading(LOCAL) as unit:
        found = {check["check"]: check["first_fault"] for check in verification.findings(unit)}
    assert f"transaction_id={victim} " in found["seals_hold"]
    assert found["guards_present"] is None
