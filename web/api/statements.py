"""Routes of revenue statements, as JSON and as papers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from papers.statement import statement_csv, statement_pdf, statement_xlsx
from registry.lookup import find, missing
from registry.tables import Party
from schemas.distribution import StatementMoment, StatementOut, StatementQuery
from schemas.registry import ROLES
from settlement.statements import find_statement, statement_document, visible_statements
from settlement.tables import Settlement, Statement
from store.unit import Unit
from web.door import Door, lists, reads
from web.files import Paper, issues

door = Door("statements", __name__, url_prefix="/statements", description="Revenue statements of the beneficiaries")


@lists(
    door, "", roles=ROLES, item=StatementOut, key=col(Statement.id), document=statement_document, query=StatementQuery
)
def list_statements(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the caller's own statements, and those of the operators that it is or oversees."""
    statements = visible_statements(unit)
    for field, column in (("operator", Statement.operator_id), ("beneficiary", Statement.beneficiary_id)):
        if query[field] is not None:
            statements = statements.where(col(column) == find(unit, Party, query[field], field).id)
    if query["month"] is not None:
        statements = statements.join(Settlement, col(Settlement.id) == col(Statement.settlement_id)).where(
            col(Settlement.month) == str(query["month"])
        )
    return statements


@reads(door, "/<statement_id>", roles=ROLES, answer=StatementOut, query=StatementMoment)
def get_statement(unit: Unit, query: Mapping[str, Any], statement_id: str) -> dict[str, Any]:
    """Show a statement as it was frozen; ``as_of`` a moment before it was made there is none."""
    statement = find_statement(unit, statement_id)
    if "as_of" in query and statement.recorded_at > query["as_of"]:
        raise missing("statement", statement_id)
    return statement_document(unit, statement)


@issues(door, "/<statement_id>.pdf", form="pdf", roles=ROLES)
def get_statement_pdf(unit: Unit, query: Mapping[str, Any], statement_id: str) -> Paper:
    """Give a statement as PDF."""
    statement, lang = _printed(unit, statement_id), query["lang"]
    return Paper(statement_id, _name(statement), lambda: statement_pdf(statement, lang))


@issues(door, "/<statement_id>.xlsx", form="xlsx", roles=ROLES)
def get_statement_xlsx(unit: Unit, query: Mapping[str, Any], statement_id: str) -> Paper:
    """Give a statement as a workbook."""
    statement, lang = _printed(unit, statement_id), query["lang"]
    return Paper(statement_id, _name(statement), lambda: statement_xlsx(statement, lang))


@issues(door, "/<statement_id>.csv", form="csv", roles=ROLES)
def get_statement_csv(unit: Unit, _query: Mapping[str, Any], statement_id: str) -> Paper:
    """Give a statement as one flat table for programs, the same in every language."""
    statement = _printed(unit, statement_id)
    return Paper(statement_id, _name(statement), lambda: statement_csv(statement))


def _name(statement: Mapping[str, Any]) -> str:
    return f"statement-{statement['number']}"


def _printed(unit: Unit, statement_id: str) -> Mapping[str, Any]:
    """Return a statement as its papers take it: each party as one object, the agreements on one line."""
    document = statement_document(unit, find_statement(unit, statement_id))
    return {
        **document,
        "operator": _party(document, "operator"),
        "beneficiary": _party(document, "beneficiary"),
        "agreement": {
            name: "; ".join(dict.fromkeys(agreement[name] for agreement in document["agreements"]))
            for name in ("agreement_no", "clause")
        },
    }


def _party(document: Mapping[str, Any], role: str) -> dict[str, Any]:
    return {
        "code": document[role],
        "name": document[f"{role}_name"],
        "credit_code": document[f"{role}_credit_code"],
    }
