"""Distribution agreements: proposed by operator or grantor, in force once both have signed.

No national ratio exists: what a run distributes comes from these agreements only, each with its clause number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, false, select
from sqlmodel import col

from pricing.agreement import Agreement, Payee, ResidualWeights, agreement_from_document, treasury_faults
from pricing.errors import Conflict, NotFound, Refusal
from pricing.period import Month
from registry.lookup import code_of, find, find_all, missing
from registry.prices import OverlappingVersion
from registry.relations import SEES_EVERYTHING, authorisation_of, operators_overseen, require_operator
from registry.tables import Offering, Party
from settlement.signed_agreements import BOTH_SIDES, Versions, lock_agreements, payees_of, signed_versions
from settlement.tables import AgreementSignature, DistributionAgreement
from store.ids import new_id
from store.unit import Unit

TREASURY_LEGAL_FORMS = "asset_notice.treasury_legal_forms"
_TERMS = ("steps", "residual", "utility_table", "carry_odd_fen", "minimum_payout")


class TreasuryParticularsMissing(Refusal):
    """A share of an administrative body that does not say how the treasury is paid (Asset Notice)."""

    code = "treasury_particulars_missing"


class PayeeNotTreasury(Refusal):
    """A share that is to be paid to somebody else who is no treasury."""

    code = "payee_not_treasury"


class PayeeDiffers(Refusal):
    """One beneficiary whose shares would be paid to different payees."""

    code = "payee_differs"


class UsageNotByBeneficiary(Refusal):
    """Weights by use, where the use of an offering is one and the same for all who supplied it."""

    code = "usage_weights_unavailable"


class OneGrantorNeeded(Refusal):
    """Offerings of different grantors, who would all have to sign."""

    code = "one_grantor_needed"


class AgreementExists(Conflict):
    """The clause of this agreement was recorded already with the same beginning."""

    code = "agreement_exists"


class AlreadySigned(Conflict):
    """A side signs once."""

    code = "already_signed"


def propose_agreement(unit: Unit, given: Mapping[str, Any]) -> DistributionAgreement:
    """Record an agreement, which distributes nothing before operator and grantor have signed it.

    Raises Malformed with every fault of the steps and the rest by its field; NotFound for parties and offerings that
    are not there or not the operator's; TreasuryParticularsMissing, PayeeNotTreasury, PayeeDiffers,
    UsageNotByBeneficiary, OneGrantorNeeded, OverlappingVersion, AgreementExists.
    """
    operator = find(unit, Party, given["operator"], "operator")
    if unit.principal.role == "operator":
        require_operator(unit, operator.id, ref=given["operator"], field="operator")
    offerings = _offerings_of(unit, operator, given["offerings"])
    agreement = _agreement(unit, given)
    row = DistributionAgreement(
        id=new_id("agr"),
        operator_id=operator.id,
        grantor_id=_grantor(unit, offerings, given),
        agreement_no=given["agreement_no"],
        clause=given["clause"],
        offerings=[offering.id for offering in offerings],
        effective_from=given["effective_from"],
        basis=given["basis"],
        terms=agreement.document(),
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    _require_new(unit, row)
    _require_room(unit, row, agreement)
    unit.session.add(row)
    unit.session.flush()
    unit.object_id = row.id
    return row


def sign_agreement(unit: Unit, agreement_id: str) -> DistributionAgreement:
    """Sign an agreement for the caller's side; with the second signature it is in force.

    Raises NotFound for another's agreement, AlreadySigned, OverlappingVersion, PayeeDiffers.
    """
    row = find_agreement(unit, agreement_id)
    role = unit.principal.role
    if unit.principal.party != (row.operator_id if role == "operator" else row.grantor_id):
        raise missing("distribution agreement", agreement_id)
    lock_agreements(unit, row.operator_id)
    if any(signature.role == role for signature in _signatures(unit, row.id)):
        message = f"agreement {row.agreement_no}, clause {row.clause}, was signed for the {role} before"
        raise AlreadySigned(message)
    _require_room(unit, row, agreement_from_document(row.terms))
    unit.session.add(
        AgreementSignature(
            agreement_id=row.id,
            role=role,
            party_id=unit.principal.party,
            recorded_at=unit.now,
            recorded_by=unit.principal.party_id,
        )
    )
    unit.session.flush()
    unit.object_id = row.id
    return row


def find_agreement(unit: Unit, agreement_id: str) -> DistributionAgreement:
    """Return an agreement that the caller may see; raises NotFound."""
    query = visible_agreements(unit).where(col(DistributionAgreement.id) == agreement_id)
    row: DistributionAgreement | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("distribution agreement", agreement_id)
    return row


def visible_agreements(unit: Unit) -> Select[DistributionAgreement]:
    """Return the query of the agreements that the caller is a side of or oversees."""
    query = select(DistributionAgreement)
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return query
    if role == "grantor":
        return query.where(col(DistributionAgreement.grantor_id) == unit.principal.party)
    if role in ("operator", "regulator"):
        return query.where(col(DistributionAgreement.operator_id).in_(operators_overseen(unit) or []))
    return query.where(false())


def agreement_document(unit: Unit, row: DistributionAgreement) -> dict[str, Any]:
    """Return an agreement as the wire says it, before formatting."""
    signatures = _signatures(unit, row.id)
    return {
        "utility_table": None,
        **row.terms,
        **row.model_dump(include={"id", "agreement_no", "clause", "effective_from", "basis", "recorded_at"}),
        "operator": code_of(unit, Party, row.operator_id),
        "grantor": code_of(unit, Party, row.grantor_id),
        "offerings": [code_of(unit, Offering, offering_id) for offering_id in row.offerings],
        "status": "signed" if len(signatures) == BOTH_SIDES else "proposed",
        "signatures": [
            {
                "role": signature.role,
                "party": code_of(unit, Party, signature.party_id),
                "signed_at": signature.recorded_at,
            }
            for signature in signatures
        ],
        "sandbox": unit.sandbox,
    }


def _signatures(unit: Unit, agreement_id: str) -> list[AgreementSignature]:
    query = select(AgreementSignature).where(col(AgreementSignature.agreement_id) == agreement_id)
    return list(unit.session.execute(query.order_by(col(AgreementSignature.role))).scalars())


def _offerings_of(unit: Unit, operator: Party, refs: list[str]) -> list[Offering]:
    offerings = find_all(unit, Offering, refs, "offerings")
    for number, offering in enumerate(offerings):
        if offering.operator_id != operator.id:
            raise missing("offering", refs[number], f"offerings.{number}")
    return list({offering.id: offering for offering in offerings}.values())


def _grantor(unit: Unit, offerings: list[Offering], given: Mapping[str, Any]) -> str:
    """Return the one grantor of the offerings, who has to sign; a proposing grantor must be it."""
    grantors = [authorisation_of(unit, offering.id).grantor_id for offering in offerings]
    if unit.principal.role == "grantor":
        for number, grantor_id in enumerate(grantors):
            if grantor_id != unit.principal.party:
                raise missing("offering", given["offerings"][number], f"offerings.{number}")
    if len(set(grantors)) > 1:
        message = "these offerings lie under authorisations of different grantors: make one agreement for each grantor"
        raise OneGrantorNeeded(message, errors={"offerings": [message]})
    return grantors[0]


def _agreement(unit: Unit, given: Mapping[str, Any]) -> Agreement:
    """Return the arithmetic, its parties named by their codes, by which ties are broken."""
    document = {name: given[name] for name in _TERMS if given[name] is not None}
    agreement = agreement_from_document(document)
    parties, payees = _parties_named(unit, document)
    if agreement.residual.weights is ResidualWeights.USAGE:
        message = (
            "an offering's use is one figure for all who supplied its data, so it cannot weigh one beneficiary against "
            "another: agree on fixed weights, or on contribution with a utility table"
        )
        raise UsageNotByBeneficiary(message, errors={"residual.weights": [message]})
    codes = {ref: party.code for ref, party in parties.items()} | {ref: party.code for ref, party in payees.items()}
    agreement = agreement_from_document(_by_code(document, codes))
    _require_treasury(unit, agreement, parties.values(), payees.values())
    return agreement


def _parts(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return every step and share of a sound document by its path."""
    parts = {f"steps.{number}": step for number, step in enumerate(document["steps"])}
    return parts | {f"residual.shares.{number}": share for number, share in enumerate(document["residual"]["shares"])}


def _parties_named(unit: Unit, document: Mapping[str, Any]) -> tuple[dict[str, Party], dict[str, Party]]:
    """Return beneficiaries and payees by the references that name them; raises NotFound with all that are unknown."""
    faults: dict[str, list[str]] = {}
    found: dict[str, dict[str, Party]] = {"beneficiary": {}, "payable_to": {}}
    for path, part in _parts(document).items():
        for field, parties in found.items():
            ref = part.get(field)
            if ref is None or ref in parties:
                continue
            try:
                parties[ref] = find(unit, Party, ref, f"{path}.{field}")
            except NotFound as unknown:
                faults |= unknown.errors
    if faults:
        message = f"there is no party as named in {', '.join(faults)}"
        raise NotFound(message, errors=faults)
    return found["beneficiary"], found["payable_to"]


def _by_code(document: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    def part_by_code(part: Mapping[str, Any]) -> dict[str, Any]:
        named = {name: codes[part[name]] for name in ("beneficiary", "payable_to") if part.get(name) is not None}
        return {**part, **named}

    residual = document["residual"]
    shares = [part_by_code(share) for share in residual["shares"]]
    by_code = {
        **document,
        "steps": [part_by_code(step) for step in document["steps"]],
        "residual": {**residual, "shares": shares},
    }
    if "utility_table" in document:
        by_code["utility_table"] = [
            {**row, "coalition": [codes[member] for member in row["coalition"]]} for row in document["utility_table"]
        ]
    return by_code


def _require_treasury(
    unit: Unit, agreement: Agreement, beneficiaries: Collection[Party], payees: Collection[Party]
) -> None:
    """What an administrative body would receive is payable to the treasury (Asset Notice): the share says how."""
    legal_forms = unit.law.parameter(TREASURY_LEGAL_FORMS).codes(unit.today)
    administrative = {party.code for party in beneficiaries if party.legal_form in legal_forms}
    if faults := treasury_faults(agreement, administrative):
        message = "; ".join(fault for messages in faults.values() for fault in messages)
        raise TreasuryParticularsMissing(message, errors=faults)
    if others := sorted({party.code for party in payees if "treasury" not in party.kinds}):
        message = f"payable_to names the treasury; {', '.join(others)} is not registered as one"
        raise PayeeNotTreasury(message)
    parts = (*agreement.steps, *agreement.residual.shares)
    for code in sorted({part.beneficiary for part in parts}):
        if len({part.payee for part in parts if part.beneficiary == code}) > 1:
            message = f"the shares of {code} name different payees or particulars; give all of them the same"
            raise PayeeDiffers(message)


def _require_new(unit: Unit, row: DistributionAgreement) -> None:
    same = select(col(DistributionAgreement.id)).where(
        col(DistributionAgreement.operator_id) == row.operator_id,
        col(DistributionAgreement.agreement_no) == row.agreement_no,
        col(DistributionAgreement.clause) == row.clause,
        col(DistributionAgreement.effective_from) == row.effective_from,
    )
    if unit.session.execute(same).first() is not None:
        message = (
            f"agreement {row.agreement_no}, clause {row.clause}, from {row.effective_from} is recorded already; "
            "sign that one, or name another clause or day"
        )
        raise AgreementExists(message)


def _require_room(unit: Unit, row: DistributionAgreement, agreement: Agreement) -> None:
    """Refuse an agreement that would stand beside a signed one for the same month, or pay a beneficiary elsewhere."""
    # Not as of this call's clock: what was signed while it waited for the lock counts.
    signed = signed_versions(unit, row.operator_id)
    month = str(Month.from_date(row.effective_from))
    for offering_id in row.offerings:
        other = signed.of(offering_id, month)
        if other is not None and other.first_month == month and other.id != row.id:
            code = code_of(unit, Offering, offering_id)
            message = (
                f"offering {code} falls under agreement {other.agreement_no}, clause {other.clause}, from "
                f"{other.effective_from} on: a month is distributed as one, so let this one begin in another month"
            )
            raise OverlappingVersion(message, errors={"effective_from": [message]})
    _require_same_payees(signed, agreement)


def _require_same_payees(signed: Versions, agreement: Agreement) -> None:
    new = payees_of(agreement)
    for version in signed.by_id.values():
        for code, payee in version.payees.items():
            if code in new and _paid_party(new[code]) != _paid_party(payee):
                message = (
                    f"agreement {version.agreement_no}, clause {version.clause}, pays the shares of {code} to "
                    f"{_paid_party(payee) or code}: a beneficiary has one statement, and so one payee"
                )
                raise PayeeDiffers(message)


def _paid_party(payee: Payee | None) -> str | None:
    return None if payee is None else payee.payable_to
