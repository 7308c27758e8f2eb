"""vectors/phone.json: what a phone scans and shows, in any language."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

import msgspec
import pytest

from pteri.core.acts import phone_name
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import ProtocolError
from pteri.core.esim import line_commitment
from pteri.core.ids import AccountId, Digest, Domain, Nonce, RequestId, TenantId, Thumbprint
from pteri.core.invitation import Invitation, Terms, parse_invitation
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement, parse
from pteri.core.verify import Invited
from pteri.wallet.checks import Known, check, sign_in
from pteri.wallet.composing import compose_sign_in, invited, scanned
from pteri.wallet.refusals import UnsafeError
from vectors import make_phone


class Case(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    code: str | None = None


class Phone(Case, forbid_unknown_fields=True, kw_only=True):
    private_key_hex: str
    sec1_hex: str
    thumbprint: Thumbprint
    name: str


class Base45(Case, forbid_unknown_fields=True, kw_only=True):
    text: str
    hex: str = ""


class TermsSaid(msgspec.Struct, forbid_unknown_fields=True):
    session: Digest
    nonce: Nonce
    issued_at: int
    expires_at: int
    ticket: str


class InvitationCase(Case, forbid_unknown_fields=True, kw_only=True):
    text: str
    request: RequestId = RequestId("")
    tenant: TenantId = TenantId("")
    number: str = ""
    origin: str = ""
    terms: TermsSaid | None = None


class Knows(msgspec.Struct, forbid_unknown_fields=True):
    origin: str
    tenant: TenantId
    network: str
    domain: Domain
    address: str
    device: Thumbprint
    account: AccountId
    epoch: int
    esim: Digest | None


class SignIn(Case, forbid_unknown_fields=True, kw_only=True):
    at: int
    invitation: str
    knows: Knows
    field: str | None = None
    statement: str = ""
    sha256: str = ""
    invited: str = ""


class Line(Case, forbid_unknown_fields=True, kw_only=True):
    line: str
    salt_hex: str
    tenant: TenantId
    commitment: Digest = Digest("")


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-phone-vectors-1"]
    note: str
    phones: list[Phone]
    base45: list[Base45]
    invitations: list[InvitationCase]
    sign_ins: list[SignIn]
    lines: list[Line]


VECTORS = msgspec.json.decode(make_phone.FILE.read_bytes(), type=Vectors)
PRIVATE = {phone.sec1_hex: DevicePrivateKey(Secret(bytes.fromhex(phone.private_key_hex))) for phone in VECTORS.phones}


def why(case: Case) -> str:
    return case.why


def settle(case: Case, act: Callable[[], object], expected: object) -> None:
    """Carry out what the case is about: it comes to ``expected``, or it is refused with the code of the case."""
    if case.expect == "accept":
        assert case.code is None
        assert act() == expected
        return
    with pytest.raises(ProtocolError) as refused:
        act()
    assert refused.value.code == case.code


@pytest.mark.parametrize("case", VECTORS.phones, ids=why)
def test_a_phone_is_known_by_four_words_of_its_thumbprint(case: Phone) -> None:
    public = PRIVATE[case.sec1_hex].public
    assert (public.sec1.hex(), public.thumbprint) == (case.sec1_hex, case.thumbprint)
    assert phone_name(case.thumbprint) == case.name


@pytest.mark.parametrize("case", VECTORS.base45, ids=why)
def test_base45(case: Base45) -> None:
    settle(case, lambda: from_base45(case.text).hex(), case.hex)
    if case.expect == "accept":
        assert to_base45(bytes.fromhex(case.hex)) == case.text


@pytest.mark.parametrize("case", VECTORS.invitations, ids=why)
def test_invitations(case: InvitationCase) -> None:
    said = case.terms
    terms = None if said is None else Terms(said.session, said.nonce, said.issued_at, said.expires_at, said.ticket)
    invitation = Invitation(case.request, case.tenant, case.number, case.origin, terms)
    settle(case, lambda: parse_invitation(case.text), invitation)
    if case.expect == "accept":
        assert invitation.encode() == case.text


def composed(case: SignIn) -> tuple[Statement, Invited]:
    """As a phone does that has scanned the invitation and knows no more than it says."""
    knows = case.knows
    invitation = scanned(case.invitation, origin=knows.origin, tenant=knows.tenant)
    known = Known(
        network=knows.network,
        address=knows.address,
        device=knows.device,
        tenant=knows.tenant,
        domain=knows.domain,
        account=knows.account,
        epoch=knows.epoch,
        is_line_known=True,
        esim=knows.esim,
        line=None,
        line_salt=None,
        at=case.at,
    )
    assert invitation.terms is not None
    statement = compose_sign_in(known, invitation, invitation.terms)
    assert statement is not None
    check(statement, sign_in(known, invitation.number), known=known, request=invitation.request)
    return statement, invited(invitation, invitation.terms)


@pytest.mark.parametrize("case", VECTORS.sign_ins, ids=why)
def test_a_statement_is_composed_of_what_was_scanned_and_what_the_phone_knows(case: SignIn) -> None:
    if case.expect == "reject":
        with pytest.raises((UnsafeError, ProtocolError)) as refused:
            composed(case)
        assert isinstance(refused.value, UnsafeError | ProtocolError)
        assert (refused.value.code, getattr(refused.value, "field", "")) == (case.code, case.field)
        return
    statement, back = composed(case)
    assert statement.encode().decode("ascii") == case.statement
    assert statement.sha256().hex() == case.sha256 == hashlib.sha256(case.statement.encode()).hexdigest()
    assert msgspec.json.encode(back).decode() == case.invited
    assert parse(case.statement.encode()) == statement


@pytest.mark.parametrize("case", VECTORS.lines, ids=why)
def test_line_commitments(case: Line) -> None:
    salt = bytes.fromhex(case.salt_hex)
    settle(case, lambda: line_commitment(case.line, salt=salt, tenant=case.tenant), case.commitment)


@pytest.mark.parametrize("name", ["base45", "invitations", "sign_ins", "lines"])
def test_refusals_outnumber_acceptances_and_each_case_has_its_own_reason(name: str) -> None:
    cases: list[Case] = getattr(VECTORS, name)
    assert sum(case.expect == "reject" for case in cases) > sum(case.expect == "accept" for case in cases)
    assert len({case.why for case in cases}) == len(cases)


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_phone.FILE.read_text(encoding="utf-8") == make_phone.document()
