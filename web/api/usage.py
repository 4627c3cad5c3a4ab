"""Routes of use: how much there is of it, and write-offs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from metering.tables import UsageWriteoff
from metering.use import use_document
from metering.writeoffs import find_writeoff, visible_writeoffs, write_off_use, writeoff_document
from schemas.metering import UsageOut, UsageQuery, WriteoffIn, WriteoffOut, WriteoffsQuery
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "buyer", "grantor", "regulator", "auditor", "admin")

door = Door("usage", __name__, url_prefix="/usage", description="Use, by what became of it")
writeoffs_door = Door(
    "usage-writeoffs", __name__, url_prefix="/usage-writeoffs", description="Use that will not be billed"
)


@reads(door, "", roles=READERS, answer=UsageOut, query=UsageQuery)
def get_usage(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Show the use of an offering under a contract: accepted = unbilled + billed + free + written_off."""
    return use_document(unit, query)


@writes(writeoffs_door, "", roles=("operator",), body=WriteoffIn, answer=WriteoffOut)
def create_writeoff(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Write off unbilled use of a month, from its newest days backwards; never more than there is."""
    return writeoff_document(unit, write_off_use(unit, body))


@lists(
    writeoffs_door,
    "",
    roles=READERS,
    item=WriteoffOut,
    key=col(UsageWriteoff.id),
    document=writeoff_document,
    query=WriteoffsQuery,
)
def list_writeoffs(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the write-offs under contracts that the caller is a party to or oversees."""
    return visible_writeoffs(unit, query)


@reads(writeoffs_door, "/<writeoff_id>", roles=READERS, answer=WriteoffOut)
def get_writeoff(unit: Unit, _query: Mapping[str, Any], writeoff_id: str) -> dict[str, Any]:
    """Show a write-off."""
    return writeoff_document(unit, find_writeoff(unit, writeoff_id))
