"""What a fault of the database means to the caller: busy, away, too slow, or an outcome that nobody knows.

Each is a 503 that may be sent again; what is none of them is a fault of this program.
"""

from __future__ import annotations

from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pricing.errors import Unavailable

_CONFLICTS: Final = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: others won each time that the work was tried."""
_STOPPED: Final = "57014"
_AWAY: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25006", "25P03"})
"""Shut down, crashed, starting, idle too long; a standby that takes no writes."""
_AWAY_CLASSES: Final = ("08", "53", "58")
"""Connections, resources (memory, disk, connections), the system under the server."""
_SQLITE_AWAY: Final = ("SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_NOMEM")


class DatabaseBusy(Unavailable):
    """Another writer holds what this call needs, and did not let go in time."""

    code = "database_busy"


class DatabaseUnavailable(Unavailable):
    """The database is not reached, went away in the middle, or cannot write."""

    code = "database_unavailable"


class DeadlineExceeded(Unavailable):
    """The work took longer than a call may take, and was stopped."""

    code = "deadline_exceeded"


class OutcomeUnknown(Unavailable):
    """The connection was lost while the work was being committed: it is done, or it is not."""

    code = "outcome_unknown"


def unavailable(fault: SQLAlchemyError) -> Unavailable | None:
    """Return the problem that a fault of the database is to the caller; None where it is this program's own."""
    if isinstance(fault, PoolTimeout):
        return DatabaseBusy("every connection was in use for too long; nothing was changed, send it again")
    if not isinstance(fault, DBAPIError):
        return None
    state = str(getattr(fault.orig, "sqlstate", None) or "")
    name = str(getattr(fault.orig, "sqlite_errorname", None) or "")
    if state == _STOPPED or name == "SQLITE_INTERRUPT":
        return too_slow()
    if is_wait_timeout(fault) or state in _CONFLICTS or name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseBusy("others held what this call needs for too long; nothing was changed, send it again")
    if is_away(fault) or name.startswith(_SQLITE_AWAY):
        return DatabaseUnavailable("the database is away or cannot take this now; nothing was kept, send it again")
    return None


def is_transient(fault: DBAPIError) -> bool:
    """Say whether the same work may succeed if it is done again: a race, a deadlock, a busy database."""
    original = fault.orig
    state = getattr(original, "sqlstate", None)
    if state is not None:
        # unique violation, serialization failure, deadlock: the loser of a race sees the winner's rows next time
        return state in {"23505", "40001", "40P01"}
    name = getattr(original, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or name in {
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
    }


def is_wait_timeout(fault: DBAPIError) -> bool:
    """Say whether a lock was waited for in vain (PostgreSQL)."""
    return getattr(fault.orig, "sqlstate", None) in {"55P03", "57014"}


def is_away(fault: DBAPIError) -> bool:
    """Say whether the connection was refused or lost (PostgreSQL)."""
    state = str(getattr(fault.orig, "sqlstate", None) or "")
    if fault.connection_invalidated or state in _AWAY or state.startswith(_AWAY_CLASSES):
        return True
    return not state and isinstance(fault.orig, psycopg.OperationalError)


def too_slow() -> DeadlineExceeded:
    """Return the problem of work that was stopped at its deadline."""
    return DeadlineExceeded(
        "the work took longer than a call may take and was stopped; nothing was kept: send it again, or ask for less"
    )


def lost_at_commit() -> OutcomeUnknown:
    """Return the problem of a commit that was not answered."""
    return OutcomeUnknown(
        "the connection to the database was lost while the work was being committed, so that it may be done or not: "
        "send the same request again with the same Idempotency-Key, and it is done once"
    )
