"""Files of operating costs: what became of each row, and by default nothing entered where one is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pricing.errors import Malformed, Refusal
from settlement.operating_costs import Entered, enter_costs
from store.unit import Unit

RowGiven = tuple[int, dict[str, Any] | None, Mapping[str, list[str]]]
"""A row's number, and its item or what is wrong with it."""

_TOLD_MAX: Final = 100


class CostImportRefused(Refusal):
    """A file with rows that cannot be entered; nothing of it was."""

    code = "cost_import_refused"


def import_costs(unit: Unit, rows: Sequence[RowGiven], *, skip_refused: bool) -> dict[str, Any]:
    """Enter the rows of a file for the operator that calls; return what became of each.

    Raises CostImportRefused, with the fields of each row at fault, unless those are to be skipped.
    """
    items = [(number, item) for number, item, _ in rows if item is not None]
    entered = enter_costs(unit, [item for _, item in items], "rows")
    by_row = {number: each for (number, _), each in zip(items, entered, strict=True)}
    results = [_result(number, by_row.get(number), errors) for number, _, errors in rows]
    counts = Counter(result["status"] for result in results)
    if counts["refused"] and not skip_refused:
        raise _refused(results, counts)
    return {
        "accepted": counts["accepted"],
        "duplicates": counts["duplicate"],
        "refused": counts["refused"],
        "results": results,
    }


def _result(number: int, entered: Entered | None, errors: Mapping[str, list[str]]) -> dict[str, Any]:
    problem = entered.problem if entered else None
    if entered is None or problem is not None:
        code = problem.code if problem else Malformed.code
        told = {name.rpartition(".")[2]: said for name, said in problem.errors.items()} if problem else errors
        return {"row": number, "status": "refused", "id": None, "code": code, "errors": dict(told)}
    row = entered.row
    status = "accepted" if entered.is_new else "duplicate"
    return {"row": number, "status": status, "id": row.id if row else None, "code": None, "errors": {}}


def _refused(results: Sequence[dict[str, Any]], counts: Counter[str]) -> CostImportRefused:
    refused = [result for result in results if result["status"] == "refused"]
    errors = {
        f"rows.{result['row']}.{name}": messages
        for result in refused[:_TOLD_MAX]
        for name, messages in result["errors"].items()
    }
    rows = ", ".join(str(result["row"]) for result in refused[:10])
    more = ", …" if len(refused) > 10 else ""  # noqa: PLR2004 - as many as a sentence bears
    message = (
        f"{counts['refused']} of {len(results)} rows are refused ({rows}{more}), and nothing of the file is entered; "
        "mend them, or send refused=skip to enter the others"
    )
    return CostImportRefused(message, errors=errors, results=refused[:_TOLD_MAX])
