"""Tables of who and what: parties, keys, resources, authorisations, products, offerings, and the dated decisions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from store.columns import Day, Document, Exact, Flag, Instant, Int64, Words
from store.rows import check, one_of, table


class Recorded(SQLModel):
    """When a row was recorded, and by which party (none for an administrator)."""

    recorded_at: datetime = Field(sa_type=Instant, index=True)
    recorded_by: str | None = Field(default=None, sa_type=Words)


class Party(Recorded, table=True):
    """Somebody with a part in it: operator, grantor, regulator, provider, buyer, treasury, auditor, region."""

    __tablename__ = "party"
    __table_args__ = table(
        one_of("legal_form", "administrative", "public_institution", "enterprise", "social_organisation")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    code: str = Field(sa_type=Words, unique=True)
    name: str = Field(sa_type=Words)
    kinds: Any = Field(sa_type=Document)
    credit_code: str | None = Field(default=None, sa_type=Words)
    legal_form: str | None = Field(default=None, sa_type=Words)
    region: str | None = Field(default=None, sa_type=Words)
    affiliate_of: str | None = Field(default=None, sa_type=Words, foreign_key="party.id")


class ApiKey(Recorded, table=True):
    """A key to the API: its secret is kept as a hash only; it can be revoked, never changed."""

    __tablename__ = "api_key"
    __table_args__ = table(
        one_of("role", "admin", "operator", "grantor", "regulator", "provider", "buyer", "auditor"), append_only=False
    )

    id: str = Field(primary_key=True, sa_type=Words)
    role: str = Field(sa_type=Words)
    party_id: str | None = Field(default=None, sa_type=Words, foreign_key="party.id", index=True)
    secret_hash: str = Field(sa_type=Words)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class Resource(Recorded, table=True):
    """A registered public data resource of a provider."""

    __tablename__ = "resource"
    __table_args__ = table(
        one_of("grade", "general", "important", "core"),
        one_of("confidentiality", "open", "controlled", "classified"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    code: str = Field(sa_type=Words, unique=True)
    name: str = Field(sa_type=Words)
    provider_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    grade: str = Field(sa_type=Words)
    confidentiality: str = Field(sa_type=Words)
    is_raw: bool = Field(sa_type=Flag)
    registered_on: date = Field(sa_type=Day)
    registration_expires_on: date = Field(sa_type=Day)


class Authorisation(Recorded, table=True):
    """The agreement by which a grantor authorises an operator, under a price authority."""

    __tablename__ = "authorisation"
    __table_args__ = table(
        one_of("mode", "whole", "field", "scenario"), check("term", "effective_until > effective_from")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    agreement_no: str = Field(sa_type=Words, unique=True)
    grantor_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    mode: str = Field(sa_type=Words)
    scope: Any = Field(sa_type=Document)
    effective_from: date = Field(sa_type=Day)
    effective_until: date = Field(sa_type=Day)
    operating_since: date | None = Field(default=None, sa_type=Day)
    term_reason: str | None = Field(default=None, sa_type=Words)


class Product(Recorded, table=True):
    """A data product or service that an operator made under one authorisation."""

    __tablename__ = "product"
    __table_args__ = table(
        one_of("form", "dataset", "api", "model", "verification", "index", "report"),
        one_of("registration_level", "national", "local"),
        one_of("charging_basis", "item", "call", "duration", "volume"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    code: str = Field(sa_type=Words, unique=True)
    name: str = Field(sa_type=Words)
    form: str = Field(sa_type=Words)
    resources: Any = Field(sa_type=Document)
    fields: Any = Field(sa_type=Document)
    authorisation_id: str = Field(sa_type=Words, foreign_key="authorisation.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    registration_level: str = Field(sa_type=Words)
    delivered_on: date = Field(sa_type=Day)
    charging_basis: str = Field(sa_type=Words)
    unit: str = Field(sa_type=Words)
    asset: str = Field(sa_type=Words)


class ProductRegistration(Recorded, table=True):
    """A product's entry in the register of products, first or renewed (Registration Rules 9, 13, 15)."""

    __tablename__ = "product_registration"
    __table_args__ = table(check("term", "registration_expires_on > registered_on"))

    id: str = Field(primary_key=True, sa_type=Words)
    product_id: str = Field(sa_type=Words, foreign_key="product.id", index=True)
    registration_code: str = Field(sa_type=Words)
    registered_on: date = Field(sa_type=Day)
    registration_expires_on: date = Field(sa_type=Day)


class Offering(Recorded, table=True):
    """A product in one application scenario: what is classified, priced and reported (Price Notice, one)."""

    __tablename__ = "offering"
    __table_args__ = table(one_of("proposed_category", "public_interest", "commercial"))

    id: str = Field(primary_key=True, sa_type=Words)
    code: str = Field(sa_type=Words, unique=True)
    product_id: str = Field(sa_type=Words, foreign_key="product.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    scenario: Any = Field(sa_type=Document)
    charge_reason: str | None = Field(default=None, sa_type=Words)
    reference_offering_id: str | None = Field(default=None, sa_type=Words, foreign_key="offering.id")
    proposed_category: str = Field(sa_type=Words)
    reasons: Any = Field(sa_type=Document)


class ClassificationDecision(Recorded, table=True):
    """The grantor's dated decision on an offering's category: the proposal confirmed, or overruled with a reason."""

    __tablename__ = "classification_decision"
    __table_args__ = table(
        one_of("category", "public_interest", "commercial"), UniqueConstraint("offering_id", "effective_from")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    decision_no: str = Field(sa_type=Words)
    category: str = Field(sa_type=Words)
    effective_from: date = Field(sa_type=Day)
    reason: str | None = Field(default=None, sa_type=Words)
    reasons: Any = Field(sa_type=Document)


class RevenueCap(Recorded, table=True):
    """A price authority's determination of maximum permitted revenue for one cycle (Price Notice, two)."""

    __tablename__ = "revenue_cap"
    __table_args__ = table(
        one_of("revenue_basis", "tax_exclusive", "tax_inclusive"), one_of("registration_level", "national", "local")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    regulator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    decision_no: str = Field(sa_type=Words)
    decided_on: date = Field(sa_type=Day)
    cycle_from: date = Field(sa_type=Day)
    cycle_until: date = Field(sa_type=Day)
    revenue_basis: str = Field(sa_type=Words)
    registration_level: str | None = Field(default=None, sa_type=Words)
    application_id: str | None = Field(default=None, sa_type=Words, unique=True)
    determination: Any = Field(sa_type=Document)
    years: Any = Field(sa_type=Document)


class CeilingVersion(Recorded, table=True):
    """A grantor's dated ceiling price of one offering (Price Notice, two and three)."""

    __tablename__ = "ceiling_version"
    __table_args__ = table(
        one_of("price_basis", "tax_exclusive", "tax_inclusive"),
        one_of("charging_form", "item", "call", "duration", "volume", "month", "year"),
        UniqueConstraint("offering_id", "charging_form", "effective_from"),
    )

    id: str = Field(primary_key=True, sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    grantor_id: str = Field(sa_type=Words, foreign_key="party.id")
    price_basis: str = Field(sa_type=Words)
    charging_form: str = Field(sa_type=Words)
    unit_price: Decimal = Field(sa_type=Exact)
    per_quantity: int = Field(sa_type=Int64)
    effective_from: date = Field(sa_type=Day)
    effective_until: date | None = Field(default=None, sa_type=Day)
    decision_no: str = Field(sa_type=Words)
    factors: Any = Field(sa_type=Document)
    report: Any = Field(sa_type=Document)
    base_price: Decimal | None = Field(default=None, sa_type=Exact)
    base_price_period: str | None = Field(default=None, sa_type=Words)
    planned_sales_volume: int | None = Field(default=None, sa_type=Int64)
    above_maximum_reason: str | None = Field(default=None, sa_type=Words)
    backdate_reason: str | None = Field(default=None, sa_type=Words)
    ceilings_test: Any = Field(default=None, sa_type=Document, nullable=True)


class TariffVersion(Recorded, table=True):
    """An operator's dated, published price of one offering, at or under its ceiling (Price Notice, three)."""

    __tablename__ = "tariff_version"
    __table_args__ = table(
        one_of("price_basis", "tax_exclusive", "tax_inclusive"), UniqueConstraint("offering_id", "effective_from")
    )

    id: str = Field(primary_key=True, sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id")
    effective_from: date = Field(sa_type=Day)
    price_basis: str = Field(sa_type=Words)
    model: str = Field(sa_type=Words)
    tariff: Any = Field(sa_type=Document)
    trial: bool = Field(sa_type=Flag)
    guidance_no: str | None = Field(default=None, sa_type=Words)
    ground: str | None = Field(default=None, sa_type=Words)
    backdate_reason: str | None = Field(default=None, sa_type=Words)
    ceiling_id: str | None = Field(default=None, sa_type=Words, foreign_key="ceiling_version.id")


class FreeUseGrant(Recorded, table=True):
    """A buyer's application for conditional free use of a public-interest offering (Opinion, six and seven).

    ``conditions`` is the platform's template as it stood then: its version, its codes and their wording.
    """

    __tablename__ = "free_use_grant"
    __table_args__ = table(check("term", "effective_until > effective_from"), one_of("use", "end_use", "redevelopment"))

    id: str = Field(primary_key=True, sa_type=Words)
    offering_id: str = Field(sa_type=Words, foreign_key="offering.id", index=True)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    purpose_statement: str = Field(sa_type=Words)
    effective_from: date = Field(sa_type=Day)
    effective_until: date = Field(sa_type=Day)
    undertakings: Any = Field(sa_type=Document)
    quantity_limit: int | None = Field(default=None, sa_type=Int64)
    evidence: Any = Field(default=None, sa_type=Document, nullable=True)
    conditions: Any = Field(sa_type=Document)
    use: str = Field(sa_type=Words)


class GrantDecision(Recorded, table=True):
    """A grantor's decision on a grant: approved, suspended or revoked, from an instant on."""

    __tablename__ = "grant_decision"
    __table_args__ = table(one_of("action", "approve", "suspend", "revoke"))

    id: str = Field(primary_key=True, sa_type=Words)
    grant_id: str = Field(sa_type=Words, foreign_key="free_use_grant.id", index=True)
    action: str = Field(sa_type=Words)
    reason: str = Field(sa_type=Words)
    effective_at: datetime = Field(sa_type=Instant)


class Contract(Recorded, table=True):
    """What usage events name: a quote accepted, the public tariff agreed to, or a free-use grant approved.

    One of the kind ``rerating`` takes no events: it holds free use that was found to have been commercial.
    """

    __tablename__ = "contract"
    __table_args__ = table(
        one_of("kind", "quote", "public_tariff", "grant", "rerating"),
        one_of("use", "end_use", "redevelopment"),
        append_only=False,
    )

    id: str = Field(primary_key=True, sa_type=Words)
    kind: str = Field(sa_type=Words)
    operator_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    buyer_id: str = Field(sa_type=Words, foreign_key="party.id", index=True)
    effective_from: date = Field(sa_type=Day)
    effective_until: date | None = Field(default=None, sa_type=Day)
    price_basis: str | None = Field(default=None, sa_type=Words)
    consent_reference: str | None = Field(default=None, sa_type=Words)
    quote_id: str | None = Field(default=None, sa_type=Words, unique=True)
    grant_id: str | None = Field(default=None, sa_type=Words, foreign_key="free_use_grant.id", unique=True)
    use: str = Field(sa_type=Words)
    accepted_at: datetime | None = Field(default=None, sa_type=Instant)


class ContractOffering(SQLModel, table=True):
    """One offering of a contract: its category, and the price snapshot where the contract froze one.

    Without a snapshot the contract follows the public tariff, version by version.
    """

    __tablename__ = "contract_offering"
    __table_args__ = table(one_of("category", "public_interest", "commercial"))

    contract_id: str = Field(primary_key=True, sa_type=Words, foreign_key="contract.id")
    offering_id: str = Field(primary_key=True, sa_type=Words, foreign_key="offering.id", index=True)
    category: str = Field(sa_type=Words)
    tariff_id: str | None = Field(default=None, sa_type=Words, foreign_key="tariff_version.id")
    tariff: Any = Field(default=None, sa_type=Document, nullable=True)
    quantity_limit: int | None = Field(default=None, sa_type=Int64)
