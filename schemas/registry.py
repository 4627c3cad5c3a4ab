"""Documents of the registry: parties, keys, resources, authorisations, products, offerings, grants, contracts."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate
from marshmallow.exceptions import ValidationError

from pricing.errors import shown
from registry.grant_evidence import EVIDENCE_BYTES_MAX, MEDIA_TYPES
from schemas.fields import (
    TEXT_MAX,
    Choice,
    Code,
    Count,
    Day,
    Instant,
    Items,
    Quantity,
    Ref,
    TotalQuantity,
    Words,
    YesNo,
)
from schemas.wire import PageQuery, Wire

KINDS = ("operator", "grantor", "regulator", "provider", "buyer", "treasury", "auditor", "region")
LEGAL_FORMS = ("administrative", "public_institution", "enterprise", "social_organisation")
ROLES = ("admin", "operator", "grantor", "regulator", "provider", "buyer", "auditor")
GRADES = ("general", "important", "core")
CONFIDENTIALITIES = ("open", "controlled", "classified")
MODES = ("whole", "field", "scenario")
FORMS = ("dataset", "api", "model", "verification", "index", "report")
REGISTRATION_LEVELS = ("national", "local")
CHARGING_BASES = ("item", "call", "duration", "volume")
PURPOSES = ("public_governance", "public_welfare", "industry")
CATEGORIES = ("public_interest", "commercial")
LIST_LENGTH_MAX = 500
STATEMENT_LENGTH_MAX = 4000
DOCUMENT_NO_LENGTH_MAX = 128
USES = ("end_use", "redevelopment")
REVIEW_OUTCOMES = ("continue", "suspend", "revoke")
REVIEW_MONTHS_MAX = 60


def _refs(**kwargs: Any) -> Items[str]:
    return Items(Ref(), most=LIST_LENGTH_MAX, **kwargs)


def _some_refs() -> Items[str]:
    return Items(Ref(), required=True, least=1, most=LIST_LENGTH_MAX)


def _names(**kwargs: Any) -> Items[str]:
    return Items(Words(longest=100), most=LIST_LENGTH_MAX, **kwargs)


def _document_no(*, required: bool) -> Words:
    """The number of a paper, as its issuer writes it."""
    if required:
        return Words(required=True, longest=DOCUMENT_NO_LENGTH_MAX)
    return Words(longest=DOCUMENT_NO_LENGTH_MAX, load_default=None, allow_none=True)


def _optional_words(longest: int = STATEMENT_LENGTH_MAX) -> Words:
    return Words(longest=longest, load_default=None, allow_none=True)


def _optional_day() -> Day:
    return Day(load_default=None, allow_none=True)


class PartyIn(Wire):
    """A party to register."""

    code = Code(required=True)
    name = Words(required=True, longest=200)
    kinds = Items(Choice(*KINDS), required=True, least=1, most=len(KINDS))
    credit_code = Words(longest=18, load_default=None, allow_none=True)
    legal_form = Choice(*LEGAL_FORMS, load_default=None, allow_none=True)
    region = Words(longest=100, load_default=None, allow_none=True)
    affiliate_of = Ref(load_default=None, allow_none=True)


class PartyOut(PartyIn):
    """A registered party."""

    id = fields.String(required=True)
    recorded_at = Instant(required=True)


class KeyIn(Wire):
    """A key to make, for a role and (but for administrators and auditors) a party."""

    role = Choice(*ROLES, required=True)
    party = Ref(load_default=None, allow_none=True)
    expires_at = Instant(load_default=None, allow_none=True)


class KeyOut(KeyIn):
    """A key; its secret is shown once, when it is made."""

    id = fields.String(required=True)
    recorded_at = Instant(required=True)
    revoked_at = Instant(allow_none=True)
    key = fields.String()


class ResourceIn(Wire):
    """A registered public data resource of a provider."""

    code = Code(required=True)
    name = Words(required=True, longest=200)
    provider = Ref(required=True)
    grade = Choice(*GRADES, required=True)
    confidentiality = Choice(*CONFIDENTIALITIES, required=True)
    is_raw = YesNo(required=True)
    registered_on = Day(required=True)
    registration_expires_on = Day(required=True)


class ResourceOut(ResourceIn):
    """A resource as registered."""

    id = fields.String(required=True)
    provider_id = fields.String(required=True)
    recorded_at = Instant(required=True)


class Scope(Wire):
    """What an authorisation covers; an empty list does not restrict."""

    resources = _refs(load_default=list)
    field_names = _names(load_default=list, data_key="fields", attribute="fields")
    scenarios = Items(Code(), most=LIST_LENGTH_MAX, load_default=list)


class AuthorisationIn(Wire):
    """An agreement by which the caller authorises an operator."""

    agreement_no = _document_no(required=True)
    operator = Ref(required=True)
    regulator = Ref(required=True)
    mode = Choice(*MODES, required=True)
    scope = fields.Nested(Scope, required=True)
    effective_from = Day(required=True)
    effective_until = Day(required=True)
    operating_since = _optional_day()
    term_reason = _optional_words()


class AuthorisationOut(AuthorisationIn):
    """An authorisation as recorded."""

    id = fields.String(required=True)
    grantor = fields.String(required=True)
    grantor_id = fields.String(required=True)
    operator_id = fields.String(required=True)
    regulator_id = fields.String(required=True)
    recorded_at = Instant(required=True)


class RegistrationIn(Wire):
    """A product's entry in the register of products."""

    registration_code = _document_no(required=True)
    registered_on = Day(required=True)
    registration_expires_on = Day(required=True)


class ProductIn(Wire):
    """A product that an operator makes under an authorisation."""

    code = Code(required=True)
    name = Words(required=True, longest=200)
    form = Choice(*FORMS, required=True)
    resources = _some_refs()
    field_names = _names(required=True, data_key="fields", attribute="fields")
    agreement_no = Ref(required=True)
    registration_level = Choice(*REGISTRATION_LEVELS, required=True)
    delivered_on = Day(required=True)
    charging_basis = Choice(*CHARGING_BASES, required=True)
    unit = _optional_words(longest=32)
    registration_code = _document_no(required=False)
    registered_on = _optional_day()
    registration_expires_on = _optional_day()


class ProductOut(ProductIn):
    """A product, and how it stands in the register today.

    ``sellable_until`` is the first day on which it may not be sold; while it is not registered,
    ``registration_due_on`` is the last day to apply (not certain where a year's holidays are not published yet).
    """

    id = fields.String(required=True)
    operator = fields.String(required=True)
    operator_id = fields.String(required=True)
    asset = fields.String(required=True)
    sellable_until = Day(required=True)
    registration_due_on = Day(allow_none=True)
    registration_due_certain = fields.Boolean(allow_none=True)
    recorded_at = Instant(required=True)


class Scenario(Wire):
    """The application scenario in which a product is used: what the classification hangs on."""

    code = Code(required=True)
    name = Words(required=True, longest=200)
    description = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    purpose = Choice(*PURPOSES, required=True)


class ReasonOut(Wire):
    """One rule behind a classification: the fact that met it, its source and article, what it says."""

    rule = fields.String(required=True)
    source = fields.String(required=True)
    article = fields.String(required=True)
    fact = fields.String(required=True)
    outcome = fields.String(required=True)


class ClassificationOut(Wire):
    """What an offering is: proposed by the rules, or confirmed by a decision of its grantor."""

    category = Choice(*CATEGORIES, required=True)
    reasons = fields.List(fields.Nested(ReasonOut), required=True)
    status = Choice("proposed", "confirmed", required=True)
    decision_no = fields.String(allow_none=True)
    effective_from = Day(allow_none=True)
    reason = fields.String(allow_none=True)
    recorded_at = Instant(allow_none=True)


class OfferingIn(Wire):
    """A product to offer in one scenario."""

    code = Code(required=True)
    product = Ref(required=True)
    scenario = fields.Nested(Scenario, required=True)
    charge_reason = _optional_words()
    reference_offering = Ref(load_default=None, allow_none=True)


class OfferingOut(OfferingIn):
    """An offering, its classification as it stands today, and every decision on it."""

    id = fields.String(required=True)
    operator = fields.String(required=True)
    operator_id = fields.String(required=True)
    product_id = fields.String(required=True)
    charging_basis = fields.String(required=True)
    unit = fields.String(required=True)
    classification = fields.Nested(ClassificationOut, required=True)
    decisions = fields.List(fields.Nested(ClassificationOut), required=True)
    recorded_at = Instant(required=True)


class ConfirmationIn(Wire):
    """The grantor's decision on an offering's category: the proposed one, unless another is named with its reason."""

    decision_no = _document_no(required=True)
    effective_from = Day(required=True)
    category = Choice(*CATEGORIES, load_default=None, allow_none=True)
    reason = _optional_words()


class Undertakings(Wire):
    """What a user of free data undertakes; both are needed."""

    no_resale = YesNo(required=True)
    no_commercial_use = YesNo(required=True)


class Evidence(fields.Field[Any]):
    """Evidence of the task that free use serves: one text, or a list of them."""

    _text = Words(longest=STATEMENT_LENGTH_MAX)
    _texts = Items(Words(), least=1, most=LIST_LENGTH_MAX)

    def __init__(self, **kwargs: Any) -> None:
        one = {"type": "string", "minLength": 1, "maxLength": self._text.longest, "pattern": self._text.pattern}
        many = {"type": "array", "minItems": 1, "maxItems": LIST_LENGTH_MAX, "items": {**one, "maxLength": TEXT_MAX}}
        super().__init__(metadata={"anyOf": [one, many, {"type": "null"}]}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str):
            return self._text.deserialize(value)
        if not isinstance(value, list):
            raise ValidationError(f"{shown(value)} is neither a text nor a list of texts")
        return self._texts.deserialize(value)


class GrantIn(Wire):
    """An application for free use of a public-interest offering; ``quantity_limit`` holds for the whole term."""

    offering = Ref(required=True)
    purpose_statement = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    effective_from = Day(required=True)
    effective_until = Day(required=True)
    undertakings = fields.Nested(Undertakings, required=True)
    quantity_limit = Quantity(above=0, load_default=None, allow_none=True)
    evidence = Evidence(load_default=None, allow_none=True)
    use = Choice(*USES, load_default="end_use")


class ConditionOut(Wire):
    """One condition of free use."""

    code = fields.String(required=True)
    en = fields.String(required=True)
    zh = fields.String(required=True)


class ConditionsOut(Wire):
    """The conditions that a grant was given under, kept with it.

    ``version`` is the day from which the platform's template said so, ``origin`` that it is the platform's own and not
    law.
    """

    parameter = fields.String(required=True)
    version = Day(required=True)
    origin = fields.String(required=True)
    entries = fields.List(fields.Nested(ConditionOut), required=True)


class GrantDecisionOut(Wire):
    """A decision of the grantor on a grant."""

    action = Choice("approve", "suspend", "revoke", required=True)
    reason = fields.String(required=True)
    effective_at = Instant(required=True)
    recorded_at = Instant(required=True)


class GrantReviewOut(Wire):
    """A review of a grant by its grantor."""

    id = fields.String(required=True)
    finding = fields.String(required=True)
    outcome = Choice(*REVIEW_OUTCOMES, required=True)
    next_review_on = Day(allow_none=True)
    recorded_at = Instant(required=True)


class ReratingOut(Wire):
    """The decision that use under a grant was commercial, from a day until before another, and the bill of it."""

    id = fields.String(required=True)
    grant = fields.String(required=True)
    decision_no = fields.String(required=True)
    reason = fields.String(required=True)
    from_date = Day(required=True)
    until_date = Day(required=True)
    offering = fields.String(required=True)
    quantity = TotalQuantity(required=True)
    contract = fields.String(required=True)
    invoice = fields.String(required=True)
    recorded_at = Instant(required=True)


class GrantOut(GrantIn):
    """A grant as it stands now; once approved, ``contract`` is what usage events name.

    A review that is overdue is said, and stops nothing by itself.
    """

    id = fields.String(required=True)
    offering_id = fields.String(required=True)
    buyer = fields.String(required=True)
    buyer_id = fields.String(required=True)
    status = Choice("pending", "approved", "suspended", "revoked", required=True)
    contract = fields.String(allow_none=True)
    decisions = fields.List(fields.Nested(GrantDecisionOut), required=True)
    conditions = fields.Nested(ConditionsOut, required=True)
    review_due_on = Day(allow_none=True)
    review_every_months = fields.Integer(allow_none=True)
    review_overdue = fields.Boolean(required=True)
    reviews = fields.List(fields.Nested(GrantReviewOut), required=True)
    reratings = fields.List(fields.Nested(ReratingOut), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)


class ApprovalIn(Wire):
    """The approval of a grant, and when it is reviewed: on a day, every so many months, or both."""

    reason = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    review_due_on = _optional_day()
    review_every_months = Count(
        validate=validate.Range(min=1, max=REVIEW_MONTHS_MAX), load_default=None, allow_none=True
    )


class ReviewIn(Wire):
    """What a review of a grant found, what follows from now on, and when the next one is."""

    finding = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    outcome = Choice(*REVIEW_OUTCOMES, required=True)
    next_review_on = _optional_day()


class RerateIn(Wire):
    """The decision that use under a grant was commercial from ``from_date`` on, until now or before ``until_date``.

    It is charged at the public tariff of ``offering``: the grant's reference offering, unless another is named.
    """

    decision_no = _document_no(required=True)
    from_date = Day(required=True)
    until_date = _optional_day()
    reason = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    offering = Ref(load_default=None, allow_none=True)


class GrantsQuery(PageQuery):
    """Grants, and of them those of which a review is due before a day."""

    review_due_before = Day(load_default=None)


_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


class Base64(fields.Field[bytes]):
    """Bytes as text in base64 (RFC 4648), padded, without line ends."""

    def __init__(self, *, bytes_max: int, **kwargs: Any) -> None:
        self.length_max = -(-bytes_max // 3) * 4
        described = {"type": "string", "contentEncoding": "base64", "maxLength": self.length_max}
        super().__init__(metadata={**described, "pattern": _BASE64}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bytes:
        if not isinstance(value, str):
            raise ValidationError(f"{shown(value)} is no text in base64")
        if len(value) > self.length_max:
            raise ValidationError(f"Longer than maximum length {self.length_max}.")
        try:
            return b64decode(value, validate=True)
        except ValueError as fault:
            raise ValidationError(f"{shown(value)} is not base64: {fault}") from fault


class EvidenceIn(Wire):
    """A file of evidence: its name, its kind, and its bytes in base64."""

    name = Words(required=True, longest=300)
    media_type = Choice(*MEDIA_TYPES, required=True)
    content = Base64(bytes_max=EVIDENCE_BYTES_MAX, required=True)


class EvidenceOut(Wire):
    """What is said of a file of evidence; its bytes are at ``/content`` below it."""

    id = fields.String(required=True)
    grant = fields.String(required=True)
    name = fields.String(required=True)
    media_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    recorded_at = Instant(required=True)


class WithdrawalIn(Wire):
    """The suspension or revocation of a grant, from now on or from an instant to come."""

    reason = Words(required=True, longest=STATEMENT_LENGTH_MAX)
    effective_at = Instant(load_default=None, allow_none=True)


class ContractIn(Wire):
    """A contract at the public tariff; with a consent named it needs no acceptance by the buyer."""

    buyer = Ref(required=True)
    offerings = _some_refs()
    effective_from = Day(required=True)
    effective_until = _optional_day()
    consent_reference = _optional_words(longest=200)
    use = Choice(*USES, load_default="end_use")


class TermsOut(Wire):
    """What a contract says of one offering; without a ``tariff`` of its own it follows the public one."""

    offering = fields.String(required=True)
    category = Choice(*CATEGORIES, required=True)
    tariff_id = fields.String(allow_none=True)
    tariff = fields.Raw(allow_none=True)
    quantity_limit = Quantity(allow_none=True)


class ContractOut(ContractIn):
    """A contract as it stands now."""

    id = fields.String(required=True)
    kind = Choice("quote", "public_tariff", "grant", "rerating", required=True)
    operator = fields.String(required=True)
    operator_id = fields.String(required=True)
    buyer_id = fields.String(required=True)
    price_basis = fields.String(allow_none=True)
    quote = fields.String(allow_none=True)
    grant = fields.String(allow_none=True)
    accepted_at = Instant(allow_none=True)
    status = Choice("pending", "active", "ended", required=True)
    terms = fields.List(fields.Nested(TermsOut), required=True)
    recorded_at = Instant(required=True)
    sandbox = fields.Boolean(required=True)
