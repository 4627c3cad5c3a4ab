"""Routes of API keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.keys import all_keys, create_key, key_document, revoke_key
from registry.lookup import missing
from registry.tables import ApiKey
from schemas.registry import KeyIn, KeyOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

door = Door("keys", __name__, url_prefix="/keys", description="Keys to the API")


@writes(door, "", roles=("admin",), body=KeyIn, answer=KeyOut)
def make_key(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a key. Its text is in this answer and nowhere else: a replay of the request shows the key without it."""
    key, text = create_key(unit, body)
    unit.session.flush()
    document = key_document(unit, key)
    unit.stored_body = json.dumps(KeyOut().dump(document), ensure_ascii=False).encode()
    return {**document, "key": text}


@lists(door, "", roles=("admin",), item=KeyOut, key=col(ApiKey.id), document=key_document)
def list_keys(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the keys, without their secrets."""
    return all_keys(unit)


@reads(door, "/<key_id>", roles=("admin",), answer=KeyOut)
def get_key(unit: Unit, _query: Mapping[str, Any], key_id: str) -> dict[str, Any]:
    """Show a key, without its secret."""
    key = unit.session.get(ApiKey, key_id)
    if key is None:
        raise missing("key", key_id)
    return key_document(unit, key)


@writes(door, "/<key_id>/revoke", roles=("admin",), answer=KeyOut, status=200)
def revoke(unit: Unit, key_id: str) -> dict[str, Any]:
    """Revoke a key from now on."""
    return key_document(unit, revoke_key(unit, key_id))
