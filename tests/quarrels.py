"""What owners, thieves, guardians and officers sign when an account is in danger, on a :class:`ledger.Ledger`.

Numbers are those of ``builders``: wallet 1 is the account's first one, ``NEW_WALLET`` what takes its place; wallets
``GUARDIANS`` belong to friends, each on the phone of the same number; the key of a recovery code is that of phone
``CODE``; an officer signs with phone and wallet ``OFFICE``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from builders import digest, sec1_text, thumbprint, wallet
from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    AttestIdentity,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RotateWallet,
    StartRecovery,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.guardians import Guardians
from pteri.domain import guards
from pteri.domain.decisions import Permit
from pteri.domain.events import FrozenByLink
from pteri.domain.facts import Signer
from pteri.domain.guards import codes_digest
from pteri.domain.standing import WALLET_ALONE

if TYPE_CHECKING:
    from ledger import Ledger
    from pteri.core.ids import Digest
    from pteri.core.wallets import PinnedWallet
    from pteri.domain.account import Account
    from pteri.domain.decisions import Decision

NEW_WALLET: Final = 5
GUARDIANS: Final = (91, 92, 93)
CODE: Final = 71
OTHER_CODE: Final = 72
OFFICE: Final = 81
OFFICERS: Final = ("officer 1", "officer 2")
STRANGER: Final = 99


def friends(*numbers: int, needed: int = 2) -> Guardians:
    """So many of these guardians; of all three if none is named."""
    return Guardians(needed, tuple(sorted(wallet(number).address for number in numbers or GUARDIANS)))


def signed_by(ledger: Ledger, letters: str = "W", *, new: int = 0, officer: str | None = None) -> Signer:
    """Everything that these letters stand for, besides phones and voices; a stranger's wallet where there is no ``W``.

    ``new``: the wallet that shall take the place of the account's.
    """
    own = ledger.now().wallet if "W" in letters else wallet(new or STRANGER)
    code_key = sec1_text(CODE) if "C" in letters else None
    return Signer(wallet=own, new_wallet=wallet(new) if new else None, code_key=code_key, officer=officer)


# --- who may help ---------------------------------------------------------------------------------------------------


def protection(ledger: Ledger, by: int, guardians: Guardians | None, *codes: int) -> ChangeProtection:
    account = ledger.now()
    return ChangeProtection(account.id, thumbprint(by), account.epoch, guardians, codes_digest(code_keys(*codes)))


def code_keys(*codes: int) -> tuple[str, ...]:
    return tuple(sec1_text(code) for code in codes)


def protect(ledger: Ledger, by: int, guardians: Guardians | None, *codes: int, letters: str = "W") -> Decision:
    """These guardians and codes shall count from now; ``letters`` with ``C`` shows a present code."""
    act = protection(ledger, by, guardians, *codes)
    return ledger.submit(act, signer=signed_by(ledger, letters), code_keys=code_keys(*codes))


def protected(ledger: Ledger) -> Ledger:
    """With guardians and a code, since the day of its binding."""
    assert isinstance(protect(ledger, 1, friends(), CODE), Permit)
    return ledger


def vouching(ledger: Ledger, guardian: int, newcomer: int) -> VouchForRecovery:
    account = ledger.now()
    return VouchForRecovery(account.id, thumbprint(guardian), account.epoch, thumbprint(newcomer))


def vouch(ledger: Ledger, guardian: int, newcomer: int) -> Decision:
    signer = Signer(wallet=wallet(guardian))
    return ledger.submit(vouching(ledger, guardian, newcomer), newcomer=guardian, signer=signer)


def attesting(ledger: Ledger, newcomer: int, *, by: int = OFFICE) -> AttestIdentity:
    account = ledger.now()
    return AttestIdentity(account.id, thumbprint(by), account.epoch, thumbprint(newcomer))


def attest(ledger: Ledger, officer: str | None, newcomer: int) -> Decision:
    signer = Signer(wallet=wallet(OFFICE), officer=officer)
    return ledger.submit(attesting(ledger, newcomer), newcomer=OFFICE, signer=signer)


def spoken_for(ledger: Ledger, letters: str, newcomer: int) -> Ledger:
    """With the voices of ``G`` and ``A``, where they are among the letters."""
    if "G" in letters:
        for guardian in GUARDIANS[:2]:
            assert isinstance(vouch(ledger, guardian, newcomer), Permit)
    if "A" in letters:
        for officer in OFFICERS:
            assert isinstance(attest(ledger, officer, newcomer), Permit)
    return ledger


# --- cases ----------------------------------------------------------------------------------------------------------


def claiming(ledger: Ledger, number: int, letters: str, *, new: int = NEW_WALLET) -> StartRecovery:
    """The claim of a new phone; the wallet stays if ``letters`` are the wallet alone."""
    named = SAME_WALLET if frozenset(letters) == WALLET_ALONE else wallet(new).address
    return msgspec.structs.replace(ledger.claim(number), evidence=tuple(sorted(letters)), new_wallet=named)


def claim(ledger: Ledger, number: int, letters: str, *, new: int = NEW_WALLET) -> Decision:
    """The claim, signed by what the letters say; voices must have been heard before."""
    act = claiming(ledger, number, letters, new=new)
    replaces = act.new_wallet != SAME_WALLET
    return ledger.submit(act, newcomer=number, signer=signed_by(ledger, letters, new=new if replaces else 0))


def rotation(ledger: Ledger, by: int, new: int = NEW_WALLET) -> RotateWallet:
    account = ledger.now()
    return RotateWallet(account.id, thumbprint(by), account.epoch, wallet(new).address)


def rotate(ledger: Ledger, by: int, letters: str = "W", *, new: int = NEW_WALLET) -> Decision:
    """Another wallet, on a phone that stays."""
    return ledger.submit(rotation(ledger, by, new), signer=signed_by(ledger, letters, new=new))


def completing(account: Account) -> tuple[ActivateDevice, PinnedWallet]:
    """What the phone of the case signs at its end, and with which wallet."""
    case = account.recovery
    assert case is not None
    act = ActivateDevice(account.id, case.new_device, account.esim, account.epoch, approval=case.approval)
    return act, case.new_wallet or account.wallet


def complete(ledger: Ledger) -> Decision:
    """The phone of the case says that the wait is over."""
    act, own = completing(ledger.settled()[0])
    return ledger.submit(act, signer=Signer(wallet=own))


def case_of(ledger: Ledger) -> Digest:
    """The digest by which people name the case that is open."""
    case = ledger.now().recovery
    assert case is not None
    return case.approval


# --- stopping others ------------------------------------------------------------------------------------------------


def objection(ledger: Ledger, by: int, case: Digest) -> VetoChange:
    account = ledger.now()
    return VetoChange(account.id, thumbprint(by), account.epoch, case)


def veto(ledger: Ledger, by: int, case: Digest | None = None, *, letters: str = "W") -> Decision:
    """To the open case, unless something else is named."""
    return ledger.submit(objection(ledger, by, case or case_of(ledger)), signer=signed_by(ledger, letters))


def freezing(ledger: Ledger, by: int) -> FreezeAccount:
    account = ledger.now()
    return FreezeAccount(account.id, thumbprint(by), account.epoch)


def freeze(ledger: Ledger, by: int = STRANGER, letters: str = "W", *, officer: str | None = None) -> Decision:
    """From a phone that nobody knows, unless one is named."""
    return ledger.submit(freezing(ledger, by), signer=signed_by(ledger, letters, officer=officer))


def unfreezing(ledger: Ledger, by: int) -> UnfreezeAccount:
    account = ledger.now()
    return UnfreezeAccount(account.id, thumbprint(by), account.epoch)


def unfreeze(ledger: Ledger, by: int = 1, letters: str = "WC") -> Decision:
    return ledger.submit(unfreezing(ledger, by), signer=signed_by(ledger, letters))


# --- backups --------------------------------------------------------------------------------------------------------


def backup(ledger: Ledger, by: int) -> ConfirmBackup:
    account = ledger.now()
    return ConfirmBackup(account.id, thumbprint(by), account.epoch, backup=digest("backup"))


# --- where warnings go ----------------------------------------------------------------------------------------------

HOME, WORK, THIEFS = (digest(f"address {where}") for where in ("at home", "at work", "of a thief"))


def addressing(ledger: Ledger, by: int, *channels: Digest) -> ChangeChannels:
    account = ledger.now()
    return ChangeChannels(account.id, thumbprint(by), account.epoch, tuple(sorted(channels)))


def notify(ledger: Ledger, by: int, *channels: Digest, letters: str = "W") -> Decision:
    """Warnings shall go to these."""
    return ledger.submit(addressing(ledger, by, *channels), signer=signed_by(ledger, letters))


def warned(ledger: Ledger, by: int = 1) -> Ledger:
    """With an address for warnings."""
    assert isinstance(notify(ledger, by, HOME), Permit)
    return ledger


def freeze_by_link(ledger: Ledger) -> Decision:
    """Somebody who reads the mail stops the account."""
    account, lapsed = ledger.settled()
    decision = guards.freeze_by_link(account, ledger.at, ledger.rules)
    if isinstance(decision, Permit):
        until = ledger.at + ledger.rules.freeze_s
        for event in (
            *lapsed,
            FrozenByLink(ledger.at, ledger.next_request(), digest("link"), ledger.rules.digest(), until),
        ):
            ledger.record(event)
    return decision
