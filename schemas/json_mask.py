"""Masking what a fast reader of JSON stumbles over, so that it can still tell where the parts of a body begin and end.

Half of a surrogate pair, spelt as an escape, is JSON by its grammar and no text in UTF-8; nesting of any depth is JSON
too, and exhausts a stack. Both would make a body unreadable as a whole where one part of it is at fault.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from schemas.json_text import DEPTH_MAX

MASKED_FROM: Final = 2 * DEPTH_MAX
"""What stands this deep is masked: deeper than a document may go that stands in a list of a body."""
BRACKETS_MAX: Final = 1_000_000
"""So many brackets are looked at (half a second's work), a hundred for each event of a full batch."""

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKET: Final = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+(?:([\[{])|([\]}])|\Z)', re.DOTALL)
"""A bracket with what stands before it, texts as a whole; it matches anywhere, and so goes over a body but once."""


def masked(body: bytes) -> bytes:
    """Return a body of the same length and form, without escaped surrogates and with a number for what is very deep.

    What follows after BRACKETS_MAX brackets is not masked for its depth.
    """
    # after an escaped backslash "ud8" is text: the mask is as good there, for none but its place is looked at
    text = _SURROGATE.sub(rb"\\ue0", body)
    kept: list[bytes] = []
    depth = begin = end = 0
    for found in islice(_BRACKET.finditer(text), BRACKETS_MAX):
        if found.lastindex == 1:
            depth += 1
            begin = found.end() - 1 if depth == MASKED_FROM else begin
        elif found.lastindex == 2:  # noqa: PLR2004 - the group of what closes
            if depth == MASKED_FROM:
                kept += text[end:begin], b"0".ljust(found.end() - begin)
                end = found.end()
            depth -= 1
    return b"".join([*kept, text[end:]])
