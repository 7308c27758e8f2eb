"""How a phone comes into an account: let in by an old one, or with whatever is left (docs/spec sections 6.3 and 6.4).

Who still has the wallet restores it; a claim with anything besides brings another one, which is sealed here before the
claim is sent. Who lost the wallet makes a new one in its place, names the account, and shows a recovery code together
with guardians, or is spoken for by two officers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import wire
from pteri.core.acts import SAME_WALLET
from pteri.core.ids import AccountId, account_id, to_base64url
from pteri.core.transfer import newcomer as steps
from pteri.core.transfer.sighting import NOTHING_SEEN
from pteri.wallet import checks
from pteri.wallet.ceremony import ShownCode, Signed, Signers, with_code
from pteri.wallet.comparing import told
from pteri.wallet.journal import CodesReady
from pteri.wallet.memory import is_linked, remembered
from pteri.wallet.refusals import ServerError
from pteri.wallet.relay import HttpRelay
from pteri.wallet.server import checked_origin
from pteri.wallet.transferring import HandingOver

if TYPE_CHECKING:
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.core.keys.secret import Secret
    from pteri.core.transfer.sighting import Sighting
    from pteri.wallet.state import PhoneState
    from pteri.wallet.transfer_notes import Progress

__all__ = ["WALLET_ALONE", "Claiming"]

_CODE_LIFE_S: Final = 120
WALLET_ALONE: Final = ("W",)
"""The restored wallet and nothing else."""


class Claiming(HandingOver):
    """A phone that can become a phone of an account."""

    @property
    def brings_wallet(self) -> bool:
        """Whether the account gets another wallet when :meth:`activate` completes what this phone has begun."""
        pinned = self._journal.pinned
        return pinned is not None and pinned.new_wallet_by is not None

    def activate(self, *, line: str | None = None) -> Signed:
        """Become a phone of the account, or give it the new wallet, once the wait is over.

        ``ServerError`` with code ``HELD`` and ``until`` before that: nothing is lost, come back then.
        """
        with self._keystore.exclusive():
            state, pinned = self._state(), self._journal.pinned
            if (repeated := self._repeated("accept")) is not None:
                self._tell_old_phone()
                return repeated
            if (before := self._activated_before(state)) is not None:
                self._tell_old_phone()
                return before
            claimed = self._server(state).post("/activations", wire.Nothing(), wire.Claimed)
            approval = None if pinned is None else pinned.approval
            if (progress := self._notes.progress) is not None:
                self._notes.save(msgspec.structs.replace(progress, asked=claimed.statement))
            signed = self._answer(
                claimed,
                lambda known: checks.activation(known, approval),
                state=state,
                pinned=pinned,
                subject="accept",
                line=line,
                signers=self._for_the_new_wallet(state) if pinned is not None and pinned.new_wallet_by else None,
            )
            self._tell_old_phone()
            return signed

    def set_up_codes(
        self,
        origin: str,
        tenant: str,
        *,
        account: AccountId | None = None,
        code: Secret | None = None,
        has_wallet: bool = True,
    ) -> ShownCode:
        """The first step of a recovery, a round trip of its own; arguments as for :meth:`start_recovery`.

        It shows that phone and server derive the same codes, and grants nothing. Nobody types this code:
        :meth:`start_recovery` hands it over, within two minutes.
        """
        with self._keystore.exclusive():
            state = self._claimant(origin, tenant)
            return self._new_codes(state, account, self._code_key(state, code), has_wallet=has_wallet)

    def start_recovery(
        self,
        origin: str,
        tenant: str,
        *,
        line: str | None = None,
        evidence: tuple[str, ...] = WALLET_ALONE,
        account: AccountId | None = None,
        code: Secret | None = None,
        new_mnemonic: Secret | None = None,
    ) -> Signed:
        """All other phones are lost: set up codes, then ask for the account with what is left.

        ``evidence``, as sorted letters: ``W`` this phone's wallet is that of the account, ``C`` and ``code``, ``G``
        guardians and ``A`` officers have spoken for this phone. Without ``W`` this phone's wallet is the new one, and
        ``account`` must be named; with ``W`` and more a new one is made, or that of ``new_mnemonic`` is taken.

        The decision is a hold; ``until`` is when :meth:`activate` can finish it. Called again after an interruption,
        it goes on where it was.
        """
        with self._keystore.exclusive():
            subject = "recover:" + "".join(evidence)
            if (repeated := self._repeated(subject)) is not None:
                return repeated
            state = self._claimant(origin, tenant)
            key, has_wallet = self._code_key(state, code), "W" in evidence
            signers = Signers(wallet=self._wallet, code=key)
            if not has_wallet:
                signers = Signers(wallet=self._wallet, is_told=True, new_wallet=self._wallet, code=key)
            elif evidence != WALLET_ALONE:
                # Sealed before anybody hears of it.
                new = self._succession.prepared(new_mnemonic, state.network)
                signers = Signers(wallet=self._wallet, new_wallet=new, code=key)
            codes = self._codes(state, account, key, has_wallet=has_wallet)
            pinned = None if signers.new_wallet is None else signers.new_wallet.pinned(self._index)
            message = wire.StartRecovery(
                codes.setup,
                codes.code,
                evidence=evidence,
                new_wallet=pinned,
                recovery_code=None if key is None else to_base64url(key.public.sec1),
            )
            return self._answer(
                self._opened_case(state, message),
                lambda known: checks.recovery(known, evidence, SAME_WALLET if pinned is None else pinned.address),
                state=msgspec.structs.replace(state, account=codes.account),
                pinned=self._journal.pinned,
                subject=subject,
                line=line,
                signers=signers,
            )

    def _for_the_new_wallet(self, state: PhoneState) -> Signers:
        """Who signs what only the wallet that a case brings can sign: it waits beside this one, or is this one."""
        return Signers(wallet=self._succession.successor(state.network) or self._wallet, is_told=True)

    def _claimant(self, origin: str, tenant: str) -> PhoneState:
        """The memory of a phone that claims: a fresh one, or of one that waits already and comes with more."""
        before, pinned = remembered(self._keystore), self._journal.pinned
        claims = pinned is not None and pinned.approval is not None and pinned.new_wallet_by != "rotate"
        if before is not None and claims and (before.server, before.tenant) == (checked_origin(origin), tenant):
            return before
        return self._begun(origin, tenant)

    def _codes(
        self, state: PhoneState, account: AccountId | None, key: DevicePrivateKey | None, *, has_wallet: bool
    ) -> CodesReady:
        """The first step of a recovery, unless it is done."""
        ready = self._journal.codes
        if ready is None or self._clock.now() >= ready.at + _CODE_LIFE_S:
            self._new_codes(state, account, key, has_wallet=has_wallet)
            ready = self._journal.codes
            assert ready is not None
        return ready

    def _new_codes(
        self, state: PhoneState, account: AccountId | None, key: DevicePrivateKey | None, *, has_wallet: bool
    ) -> ShownCode:
        signed = self._repeated("setup-otp")
        if signed is None:
            own = self._wallet.pinned(self._index)
            asked = wire.SetUpCodes(
                to_base64url(self._public.sec1),
                own.address,
                wallet=None if has_wallet else own,
                account=None if account is None else account_id(account),
                recovery_code=None if key is None else to_base64url(key.public.sec1),
            )
            claimed = self._server(state).post("/code-setups", asked, wire.Claimed)
            signed = self._answer(
                claimed,
                lambda known: checks.codes(known, account),
                state=state,
                pinned=self._journal.pinned if state.account is not None else None,
                subject="setup-otp",
                signers=Signers(wallet=self._wallet, is_told=not has_wallet, code=key),
            )
        shown, statement = with_code(signed), signed.statement
        self._journal.keep_codes(CodesReady(statement.request_id, shown.code, statement.act.account, self._clock.now()))
        return shown

    def _opened_case(self, state: PhoneState, message: wire.StartRecovery) -> wire.Claimed:
        """The second step. The code counts once; without an answer it may still count, so it is kept."""
        try:
            claimed = self._server(state).post("/recoveries", message, wire.Claimed)
        except ServerError as error:
            if not error.may_repeat:
                self._journal.keep_codes(None)
            raise
        self._journal.keep_codes(None)
        return claimed

    def _activated_before(self, state: PhoneState) -> Signed | None:
        """What was accepted before this phone died, if it died between that and telling the old one.

        A phone that a move brings in has seen no epoch of its account before its own statement was accepted.
        """
        progress = self._notes.progress
        if progress is None or not isinstance(progress.new, steps.Received | steps.Activated):
            return None
        if not is_linked(state):
            return None
        assert progress.asked is not None, "written down before it was signed"
        return Signed(progress.asked, "permit", "HOLD_OVER", None)

    def _tell_old_phone(self) -> None:
        """That this phone is in: one that was to be removed hears it from nobody else. It may not be listening.

        ``LogAlarm`` when the log that this phone is shown now is not the one that the old phone saw: then the old one
        is told nothing, and keeps its wallet.
        """
        if not self._session.is_open:
            return  # the next call tells it
        newcomer, progress = self._notes.newcomer(), self._notes.progress
        if newcomer is None or progress is None:
            return
        if isinstance(newcomer.state, steps.Received):
            shown = self._shown_since(progress)
            if shown is None:
                return  # the next call looks again, and tells it
            # Written down before it is said: it is never said in other words.
            newcomer = newcomer.activated(shown)
            self._notes.save(msgspec.structs.replace(progress, new=newcomer.state))
        if not isinstance(newcomer.state, steps.Activated):
            return
        relay = HttpRelay(self._server(self._state()))
        try:
            relay.put(newcomer.mailbox(progress.round), 1, newcomer.done())
        except ServerError as error:
            if error.may_repeat:
                # Forgotten now, it would never be told, and the old phone would keep a wallet that it may not use.
                return  # the next call tells it
        self._notes.forget()

    def _shown_since(self, progress: Progress) -> Sighting | None:
        """What this phone has seen of the log since it is in, with the entry that says so; None: not yet.

        It began with what the old phone has seen: whatever does not grow out of that is an alarm.
        """
        if self._notebook.read(self._clock.now()).believed is None:
            return NOTHING_SEEN
        try:
            looked = self.audit_log()
            if looked.alarm is not None:
                raise looked.as_error()
            assert progress.asked is not None, "written down before it was signed"
            statement = progress.asked.sha256()
            if any(act.statement == statement for act in looked.notes.acts):
                return None  # a service may answer before its log has it; said without it, nothing would ever be wiped
            leaf, place = self.entry_of(statement)
        except ServerError:
            return None
        return told(looked.notes, leaf=leaf, place=place)
