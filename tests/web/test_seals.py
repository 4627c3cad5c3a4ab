"""Seals over HTTP and at the terminal: anybody who may read the books can check them with the standard alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask

from ledger.seals import seal
from ledger.signing import key_file
from store.unit import Store
from tests.cli.command import Command
from tests.conftest import LOCAL
from tests.web.everything import Everything, made_in
from tests.world import World


@pytest.fixture
def everything(world: World) -> Everything:
    return made_in(world)


@pytest.fixture
def command(everything: Everything, app: Flask) -> Command:
    """The command on the database of this world, in the folder that holds its signing key."""
    store: Store = app.extensions["tariffbook"]
    return Command(store.settings.database_url, key_file(store.settings).parent)


def rows_of(record: bytes) -> list[list[bytes]]:
    """Take a record apart as docs/operations.md says: rows, each the number of its fields, each of these its length."""
    rows: list[list[bytes]] = []
    place = 0

    def taken(size: int) -> bytes:
        nonlocal place
        place += max(size, 0)
        return record[place - max(size, 0) : place]

    while place < len(record):
        rows.append([taken(number_of(taken(4))) for _ in range(number_of(taken(2)))])
    return rows


def number_of(field: bytes) -> int:
    return int.from_bytes(field, "big", signed=True)


def test_an_auditor_proves_a_transaction_with_the_standard_alone(everything: Everything) -> None:
    auditor = everything.world.auditor
    for entry in auditor.seen("/ledger/transactions", limit=1000)["items"]:
        proof = auditor.seen("/ledger/seals/proof", transaction=entry["id"])
        made = proof["seal"]
        record = bytes.fromhex(proof["record"])
        head, *legs = rows_of(record)
        assert (number_of(head[1]), head[7].decode(), number_of(head[4])) == (entry["id"], entry["key"], len(legs))
        assert [[number_of(leg[0]), number_of(leg[1])] for leg in legs] == [
            [entry["id"], place] for place, _ in enumerate(entry["entries"], start=1)
        ]
        found = sha256(b"\0" + record).digest()
        assert found.hex() == proof["leaf_hash"]
        index, last, path = proof["index"], proof["size"] - 1, [bytes.fromhex(each) for each in proof["path"]]
        while last:  # RFC 9162, 2.1.3.2
            if index & 1:
                found = sha256(b"\1" + path.pop(0) + found).digest()
            elif index < last:
                found = sha256(b"\1" + found + path.pop(0)).digest()
            index, last = index >> 1, last >> 1
        assert (found.hex(), path) == (made["root"], [])
        assert f"64:{made['root']}" in made["statement"]
        assert sha256(made["statement"].encode()).hexdigest() == made["hash"]
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(made["public_key"])).verify(
            bytes.fromhex(made["signature"]), made["statement"].encode()
        )


def test_an_auditor_recomputes_the_closed_months_with_the_standard_alone(everything: Everything, app: Flask) -> None:
    world, auditor = everything.world, everything.world.auditor
    for month in ("2025-03", "2025-04"):
        world.operator.post("/ledger/periods", {"operator": "operator", "month": month})
    world.admin.made("/ledger/periods", {"operator": "rival", "month": "2025-04"})
    store: Store = app.extensions["tariffbook"]
    seal(store, LOCAL)
    ids = {party["code"]: party["id"] for party in auditor.seen("/parties", limit=1000)["items"]}
    rows = []
    for made in auditor.seen("/ledger/periods", limit=1000)["items"]:
        moment = datetime.fromisoformat(made["closed_at"]).astimezone(UTC).replace(tzinfo=None)
        closed_at = f"{moment.isoformat(timespec='microseconds')}Z"
        opens_on, closed_by = made["opens_on"], made["closed_by"]
        said = [made["id"], ids[made["operator"]], made["month"], opens_on, closed_at, closed_by and ids[closed_by]]
        text = "".join("-" if value is None else f"{len(value.encode())}:{value}" for value in said)
        rows.append((closed_at, made["id"], text))
    last = auditor.seen("/ledger/seals", limit=1000)["items"][-1]
    digest = sha256("".join(text for _, _, text in sorted(rows)).encode()).hexdigest()
    assert (last["closes_count"], last["closes_digest"]) == (len(rows), digest)
    assert len(rows) >= 3
    assert f"{len(str(len(rows)))}:{len(rows)}64:{digest}" in auditor.seen(f"/ledger/seals/{last['id']}")["statement"]


def test_a_proof_is_for_those_whose_books_the_transaction_is_in(everything: Everything) -> None:
    world = everything.world
    number = world.operator.seen("/ledger/transactions")["items"][0]["id"]
    for reader in (world.operator, world.regulator, world.auditor):
        assert reader.seen("/ledger/seals/proof", transaction=number)["transaction"] == number
    for stranger in (world.rival, world.other_regulator):
        assert stranger.get("/ledger/seals/proof", transaction=number).status_code == 404


def test_what_is_not_sealed_yet_has_no_proof(everything: Everything, app: Flask) -> None:
    world = everything.world
    known = {entry["id"] for entry in world.operator.seen("/ledger/transactions", limit=1000)["items"]}
    world.payment(everything.paths["/invoices/"], "1.00", "2025-05-01", allocations=[], buyer="buyer")
    (new,) = {entry["id"] for entry in world.operator.seen("/ledger/transactions", limit=1000)["items"]} - known
    answer = world.auditor.get("/ledger/seals/proof", transaction=new)
    assert (answer.status_code, (answer.json or {})["code"]) == (409, "not_sealed_yet")
    store: Store = app.extensions["tariffbook"]
    seal(store, LOCAL)
    assert world.auditor.seen("/ledger/seals/proof", transaction=new)["seal"]["number"] == 2
    assert [made["id"] for made in world.auditor.seen("/ledger/seals")["items"]] == ["1", "2"]
    first = world.auditor.seen("/ledger/seals", limit=1)
    assert [made["number"] for made in world.auditor.seen("/ledger/seals", cursor=first["next_cursor"])["items"]] == [2]


@pytest.mark.parametrize("number", ["0", "3", "x", "9" * 30, "-1", "²"])
def test_there_is_no_seal_of_another_number(everything: Everything, number: str) -> None:
    assert everything.world.auditor.get(f"/ledger/seals/{number}").status_code == 404


def test_books_that_are_sealed_pass_their_verification(everything: Everything) -> None:
    run = everything.world.auditor.made("/ledger/verify")
    assert {check["check"]: check["first_fault"] for check in run["checks"] if not check["ok"]} == {}


def test_the_export_over_http_is_the_copy_that_the_command_compares(everything: Everything, command: Command) -> None:
    copy = everything.world.auditor.get("/ledger/seals/export")
    assert copy.mimetype == "application/x-ndjson"
    assert [json.loads(line)["type"] for line in copy.text.splitlines()] == ["signing_key", "seal"]
    file = command.folder / "copy.jsonl"
    file.write_text(copy.text)
    assert command.done("ledger", "check-seals", str(file)).text == "the database agrees with the copy\n"


def test_the_commands_seal_list_export_rotate_compare_and_verify(everything: Everything, command: Command) -> None:
    everything.world.payment(everything.paths["/invoices/"], "1.00", "2025-05-01", allocations=[], buyer="buyer")
    assert "1 seals: 1 transactions" in command.done("ledger", "seal").text
    assert "0 seals" in command.done("ledger", "seal").text
    assert command.done("ledger", "rotate-key").text.startswith("sgk_")
    assert [line.split()[0] for line in command.done("ledger", "seals").lines] == ["1", "2"]
    copy = command.done("ledger", "seals", "--export")
    file = command.folder / "copy.jsonl"
    file.write_bytes(copy.out)
    assert len(copy.lines) == 4
    command.done("ledger", "check-seals", str(file))
    assert "seals_hold" in command.done("ledger", "verify").text
    file.write_bytes(copy.out.replace(b'"transaction_count":1,', b'"transaction_count":2,'))
    ended = command.end("ledger", "check-seals", str(file))
    assert (ended.code, ended.lines) == (1, ["FAILED  in the copy, seal 2 does not have the hash of what it says"])
    file.write_text("nothing of the kind")
    assert "seal_file_invalid: line 1" in command.refused("ledger", "check-seals", str(file))
