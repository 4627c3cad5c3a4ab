"""Tables of the seals: the keys that sign, the seals, and what each of them holds, beside the books themselves."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel, col

from ledger.tables import Account
from store.columns import Bytes, Instant, Int64, Words
from store.rows import check, table

# What was opened in a window is found without a look at every account.
Index("ix_account_recorded_at", col(Account.recorded_at))


class SigningKey(SQLModel, table=True):
    """The public half of a key (Ed25519, 32 bytes in hexadecimal). It is in force until the next one's ``valid_from``.

    ``endorsement`` is the signature of the key before it, so that who trusts the first can follow to the last; a key
    after a lost one has none.
    """

    __tablename__ = "signing_key"
    __table_args__ = table()

    id: str = Field(primary_key=True, sa_type=Words)
    public_key: str = Field(sa_type=Words)
    valid_from: datetime = Field(sa_type=Instant, unique=True)
    endorsed_by: str | None = Field(default=None, sa_type=Words, foreign_key="signing_key.id")
    endorsement: str | None = Field(default=None, sa_type=Words)


class Seal(SQLModel, table=True):
    """A signed Merkle root over all that was recorded after one horizon, up to and with another.

    Seals are numbered without gaps, and each holds the hash of the one before it; hashes, and the signature, are in
    hexadecimal. ``closes_count`` and ``closes_digest`` are of all months that were closed up to ``recorded_until``;
    what was logged and refused is that of the seal's own window.
    """

    __tablename__ = "seal"
    __table_args__ = table(
        UniqueConstraint("recorded_until"),
        check("number", "number >= 1"),
        check(
            "counts",
            "account_count >= 0 AND transaction_count >= 0 AND closes_count >= 0 AND log_count >= 0 AND "
            "refused_count >= 0",
        ),
        check("chain", "(number = 1) = (previous_hash IS NULL) AND (number = 1) = (recorded_after IS NULL)"),
    )

    number: int = Field(primary_key=True, sa_type=Int64)
    recorded_after: datetime | None = Field(default=None, sa_type=Instant)
    recorded_until: datetime = Field(sa_type=Instant)
    account_count: int = Field(sa_type=Int64)
    transaction_count: int = Field(sa_type=Int64)
    root: str = Field(sa_type=Words)
    closes_count: int = Field(sa_type=Int64)
    closes_digest: str = Field(sa_type=Words)
    log_count: int = Field(sa_type=Int64)
    log_digest: str = Field(sa_type=Words)
    refused_count: int = Field(sa_type=Int64)
    refused_digest: str = Field(sa_type=Words)
    previous_hash: str | None = Field(default=None, sa_type=Words)
    hash: str = Field(sa_type=Words)
    key_id: str = Field(sa_type=Words, foreign_key="signing_key.id")
    signature: str = Field(sa_type=Words)
    sealed_at: datetime = Field(sa_type=Instant)


class SealPart(SQLModel, table=True):
    """A full subtree of a seal: its members in order, accounts first, then transactions, each kind by rising id.

    ``members`` are ids of eight bytes each; ``marks`` the first eight bytes of each leaf's hash, by which the one that
    was changed is found; ``root`` is the subtree's.
    """

    __tablename__ = "seal_part"
    __table_args__ = table(check("part", "part >= 0"), check("members", "length(members) = length(marks)"))

    seal: int = Field(primary_key=True, sa_type=Int64, foreign_key="seal.number")
    part: int = Field(primary_key=True, sa_type=Int64)
    members: bytes = Field(sa_type=Bytes)
    marks: bytes = Field(sa_type=Bytes)
    root: bytes = Field(sa_type=Bytes)
