"""Authorisations: the agreements by which a grantor lets an operator run products, and what they cover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Refusal, TermNeedsReason
from pricing.period import Span
from registry.lookup import code_of, find, find_all, missing, party_of_kind
from registry.parties import require_free
from registry.relations import names_caller
from registry.spans import require_span, years_after
from registry.tables import Authorisation, Party, Resource
from store.ids import new_id
from store.unit import Unit

TERM_YEARS_MAX = "operation_rules.authorisation_term_years_max"


class OutOfScope(Refusal):
    """Something that the authorisation does not cover (Operation Rules 21)."""

    code = "out_of_scope"


class AuthorisationLapsed(Refusal):
    """A day outside the term of the authorisation (Operation Rules 14 and 21)."""

    code = "authorisation_lapsed"


def authorise(unit: Unit, given: Mapping[str, Any]) -> Authorisation:
    """Record an authorisation of the caller's; raises CodeTaken, DatesReversed, TermNeedsReason, NotFound.

    Operation Rules 14: the term is five years at most in principle, so a longer one says why.
    """
    require_free(unit, col(Authorisation.agreement_no), given["agreement_no"])
    term = require_span(given)
    _require_reason_for_long_term(unit, term, given["term_reason"])
    authorisation = Authorisation(
        id=new_id("aut"),
        agreement_no=given["agreement_no"],
        grantor_id=unit.principal.party,
        operator_id=party_of_kind(unit, given["operator"], "operator", "operator").id,
        regulator_id=party_of_kind(unit, given["regulator"], "regulator", "regulator").id,
        mode=given["mode"],
        scope=_stored_scope(unit, given["scope"]),
        effective_from=given["effective_from"],
        effective_until=given["effective_until"],
        operating_since=given["operating_since"],
        term_reason=given["term_reason"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(authorisation)
    unit.object_id = authorisation.id
    return authorisation


def require_in_scope(authorisation: Authorisation, part: str, wanted: Mapping[str, str], field: str) -> None:
    """Refuse what a part of the scope (``resources``, ``fields``, ``scenarios``) leaves out; raises OutOfScope.

    ``wanted`` maps what the scope holds (ids of resources, names otherwise) to how the message says it. An empty
    part does not restrict; one that restricts wants at least one thing named.
    """
    allowed = authorisation.scope[part]
    if not allowed:
        return
    outside = [name for key, name in wanted.items() if key not in allowed]
    if outside or not wanted:
        said = ", ".join(outside) if outside else f"no {part} at all"
        message = (
            f"agreement {authorisation.agreement_no} does not cover {said}; its {part} are restricted: "
            "keep within them, or have the grantor authorise more"
        )
        raise OutOfScope(message, errors={field: [message]})


def require_not_ended(authorisation: Authorisation, day: date, field: str | None = None) -> None:
    """Refuse a day on or after the end of the authorisation; raises AuthorisationLapsed."""
    if day >= authorisation.effective_until:
        raise _lapsed(authorisation, day, field)


def require_in_term(authorisation: Authorisation, day: date) -> None:
    """Refuse a day outside the term of the authorisation; raises AuthorisationLapsed."""
    if not authorisation.effective_from <= day < authorisation.effective_until:
        raise _lapsed(authorisation, day, None)


def find_authorisation(unit: Unit, ref: str, field: str | None = None) -> Authorisation:
    """Return an authorisation to which the caller is a party; raises NotFound."""
    authorisation = find(unit, Authorisation, ref, field)
    seen = select(col(Authorisation.id)).where(col(Authorisation.id) == authorisation.id, names_caller(unit))
    if unit.session.execute(seen).first() is None:
        raise missing("authorisation", ref, field)
    return authorisation


def visible_authorisations(unit: Unit) -> Select[Authorisation]:
    """Return the query of the authorisations to which the caller is a party."""
    return select(Authorisation).where(names_caller(unit))


def authorisation_document(unit: Unit, authorisation: Authorisation) -> dict[str, Any]:
    """Return an authorisation as the wire says it, before formatting."""
    scope = authorisation.scope
    return {
        **authorisation.model_dump(exclude={"recorded_by"}),
        "grantor": code_of(unit, Party, authorisation.grantor_id),
        "operator": code_of(unit, Party, authorisation.operator_id),
        "regulator": code_of(unit, Party, authorisation.regulator_id),
        "scope": {**scope, "resources": [code_of(unit, Resource, resource) for resource in scope["resources"]]},
    }


def _require_reason_for_long_term(unit: Unit, term: Span, reason: str | None) -> None:
    years_max = unit.law.parameter(TERM_YEARS_MAX).whole(unit.today)
    latest = years_after(term.start, years_max)
    if term.end is not None and term.end > latest and reason is None:
        message = (
            f"a term from {term.start} until {term.end} is longer than {years_max} years: "
            f"end it on {latest} at the latest, or state the term_reason"
        )
        raise TermNeedsReason(message, errors={"term_reason": [message]})


def _stored_scope(unit: Unit, scope: Mapping[str, list[str]]) -> dict[str, list[str]]:
    resources = find_all(unit, Resource, scope["resources"], "scope.resources")
    return {
        "resources": _once(resource.id for resource in resources),
        "fields": _once(scope["fields"]),
        "scenarios": _once(scope["scenarios"]),
    }


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _lapsed(authorisation: Authorisation, day: date, field: str | None) -> AuthorisationLapsed:
    message = (
        f"agreement {authorisation.agreement_no} is in force from {authorisation.effective_from} until "
        f"{authorisation.effective_until}, not on {day}"
    )
    return AuthorisationLapsed(message, errors={field: [message]} if field else None)
