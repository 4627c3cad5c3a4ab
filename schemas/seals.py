"""Seals on the wire: the list, one with its key, and the proof that a transaction is in one."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.fields import Instant
from schemas.wire import DIGITS_MAX, Query, QueryCount, Wire


class SealOut(Wire):
    """A signed Merkle root over what was recorded after ``recorded_after``, up to and with ``recorded_until``.

    With it, how many months were closed until then since the beginning, and the digest of these closes; how many rows
    the log got in the window, and how many refused events, each with their digest.
    """

    id = fields.String(required=True)
    number = fields.Integer(required=True)
    recorded_after = Instant(allow_none=True)
    recorded_until = Instant(required=True)
    account_count = fields.Integer(required=True)
    transaction_count = fields.Integer(required=True)
    root = fields.String(required=True)
    closes_count = fields.Integer(required=True)
    closes_digest = fields.String(required=True)
    log_count = fields.Integer(required=True)
    log_digest = fields.String(required=True)
    refused_count = fields.Integer(required=True)
    refused_digest = fields.String(required=True)
    previous_hash = fields.String(allow_none=True)
    hash = fields.String(required=True)
    key_id = fields.String(required=True)
    signature = fields.String(required=True)
    sealed_at = Instant(required=True)


class SealDetailOut(SealOut):
    """A seal with the public key (Ed25519) and the statement that is signed and hashed."""

    public_key = fields.String(required=True)
    statement = fields.String(required=True)


class ProofQuery(Query):
    """Which transaction."""

    transaction = QueryCount(required=True, validate=validate.Range(min=1, max=10**DIGITS_MAX - 1))


class ProofOut(Wire):
    """The record of a transaction, and the way from its hash to the root of its seal (RFC 9162, 2.1.3)."""

    transaction = fields.Integer(required=True)
    record = fields.String(required=True)
    leaf_hash = fields.String(required=True)
    index = fields.Integer(required=True)
    size = fields.Integer(required=True)
    path = fields.List(fields.String(), required=True)
    seal = fields.Nested(SealDetailOut, required=True)
