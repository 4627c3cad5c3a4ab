"""Sums of whole numbers beyond 64 bits, for SQLite: its own ``sum`` ends with an error there; PostgreSQL's is exact.

A result that does not fit into SQLite's INTEGER is the text of the number: ``int()`` takes either.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import sum as sum_of

BILLION: Final = 10**9
_INT64_BITS: Final = 63


class ExactSum:
    """The aggregate ``exact_sum(x)``: what ``sum`` is, for numbers of any size."""

    def __init__(self) -> None:
        self._total: int | None = None

    def step(self, value: int | str | None) -> None:
        """Add a number; NULL adds nothing."""
        if value is not None:
            self._total = (self._total or 0) + int(value)

    def finalize(self) -> int | str | None:
        """Return the sum, NULL where nothing was added."""
        return None if self._total is None else storable(self._total)


def storable(number: int) -> int | str:
    """Return a number as SQLite can hold it.

    >>> storable(2**63 - 1), storable(2**63)
    (9223372036854775807, '9223372036854775808')
    """
    return number if -(1 << _INT64_BITS) <= number < 1 << _INT64_BITS else str(number)


def worded(statement: str, dialect: str) -> str:
    """Return a statement that says ``exact_sum(…)`` and ``exact_minus(…)`` as the database takes it.

    >>> worded("SELECT exact_sum(amount), exact_minus(fee)", "postgresql")
    'SELECT sum(amount), -(fee)'
    """
    return statement if dialect == "sqlite" else statement.replace("exact_sum(", "sum(").replace("exact_minus(", "-(")


def teach(connection: Any) -> None:
    """Give a connection of SQLite ``exact_sum(x)``, ``exact_add(a, b)``, ``exact_minus(a)``, ``exact_join(a, b)``.

    The last makes one number of billions and the rest.
    """
    connection.create_aggregate("exact_sum", 1, ExactSum)
    connection.create_function("exact_add", 2, lambda a, b: storable(int(a) + int(b)), deterministic=True)
    connection.create_function("exact_minus", 1, lambda a: storable(-int(a)), deterministic=True)
    connection.create_function("exact_join", 2, lambda a, b: storable(a * BILLION + b), deterministic=True)


@compiles(sum_of, "sqlite")
def _exactly(element: Any, compiler: Any, **options: Any) -> str:
    return f"exact_sum{compiler.process(element.clause_expr, **options)}"
