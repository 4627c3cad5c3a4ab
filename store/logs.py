"""How faults and chores are logged: a JSON object a line on standard error, with time, level and traceback as text."""

from __future__ import annotations

import sys

import structlog


def write_json_lines() -> None:
    """Set the process's logging up."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
