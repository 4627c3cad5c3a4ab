"""Reading the JSON of a request: UTF-8 without a mark, every member once, no number that JSON does not have.

RFC 8259 leaves open what a member given twice means, so that two readers of one body could see two amounts; here
such a body is refused. So is one nested deeper than any document of the wire, before anything walks into it.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

from pricing.errors import Malformed, shown

DIGITS_MAX: Final = 300
"""A whole number of the wire has far fewer digits; reading one of millions would cost their square."""
MEMBERS_MAX: Final = 100
"""No object of the wire has as many members; telling of a million unknown ones would cost their square."""
DEPTH_MAX: Final = 32
"""Objects and arrays stand at most this deep in one another; the documents of the wire need less than ten."""


def read_json(body: bytes) -> Any:
    """Return what a body says; raises Malformed with the reason where it is no JSON, or JSON that could mislead."""
    if body.startswith(BOM_UTF8):
        raise _unreadable("it begins with a byte order mark, which JSON does not have")
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise _unreadable(f"it is not UTF-8 at byte {fault.start}") from fault
    try:
        content = json.loads(
            text,
            object_pairs_hook=_members_once,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_refuse_constant,
        )
    except RecursionError as fault:
        raise _too_deep() from fault
    except ValueError as fault:
        raise _unreadable(str(fault)) from fault
    _require_depth(content)
    return content


def _members_once(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(members) > MEMBERS_MAX:
        message = f"it has an object of more than {MEMBERS_MAX} members"
        raise ValueError(message)
    content = dict(members)
    if len(content) < len(members):
        seen: set[str] = set()
        twice = next(name for name, _ in members if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        message = f"the member {shown(twice)} is given twice; give it once, for only one of the two can be meant"
        raise Malformed(message, errors={"body": [message]})
    return content


def _whole(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        message = f"it has a number of more than {DIGITS_MAX} digits"
        raise ValueError(message)
    return int(digits)


def _number(text: str) -> int | float:
    """Return 3.0 as 3: to JSON they are one number, and so they are to the schemas of the document."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


def _require_depth(content: Any) -> None:
    """Go down level by level, all values of one at a time, so that no depth exhausts the stack."""
    level = [content]
    for _ in range(DEPTH_MAX):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise _too_deep()


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep() -> Malformed:
    return _unreadable(f"it is nested more than {DEPTH_MAX} deep")


def _unreadable(reason: str) -> Malformed:
    message = f"the body is no JSON that can be read: {reason}"
    return Malformed(message, errors={"body": [message]})
