"""How a phone looks after its account: object, stop, say who may help, replace the wallet (docs/spec section 6.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import wire
from pteri.core.acts import phone_name
from pteri.core.guardians import Guardians, parse_guardians
from pteri.core.ids import Digest, Thumbprint, digest, thumbprint, to_base64url
from pteri.core.keys.recovery import codes_digest
from pteri.wallet import checks
from pteri.wallet.ceremony import Signed, Signers
from pteri.wallet.claiming import Claiming
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.paper_code import new_paper_code
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pteri.core.keys.secret import Secret
    from pteri.wallet.checks import Expected, Known
    from pteri.wallet.state import PhoneState

__all__ = ["RECOVERY_CODES", "Guarding", "Protected"]

RECOVERY_CODES: Final = 2
"""How many are made: one may be lost, or used."""


@dataclass(frozen=True, slots=True)
class Protected:
    """Who may help from now on, or after the wait. Show ``codes`` once, to be written on paper."""

    signed: Signed
    codes: tuple[Secret, ...] = field(repr=False)


class Guarding(Claiming):
    """A phone that can stop what its owner did not start, and prepare for the day when it is lost."""

    def find_phone(self, text: str) -> Thumbprint:
        """The phone of the account with this thumbprint or these four words; ``UNKNOWN_PHONE``."""
        listed = [phone.thumbprint for phone in self.devices().phones]
        named = [found for found in listed if text in {found, phone_name(found)}]
        if len(named) != 1:
            raise UnsafeError(
                SafetyCode.UNKNOWN_PHONE, "The account has no phone of this name. Look at the list of its phones."
            )
        return named[0]

    def revoke(self, target: Thumbprint, *, code: Secret | None = None) -> Signed:
        """Remove a phone of the account for ever; also this one. With a recovery code another one goes at once."""
        wanted = thumbprint(target)
        return self._changed(
            f"revoke:{wanted}",
            "/revocations",
            lambda key: wire.Revoke(wanted, key),
            lambda known: checks.revocation(known, wanted),
            code=code,
        )

    def object_to(self, case: Digest) -> Signed:
        """Object to what waits, by its digest as :meth:`devices` shows it; or take this phone's own claim back.

        The decision says what came of it: ``STOPPED``, ``DELAYED``, or ``CONTESTED``: then nobody signs in until
        guardians or officers have spoken.
        """
        wanted, pinned = digest(case), self._journal.pinned
        takes_back = pinned is not None and pinned.new_wallet_by == "recover" and pinned.approval == wanted
        return self._changed(
            f"veto:{wanted}",
            "/vetoes",
            lambda _: wire.Veto(wanted),
            lambda known: checks.objection(known, wanted),
            signers=self._for_the_new_wallet(self._linked_state()) if takes_back else None,
        )

    def freeze(self) -> Signed:
        """Stop all sign-ins and changes until guardians or officers have spoken."""
        return self._changed("freeze", "/freezes", lambda _: wire.Freeze(), checks.freeze)

    def unfreeze(self, code: Secret) -> Signed:
        """End a freeze by the wallet alone early, with everything that an owner has."""

        def message(key: str | None) -> msgspec.Struct:
            assert key is not None
            return wire.Unfreeze(key)

        return self._changed("unfreeze", "/unfreezes", message, checks.unfreeze, code=code)

    def confirm_backup(self, backup: Digest) -> Signed:
        """Record that a backup with this SHA-256 was opened and holds this wallet."""
        wanted = digest(backup)
        return self._changed(
            f"backup-verified:{wanted}",
            "/backup-checks",
            lambda _: wire.CheckBackup(wanted),
            lambda known: checks.backup_check(known, wanted),
        )

    def protect(
        self,
        guardians: Guardians | None,
        *,
        code: Secret | None = None,
        with_codes: bool = True,
        keeps_codes: bool = False,
    ) -> Protected:
        """Say who may help, and make new recovery codes, in place of those of now, unless it ``keeps_codes``.

        At once for a phone that has just linked the account, or with a present ``code``; else after a wait. The codes
        stay sealed here until :meth:`codes_are_written_down`, so that an interruption costs nobody their codes.
        """
        named = None if guardians is None else parse_guardians(guardians.encode())
        with self._keystore.exclusive():
            subject = f"protect:{'-' if named is None else named.encode()}{':kept' if keeps_codes else ''}"
            if (repeated := self._repeated(subject)) is not None:
                return Protected(repeated, self._succession.codes())
            state = self._linked_state()
            if self._succession.codes():
                # They may be the ones that count: an answer may have been lost.
                raise WalletError(
                    WalletCode.EXISTS,
                    "Recovery codes were made here before, and nobody has written them down. Look at those first.",
                )
            if keeps_codes and not self.devices().recovery_codes:
                raise WalletError(
                    WalletCode.NOT_FOUND, "Your account has no recovery codes that could stay. Make new ones with it."
                )
            count = RECOVERY_CODES if with_codes and not keeps_codes else 0
            made = tuple(new_paper_code(entropy=self._entropy) for _ in range(count))
            keys = tuple(self._code_text(state, one) for one in made)
            if made:
                self._succession.keep_codes(made)
            try:
                signed = self._changed(
                    subject,
                    "/protections",
                    lambda key: wire.Protect(named, keys, key, keeps_codes),
                    lambda known: checks.protection(known, named, codes_digest(keys), keeps_codes=keeps_codes),
                    code=code,
                )
            except WalletError as error:
                if not (isinstance(error, ServerError) and error.may_repeat):
                    self._succession.forget_codes()  # nobody has heard of them
                raise
            return Protected(signed, made)

    def codes_to_write_down(self) -> tuple[Secret, ...]:
        """Recovery codes that were made here and that nobody has said to be on paper."""
        with self._keystore.exclusive():
            return self._succession.codes()

    def codes_are_written_down(self) -> None:
        """Forget them here."""
        with self._keystore.exclusive():
            self._succession.forget_codes()

    def rotate(self, new_mnemonic: Secret | None = None, *, code: Secret | None = None) -> Signed:
        """Replace the wallet: at once with a recovery code, else after a wait that :meth:`activate` ends.

        The new wallet, of these words or of fresh ones, is sealed here before anybody hears of it. When the account
        has it the old one is kept as a numbered copy. Called again, it goes on where it was.
        """
        with self._keystore.exclusive():
            if (repeated := self._repeated("rotate")) is not None:
                return repeated
            state = self._linked_state()
            new = self._succession.prepared(new_mnemonic, state.network)
            pinned = new.pinned(self._index)
            self._require_old_wallet(state, pinned.address)
            return self._changed(
                "rotate",
                "/rotations",
                lambda key: wire.Rotate(pinned, key),
                lambda known: checks.rotation(known, pinned.address),
                code=code,
                signers=Signers(wallet=self._wallet, new_wallet=new),
            )

    def finish_rotation(self) -> Signed | None:
        """Complete a replacement of the wallet that this phone began; None if none of its own is open."""
        with self._keystore.exclusive():
            pinned = self._journal.pinned
            if pinned is None or pinned.new_wallet_by != "rotate" or self._succession.successor(self._network) is None:
                return None
            case = self.devices().recovery
            if case is None or case.state != "OPEN" or case.case != pinned.approval:
                # It was stopped, or its time is over: what comes next begins anew.
                self._journal.pin(msgspec.structs.replace(pinned, approval=None, new_wallet_by=None))
                return None
            return self.activate()

    def _require_old_wallet(self, state: PhoneState, address: str) -> None:
        """``WALLET_IS_NEW`` if only the answer was lost, too long ago to repeat it: this phone takes the wallet now."""
        seen = self.devices()
        if seen.wallet != address:
            return
        after = msgspec.structs.replace(state, address=address, epoch=max(state.epoch, seen.epoch))
        self._keystore.save_state(after)
        self._settle()
        raise UnsafeError(
            SafetyCode.WALLET_IS_NEW,
            "Your account has the new wallet already, and this phone now works with it. Nothing more is to be done.",
        )

    def _changed(
        self,
        subject: str,
        path: str,
        message: Callable[[str | None], msgspec.Struct],
        expected: Callable[[Known], Expected],
        *,
        code: Secret | None = None,
        signers: Signers | None = None,
    ) -> Signed:
        """Ask for a change of this phone's own account, and sign it."""
        with self._keystore.exclusive():
            if (repeated := self._repeated(subject)) is not None:
                return repeated
            state, pinned = self._linked_state(), self._journal.pinned
            key = self._code_key(state, code)
            told = None if key is None else to_base64url(key.public.sec1)
            by = signers or Signers(wallet=self._wallet)
            return self._answer(
                self._server(state).post(path, message(told), wire.Claimed),
                expected,
                state=state,
                pinned=pinned,
                subject=subject,
                signers=Signers(wallet=by.wallet, is_told=by.is_told, new_wallet=by.new_wallet, code=key),
            )

    def _code_text(self, state: PhoneState, code: Secret) -> str:
        key = self._code_key(state, code)
        assert key is not None
        return to_base64url(key.public.sec1)
