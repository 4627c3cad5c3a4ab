"""Identifiers: a prefix that says what the thing is, and 32 hexadecimal digits that sort by the time of making."""

from __future__ import annotations

from uuid_utils import uuid7


def new_id(prefix: str) -> str:
    """Return a new identifier such as ``qt_0190f3…``; later ones sort after earlier ones (UUID version 7)."""
    return f"{prefix}_{uuid7().hex}"


def is_id(text: str, prefix: str) -> bool:
    """Say whether a text has the shape of an identifier with this prefix.

    >>> is_id("qt_0190f3a1b2c37d4e8f900123456789ab", "qt"), is_id("api-5", "qt")
    (True, False)
    """
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == 32 and all(digit in "0123456789abcdef" for digit in tail)  # noqa: PLR2004
