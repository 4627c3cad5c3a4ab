"""Routes of the seals: the list, one, the proof for a transaction, and all of them as an auditor keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy import Select, select
from sqlmodel import col

from ledger.seal_tables import Seal
from ledger.seals import seal_document, seal_with_key
from pricing.errors import NotFound, shown
from registry.relations import operators_overseen
from reports.inclusion import inclusion_proof
from reports.seal_export import exported
from schemas.seals import ProofOut, ProofQuery, SealDetailOut, SealOut
from schemas.wire import DIGITS_MAX, NoQuery, PageQuery
from store.unit import Unit
from web.door import Door, describe, guard, lists, reads, streamed

door = Door("seals", __name__, url_prefix="/ledger/seals", description="Signed Merkle roots over the books")

READERS = ("auditor", "regulator", "operator")


def _document(_unit: Unit, sealed: Seal) -> dict[str, Any]:
    return seal_document(sealed)


@lists(door, "", roles=READERS, item=SealOut, key=col(Seal.number), document=_document, query=PageQuery)
def list_seals(_unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the seals by their number."""
    return select(Seal)


@reads(door, "/proof", roles=READERS, answer=ProofOut, query=ProofQuery, refuses=True)
def prove_inclusion(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Prove that a transaction, by its id, is in a seal: its record, and the hashes from there to the signed root."""
    return inclusion_proof(unit, query["transaction"], operators_overseen(unit))


@door.arguments(NoQuery, location="query")
@door.response(200, content_type="application/x-ndjson", description="Keys, then seals, as JSON Lines")
def export_seals(_query: Mapping[str, Any]) -> Response:
    """Stream every public key and every seal: a copy to keep outside, and to compare the database with later."""
    return streamed("export_seals", exported, "application/x-ndjson")


door.route("/export", methods=["GET"])(guard(describe(door, export_seals, READERS), READERS))


@reads(door, "/<number>", roles=READERS, answer=SealDetailOut)
def show_seal(unit: Unit, _query: Mapping[str, Any], number: str) -> dict[str, Any]:
    """Show a seal with its public key and the statement that is signed."""
    is_number = number.isascii() and number.isdecimal() and len(number) <= DIGITS_MAX
    sealed = unit.session.get(Seal, int(number)) if is_number else None
    if sealed is None:
        message = f"there is no seal {shown(number)}"
        raise NotFound(message)
    return seal_with_key(unit, sealed)
