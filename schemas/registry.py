"""Documents of the registry: parties, keys, resources, authorisations, products, offerings, grants."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.fields import Choice, Code, Instant, Ref, Words
from schemas.wire import Wire

KINDS = ("operator", "grantor", "regulator", "provider", "buyer", "treasury", "auditor", "region")
LEGAL_FORMS = ("administrative", "public_institution", "enterprise", "social_organisation")
ROLES = ("admin", "operator", "grantor", "regulator", "provider", "buyer", "auditor")


class PartyIn(Wire):
    """A party to register."""

    code = Code(required=True)
    name = Words(required=True, longest=200)
    kinds = fields.List(Choice(*KINDS), required=True, validate=validate.Length(min=1, max=len(KINDS)))
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


