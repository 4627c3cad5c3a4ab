"""One way to write a document down, so that equal documents have equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def canonical_json(document: object) -> str:
    """Return the document as JSON with sorted keys, no blanks, and no number that is not an integer.

    >>> canonical_json({"b": "1.00", "a": [1, None, True]})
    '{"a":[1,null,true],"b":"1.00"}'
    """
    _refuse_floats(document)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(document: object) -> str:
    """Return the SHA-256 of the canonical JSON of a document, as hexadecimal text."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def _refuse_floats(document: object) -> None:
    if isinstance(document, float):
        message = f"{document!r} is a float; money, rates and quantities are integers or exact text"
        raise TypeError(message)
    if isinstance(document, Mapping):
        for value in document.values():
            _refuse_floats(value)
    elif isinstance(document, list | tuple):
        for value in document:
            _refuse_floats(value)
