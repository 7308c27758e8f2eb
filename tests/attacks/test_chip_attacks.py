"""What an eSIM chip, its copy, or bytes that look like its word can do: TE-03, TE-07 and five cases of PR."""

from __future__ import annotations

from dataclasses import replace

import pytest

import builders as b
import chips as c
from pteri import esim
from pteri.core.acts import SAME_WALLET, Authenticate, StartRecovery, StatementAct
from pteri.core.errors import Code
from pteri.core.euicc.der_writer import element
from pteri.domain.decisions import Hold, Refuse
from pteri.domain.facts import Circumstances, Facts, LineStatus, Signer
from pteri.domain.policy import decide
from pteri.domain.rules import Rules

OWNER, THIEF = b.thumbprint(1), b.thumbprint(3)
CHAIN_OF_A_STRANGER = (
    replace(c.CHIP, key=c.key(93), signer=c.key(92)),
    replace(c.EUM, key=c.key(92), signer=c.key(91)),
    replace(c.CI, key=c.key(91), signer=c.key(91)),
)


def challenge(wallet: str = "ltc1qowner", nonce: str = "N1", server: str = c.ADDRESS) -> bytes:
    return esim.bind_challenge(wallet=wallet, nonce=nonce, server=server)


def proven(der: bytes, *, asked: bytes) -> esim.ChipProof:
    return esim.verify_authenticate_response(
        der,
        anchors=c.trusting(),
        at=c.AT,
        expected_challenge=asked,
        expected_transaction_id=c.TRANSACTION,
        expected_address=c.ADDRESS,
    )


def event_of(der: bytes) -> esim.ChipEvent:
    return esim.verify_notification(der, anchors=c.trusting(), at=c.AT)


def refusal(der: bytes, *, asked: bytes | None = None) -> Code:
    """Of an answer where something was asked, of a notification where nothing was."""
    with pytest.raises((esim.MalformedEvidence, esim.NotAuthentic)) as refused:
        event_of(der) if asked is None else proven(der, asked=asked)
    return refused.value.code


# --- TE-03: a copy of the chip --------------------------------------------------------------------------------------


def test_te_03_a_copied_chip_says_all_that_the_chip_says_and_nobody_can_tell() -> None:
    """Said here so that nobody builds on the opposite."""
    chip, copy = c.a_chip(), c.a_chip()
    answers = [one.answer(challenge(), transaction_id=c.TRANSACTION, address=c.ADDRESS) for one in (chip, copy)]
    assert proven(answers[0], asked=challenge()) == proven(answers[1], asked=challenge())


@pytest.mark.parametrize("line", [LineStatus.CONTINUOUS, LineStatus.UNKNOWN])
def test_te_03_the_best_word_of_a_copied_chip_opens_nothing_for_a_phone_that_nobody_knows(line: LineStatus) -> None:
    account = b.opened()
    at = b.NOW + 60
    facts = Facts(
        account, Circumstances(at, line, at if line is LineStatus.CONTINUOUS else None), Signer(wallet=b.wallet(1))
    )
    session = b.digest("session")
    signs_in: StatementAct = Authenticate(account.id, THIEF, account.esim, account.epoch, session, "42")
    assert isinstance(decide(signs_in, facts, Rules()), Refuse)
    claims = StartRecovery(account.id, THIEF, account.esim, account.epoch, ("W",), None, SAME_WALLET)
    held = decide(claims, facts, Rules())
    assert isinstance(held, Hold)
    # Not a second shorter than the floor that an account without any chip has.
    assert held.until - at >= Rules().recovery_hold_s


def test_te_03_a_chip_that_is_known_to_be_copied_is_revoked_with_all_its_copies() -> None:
    der = c.an_event()
    with pytest.raises(esim.NotAuthentic) as refused:
        esim.verify_notification(
            der, anchors=c.trusting(revoked=esim.Revocations(eids=frozenset({esim.eid(c.EID)}))), at=c.AT
        )
    assert refused.value.code is Code.REVOKED_CHIP
    assert esim.verify_notification(c.an_event(c.OTHER_CHIP), anchors=c.trusting(), at=c.AT).eid == c.OTHER_EID


# --- TE-07: somebody plays the chip, or plays its word back ---------------------------------------------------------


def test_te_07_a_chain_of_ones_own_is_nobodys() -> None:
    chip, maker, issuer = CHAIN_OF_A_STRANGER
    assert refusal(c.notification(chip=chip, eum=maker)) is Code.NOT_ISSUED_BY_CI
    # Even the stranger's issuer brought along in the place of a certificate changes nothing.
    assert refusal(c.notification(chip=chip, maker=issuer.der())) is Code.CERTIFICATE_ROLE


def test_te_07_a_servers_certificate_from_the_same_issuer_is_no_chip() -> None:
    der = c.notification(leaf=c.SERVER.der(), signature=c.raw_signature(c.SERVER.key, c.metadata()))
    assert refusal(der) is Code.CERTIFICATE_ROLE


def test_te_07_the_word_of_another_chip_is_about_another_chip() -> None:
    der = c.a_chip(c.OTHER_CHIP).answer(challenge(), transaction_id=c.TRANSACTION, address=c.ADDRESS)
    assert proven(der, asked=challenge()).eid == c.OTHER_EID != c.EID
    swapped = c.notification(leaf=c.OTHER_CHIP.der())
    assert refusal(swapped) is Code.CHIP_SIGNATURE


def test_te_07_an_answer_for_another_wallet_is_refused() -> None:
    der = c.a_chip().answer(challenge(wallet="ltc1qthief"), transaction_id=c.TRANSACTION, address=c.ADDRESS)
    assert refusal(der, asked=challenge()) is Code.CHALLENGE


def test_te_07_an_issuer_for_tests_is_believed_in_a_lab_only() -> None:
    with pytest.raises(esim.NotAuthentic) as refused:
        esim.TrustAnchors.load([c.LAB / "ci.cert.der"])
    assert refused.value.code is Code.TEST_CI


# --- the protocol's own cases, with a chip --------------------------------------------------------------------------


def test_pr_04_a_chips_word_sent_twice_is_one_event_and_so_is_its_twin() -> None:
    said = c.metadata()
    signature = c.raw_signature(c.CHIP.key, said)
    seen = {event_of(c.notification(signature=one)).identity for one in (signature, signature, c.twin(signature))}
    assert len(seen) == 1


def test_pr_05_an_answer_to_an_old_challenge_is_refused() -> None:
    der = c.a_chip().answer(challenge(nonce="N1"), transaction_id=c.TRANSACTION, address=c.ADDRESS)
    assert proven(der, asked=challenge(nonce="N1")).eid == c.EID
    assert refusal(der, asked=challenge(nonce="N2")) is Code.CHALLENGE


def test_pr_06_an_answer_to_an_evil_server_is_refused_at_the_right_one() -> None:
    """The evil server relays our challenge: the chip names the server that it talked to."""
    der = c.a_chip().answer(challenge(), transaction_id=c.TRANSACTION, address="evil.example")
    assert refusal(der, asked=challenge()) is Code.SERVER_ADDRESS


@pytest.mark.parametrize("field", ["sequence", "operation", "address", "profile"])
def test_pr_08_each_field_that_somebody_changes_is_noticed(field: str) -> None:
    others = {
        "sequence": element(0x80, b"\x03"),
        "operation": element(0x81, b"\x05\x20"),
        "address": element(0x0C, b"evil.example"),
        "profile": element(0x5A, bytes.fromhex("989420000021436587f0")),
    }
    signature = c.raw_signature(c.CHIP.key, c.metadata())
    assert refusal(c.notification(c.metadata(**{field: others[field]}), signature=signature)) is Code.CHIP_SIGNATURE


@pytest.mark.parametrize("algorithm", ["300a06082a8648ce3d040301", "300906072a8648ce3d0401", "3000", "300506032b6570"])
def test_pr_23_no_certificate_chooses_a_weaker_algorithm(algorithm: str) -> None:
    """ECDSA with SHA-224, with SHA-1, none at all, Ed25519; inside, outside, both."""
    weaker = bytes.fromhex(algorithm)
    for changes in ({"inner_algorithm": weaker}, {"outer_algorithm": weaker}):
        assert refusal(c.notification(chip=c.edit(c.CHIP, **changes))) is Code.CERTIFICATE_ALGORITHM
        assert refusal(c.notification(eum=c.edit(c.EUM, **changes))) is Code.CERTIFICATE_ALGORITHM
