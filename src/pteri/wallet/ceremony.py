"""Signing one statement: show, ask, sign, write down, send, and only then show the code (docs/spec sections 4 and 5).

The order is the safety: nothing is signed unseen, nothing is sent that could not be repeated to the letter, and no
code is shown for a request that the server has not accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import httpsig
from pteri.core.acts import Authenticate, BindWallet, SetupOtp, StatementAct
from pteri.core.airgap import AirgapAnswer, sign_answer
from pteri.core.httpsig import Tag
from pteri.core.ids import Digest, digest_bytes, digest_text, to_base64url
from pteri.core.keys.message import verify_message
from pteri.core.keys.recovery import sign_with_code
from pteri.core.otp import one_time_code, spaced
from pteri.core.verify import (
    CodeSignature,
    Enrolment,
    Invited,
    NewWallet,
    Payload,
    WalletSignature,
    decode_payload,
)
from pteri.core.wire import Decided
from pteri.wallet.journal import Journal, Pinned, Unanswered
from pteri.wallet.memory import pinned_decided, state_decided
from pteri.wallet.refusals import BAD_ANSWER, SafetyCode, ServerError, UnsafeError

if TYPE_CHECKING:
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.core.statement import Statement
    from pteri.wallet.keystore import Keystore
    from pteri.wallet.log_notes import Notebook
    from pteri.wallet.ports import Clock
    from pteri.wallet.server import Server
    from pteri.wallet.session import Session
    from pteri.wallet.state import PhoneState
    from pteri.wallet.wallet import Wallet

__all__ = ["Ceremony", "Confirm", "Review", "ShownCode", "Signed", "Signers", "with_code"]

CLIENT: Final = "pteri-python"


@dataclass(frozen=True, slots=True)
class Review:
    """What a person sees before signing.

    ``recovery_terms``: what they agree to when they link the phone. ``is_again``: they said yes to this once, but of an
    account whose phones have changed since this phone last looked.
    """

    statement: Statement
    recovery_terms: str | None = None
    is_again: bool = False
    hands_over: bool = False
    """They have signed this already. Now the wallet is to leave for the phone that it names."""

    @property
    def text(self) -> str:
        """The exact text that is signed."""
        return self.statement.encode().decode("ascii")

    @property
    def sha256_hex(self) -> str:
        """What a hardware wallet without a large screen shows in place of the text."""
        return self.statement.sha256().hex().upper()


Confirm = Callable[[Review], bool]
"""Shows the statement and asks. There is no default: a program that says yes unasked has to say so in its own code."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement that the server has accepted. ``decision`` is permit or hold; ``until``: Unix second a hold ends."""

    statement: Statement
    decision: str
    reason: str
    until: int | None


@dataclass(frozen=True, slots=True)
class ShownCode(Signed):
    """The same, with the code to type on the other screen: 8 digits, good for about two minutes."""

    code: str = field(repr=False)

    @property
    def spaced(self) -> str:
        """How it is shown: two groups of four."""
        return spaced(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signers:
    """Who signs besides the phone.

    ``wallet`` signs as the one that the statement is addressed to; with ``is_told`` the answer says which that is.
    ``new_wallet`` signs beside it, or is it. ``code`` is the key of a recovery code.
    """

    wallet: Wallet
    is_told: bool = False
    new_wallet: Wallet | None = None
    code: DevicePrivateKey | None = field(default=None, repr=False)


class Ceremony:
    """One phone's way of signing. Callers hold the keystore's lock and have checked every field of the statement."""

    def __init__(
        self,
        keystore: Keystore,
        journal: Journal,
        session: Session,
        *,
        confirm: Confirm,
        clock: Clock,
        log: Notebook,
    ) -> None:
        self._keystore = keystore
        self._journal = journal
        self._session = session
        self._confirm = confirm
        self._clock = clock
        self._log = log

    def agreed(self, review: Review) -> bool:
        """Show and ask, and sign nothing."""
        return self._confirm(review)

    def sign(
        self,
        server: Server,
        review: Review,
        *,
        subject: str,
        state: PhoneState,
        pinned: Pinned,
        enrolment: Enrolment | None = None,
        invited: Invited | None = None,
        signers: Signers | None = None,
        is_guest: bool = False,
    ) -> Signed:
        """Show, ask, sign, write down, send. ``state`` and ``pinned`` are remembered once the server has accepted."""
        if not self._confirm(review):
            raise _declined()
        statement = review.statement
        # Asked for after the person, who may have left the phone lying open: a wallet that has closed signs nothing.
        own = self._session.wallet
        payload = _payload(
            statement,
            signers or Signers(wallet=own),
            index=state.tenant_index,
            enrolment=enrolment,
            invited=invited,
        )
        path = f"/challenges/{statement.request_id}/response"
        entry = Unanswered(
            subject=subject,
            request=server.signed("POST", path, msgspec.json.encode(payload)),
            statement=statement,
            state=state,
            pinned=pinned,
            signed_at=self._clock.now(),
            is_guest=is_guest,
        )
        self._journal.expect_answer(entry)
        if not is_guest:
            self._log.signed(statement, payload.wallet_signature.signature, entry.signed_at)
        return self.send(server, entry)

    def sign_for_camera(
        self, review: Review, *, state: PhoneState, invited: Invited, key: DevicePrivateKey
    ) -> AirgapAnswer:
        """Show, ask, sign. Nothing is sent: this phone does not hear what comes of it."""
        if not self._confirm(review):
            raise _declined()
        statement, index, wallet = review.statement, state.tenant_index, self._session.wallet
        signature = wallet.sign_statement(statement, index=index)
        self._log.signed(statement, signature, self._clock.now())
        return sign_answer(
            statement,
            wallet_signature=signature,
            signature_type=wallet.pinned(index).signature_type,
            invited=invited,
            origin=state.server,
            tenant=state.tenant,
            key=key,
            created_at=self._clock.now(),
        )

    def send(self, server: Server, entry: Unanswered) -> Signed:
        """Send what was signed, for the first time or again, and remember what came of it."""
        try:
            decided = server.send(entry.request, Decided)
        except ServerError as error:
            if not error.may_repeat:
                self._journal.answered(entry)
            raise
        signed = self._outcome(entry, decided)
        # Struck out last: a crash on any of these lines sends the request once more and reads the same answer.
        if not entry.is_guest:
            self._journal.pin(pinned_decided(entry.pinned, entry.statement, decided))
            self._keystore.save_state(state_decided(entry.state, entry.statement, decided))
            self._log.answered(entry.statement, self._clock.now())
        self._journal.answered(entry)
        return signed

    def _outcome(self, entry: Unanswered, decided: Decided) -> Signed:
        session = _code_session(entry.statement.act)
        if decided.decision == "refuse" or decided.code_expected != (session is not None):
            raise ServerError(BAD_ANSWER, "The server answered something that does not fit what was signed.")
        if session is None:
            return Signed(entry.statement, decided.decision, decided.reason, decided.until)
        code = self._code(entry, session)
        return ShownCode(entry.statement, decided.decision, decided.reason, decided.until, code)

    def _code(self, entry: Unanswered, session: Digest) -> str:
        statement, text = entry.statement, entry.statement.encode()
        signature = decode_payload(entry.request.body).wallet_signature.signature
        verified = verify_message(statement.address, text, signature, network=entry.state.network)
        return one_time_code(
            text,
            wallet_signature=verified.rs,
            device_signature=httpsig.parse(entry.request, expected_tag=Tag.DEVICE).signature,
            request_id=statement.request_id,
            session_hash=digest_bytes(session),
            nonce=statement.nonce,
        )


def _declined() -> UnsafeError:
    return UnsafeError(SafetyCode.DECLINED, "Nothing was signed. If you did not start this, leave it so.")


def _payload(
    statement: Statement, signers: Signers, *, index: int, enrolment: Enrolment | None, invited: Invited | None
) -> Payload:
    wallet = signers.wallet.pinned(index)
    return Payload(
        wallet_signature=WalletSignature(wallet.signature_type, signers.wallet.sign_statement(statement, index=index)),
        statement_sha256=digest_text(statement.sha256()),
        client=CLIENT,
        enrolment=enrolment,
        invited=invited,
        new_wallet=_brought(statement, signers, index),
        recovery_code=None if signers.code is None else _spoken(statement, signers.code),
        signed_by=wallet if signers.is_told else None,
    )


def _brought(statement: Statement, signers: Signers, index: int) -> NewWallet | None:
    new = signers.new_wallet
    if new is None:
        return None
    if new is signers.wallet:
        return NewWallet(new.pinned(index))
    return NewWallet(new.pinned(index), new.sign_as_successor(statement, index=index))


def _spoken(statement: Statement, code: DevicePrivateKey) -> CodeSignature:
    signature = to_base64url(sign_with_code(code, statement.encode()))
    return CodeSignature(to_base64url(code.public.sec1), signature)


def with_code(signed: Signed) -> ShownCode:
    """The same, of an act that has a code."""
    assert isinstance(signed, ShownCode), "the purposes that have a code are fixed, and the answer was held to them"
    return signed


def _code_session(act: StatementAct) -> Digest | None:
    """What the code of an act is bound to: a browser session, or this phone itself."""
    match act:
        case Authenticate() | BindWallet():
            return act.session
        case SetupOtp(chain_end=None):
            return Digest(act.device)
        case _:
            return None
